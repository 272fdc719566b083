/** Where the venue's services are. null: not used. */
export interface VenueEndpoints {
  readonly marketSocket: string;
  readonly polyboltSocket: string | null;
  readonly rtdsSocket: string | null;
  readonly binanceSocket: string | null;
  readonly gamma: string;
  readonly clob: string;
  /** The web site's strike service: seconds after the opening, where Gamma takes a minute. Undocumented. */
  readonly cryptoPrice: string | null;
}

/** Production, as of 2026-11 (reference/polymarket.md §1, §4, §5, §6). */
export const PRODUCTION_ENDPOINTS: VenueEndpoints = {
  marketSocket: "wss://ws-subscriptions-clob.polymarket.com/ws/market",
  polyboltSocket: "wss://ws-live-v2.polymarket.com/ws",
  rtdsSocket: "wss://ws-live-data.polymarket.com",
  binanceSocket: "wss://stream.binance.com:9443/ws",
  gamma: "https://gamma-api.polymarket.com",
  clob: "https://clob.polymarket.com",
  cryptoPrice: "https://polymarket.com/api/crypto/crypto-price",
};
