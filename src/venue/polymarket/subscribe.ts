import type { InstrumentId } from "#model";

/*
 * What a client sends. The market channel acknowledges nothing; PolyBolt answers each frame by `rid`; RTDS answers with
 * a history or with silence. Sources: asyncapi.json, docs /api-reference/wss/polybolt and /market-data/websocket/rtds.
 */

/** The heartbeat of the market channel (every 10 s) and of RTDS (every 5 s); PolyBolt pings by itself. */
export const PING = "PING";

/** The first frame of a market socket. No tokens: no book, but with custom features the venue-wide `new_market`. */
export function marketSubscribe(
  instruments: readonly InstrumentId[],
  options: { readonly customFeatures?: boolean; readonly initialDump?: boolean } = {},
): string {
  return JSON.stringify({
    assets_ids: instruments,
    type: "market",
    initial_dump: options.initialDump,
    custom_feature_enabled: options.customFeatures ?? true,
  });
}

/** Adds or takes away tokens on an open market socket. */
export function marketOperation(
  operation: "subscribe" | "unsubscribe",
  instruments: readonly InstrumentId[],
  options: { readonly customFeatures?: boolean } = {},
): string {
  return JSON.stringify({
    operation,
    assets_ids: instruments,
    custom_feature_enabled: operation === "subscribe" ? (options.customFeatures ?? true) : undefined,
  });
}

/** CLOB API credentials, needed for all of PolyBolt but `price.polymarket`. Never to be logged. */
export interface PolyBoltCredentials {
  readonly apiKey: string;
  readonly secret: string;
  readonly passphrase: string;
}

export type PolyBoltSubscription =
  | { readonly channel: "price.polymarket"; readonly filter: { readonly asset_id: InstrumentId } }
  | { readonly channel: "price.crypto"; readonly filter: { readonly symbol: string; readonly provider?: string } }
  | {
      readonly channel: "price.crypto.twap";
      readonly filter: { readonly symbol: string; readonly window_seconds: number };
    };

export function polyboltAuth(credentials: PolyBoltCredentials, rid: string): string {
  const { apiKey, secret, passphrase } = credentials;
  return JSON.stringify({ op: "auth", rid, auth: { apiKey, secret, passphrase } });
}

/** One frame for all of them: a batch counts once against the limit of 20 frames a second. */
export function polyboltSubscribe(subscriptions: readonly PolyBoltSubscription[], rid: string): string {
  return JSON.stringify({ op: "subscribe", rid, subscriptions });
}

export function polyboltUnsubscribe({ channel, filter }: PolyBoltSubscription): string {
  return JSON.stringify({ op: "unsubscribe", channel, filter });
}

export type RtdsTopic =
  | "crypto_prices"
  | "crypto_prices_chainlink"
  | "crypto_prices_twap_thirty"
  | "crypto_prices_twap_sixty";

/**
 * One topic a frame: a bad topic silences every other in its array. The filter is JSON in a string and must hold no
 * space: with one the history comes, and then nothing. `symbol`: "btc/usd" on Chainlink topics, "btcusdt" on
 * crypto_prices; without it all symbols come.
 */
export function rtdsSubscribe(topic: RtdsTopic, symbol?: string): string {
  return rtdsAction("subscribe", topic, symbol);
}

export function rtdsUnsubscribe(topic: RtdsTopic, symbol?: string): string {
  return rtdsAction("unsubscribe", topic, symbol);
}

function rtdsAction(action: "subscribe" | "unsubscribe", topic: RtdsTopic, symbol: string | undefined): string {
  const filters = symbol === undefined ? undefined : JSON.stringify({ symbol });
  return JSON.stringify({ action, subscriptions: [{ topic, type: "update", filters }] });
}

/** `binanceSubscribe(["btcusdt@trade"], 1)`: streams of the public spot socket. */
export function binanceSubscribe(streams: readonly string[], id: number): string {
  return JSON.stringify({ method: "SUBSCRIBE", params: streams, id });
}
