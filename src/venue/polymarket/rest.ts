import { HttpError } from "#host";
import type { BookSnapshot, Fault, InstrumentId, Market, MarketId, UnnumberedFrame } from "#model";
import { formatTime, parseTime, type UnixMicros } from "#model";
import { decodeBookAnswer } from "./decoder.ts";
import type { VenueEndpoints } from "./endpoints.ts";
import { decodeGamma, type GammaAnswer } from "./gamma.ts";
import { type Exchange, HttpClient, type HttpClientOptions } from "./http-client.ts";
import {
  type ClobMarket,
  decodeClobMarket,
  decodeVenueTime,
  decodeWindowPrices,
  type WindowPrices,
} from "./rest-answers.ts";
import { parseWindowSlug, type Timeframe, windowSlug } from "./series.ts";

export interface RestOptions extends HttpClientOptions {
  readonly endpoints: VenueEndpoints;
}

/** A book by REST is a witness: it can be older than the stream's (§6.1), so compare `sentAt` first. */
export type BookAnswer =
  | { readonly kind: "book"; readonly snapshot: BookSnapshot; readonly frame: UnnumberedFrame }
  /** The market is closed, or never had a book. */
  | { readonly kind: "not_found"; readonly frame: UnnumberedFrame }
  | { readonly kind: "unreadable"; readonly fault: Fault; readonly frame: UnnumberedFrame };

const NOTHING: GammaAnswer = { markets: [], faults: [], nextCursor: null };

/** The venue's REST interfaces, read only. Each answer is handed on as a frame before it is read. */
export class Rest {
  readonly #http: HttpClient;
  readonly #endpoints: VenueEndpoints;

  constructor(options: RestOptions) {
    this.#http = new HttpClient(options);
    this.#endpoints = options.endpoints;
  }

  /** @throws HttpError, BucketOverloaded: see HttpClient.get. So do all others here. */
  async fetchBook(instrument: InstrumentId): Promise<BookAnswer> {
    const { answer, frame } = await this.#clob(`/book?token_id=${encodeURIComponent(instrument)}`);
    if (answer.status === 404) return { kind: "not_found", frame };
    const decoded = decodeBookAnswer(answer.body);
    return decoded.kind === "fault"
      ? { kind: "unreadable", fault: decoded, frame }
      : { kind: "book", snapshot: decoded, frame };
  }

  /** The venue's clock, in whole seconds. */
  async fetchTime(): Promise<UnixMicros> {
    const { answer } = await this.#clob("/time");
    const at = decodeVenueTime(answer.body);
    if (at === undefined) throw new HttpError("status", `${this.#endpoints.clob}/time`, "no time", answer.status);
    return at;
  }

  /** null where the venue knows no such market or its answer cannot be read. */
  async fetchClobMarket(id: MarketId): Promise<ClobMarket | null> {
    const { answer } = await this.#clob(`/markets/${encodeURIComponent(id)}`);
    const decoded = answer.status === 200 ? decodeClobMarket(answer.body) : null;
    return decoded?.kind === "clob_market" ? decoded : null;
  }

  /** The condition of a token; null where the venue knows none. */
  async fetchMarketOfToken(instrument: InstrumentId): Promise<MarketId | null> {
    const { answer } = await this.#clob(`/markets-by-token/${encodeURIComponent(instrument)}`);
    const found = /"condition_id"\s*:\s*"(0x[0-9a-f]+)"/i.exec(new TextDecoder().decode(answer.body));
    return answer.status === 200 && found?.[1] ? (found[1] as MarketId) : null;
  }

  /** Strike and final price seconds after they are made; null for markets that the service does not serve. */
  async fetchWindowPrices(market: Market): Promise<WindowPrices | null> {
    const url = windowPricesUrl(this.#endpoints.cryptoPrice, market);
    if (url === null) return null;
    const { answer } = await this.#http.get("web", url);
    const decoded = answer.status === 200 ? decodeWindowPrices(answer.body) : null;
    return decoded?.kind === "window_prices" ? decoded : null;
  }

  /** Markets of a Gamma path ("/events?slug=…"); none for a 404. */
  async fetchMarkets(path: string): Promise<GammaAnswer> {
    const body = await this.fetchGamma(path);
    return body === null ? NOTHING : decodeGamma(body);
  }

  /** The body of a Gamma path as it came; null for a 404. Any other status is an HttpError. */
  async fetchGamma(path: string): Promise<Uint8Array | null> {
    const url = this.#endpoints.gamma + path;
    const { answer } = await this.#http.get("gamma", url);
    if (answer.status === 200) return answer.body;
    if (answer.status === 404) return null;
    throw new HttpError("status", url, `answered HTTP ${answer.status}`, answer.status);
  }

  #clob(path: string): Promise<Exchange> {
    return this.#http.get("clob", this.#endpoints.clob + path);
  }
}

const VARIANTS: Record<string, string> = { "5m": "fiveminute", "15m": "fifteen" };
const TIMEFRAMES_BY_VARIANT: Record<string, Timeframe> = { fiveminute: "5m", fifteen: "15m" };

/**
 * The address of the strike service for a window; null where it has none (only 5m and 15m are known to be served).
 * The TWAP members are not optional: without them it answers with the spot price, which would grade the window wrongly.
 */
export function windowPricesUrl(service: string | null, market: Market): string | null {
  const recurring = parseWindowSlug(market.slug);
  const variant = VARIANTS[recurring?.timeframe ?? ""];
  if (service === null || recurring === undefined || variant === undefined) return null;
  const { window, coin } = recurring;
  const seconds = market.settlement.kind === "chainlink_twap" ? market.settlement.seconds : null;
  const query = new URLSearchParams({
    symbol: coin.toUpperCase(),
    eventStartTime: wholeSeconds(window.startsAt),
    endDate: wholeSeconds(window.endsAt),
    variant,
    ...(seconds === null ? {} : { twapEnabled: "true", twapLookbackSeconds: String(seconds) }),
  });
  return `${service}?${query}`;
}

/** The slug of the window that such an address asks about; undefined where it is none. */
export function windowOfPricesUrl(url: string): string | undefined {
  const query = URL.parse(url)?.searchParams;
  const timeframe = TIMEFRAMES_BY_VARIANT[query?.get("variant") ?? ""];
  const startsAt = parseTime(query?.get("eventStartTime") ?? "");
  const coin = query?.get("symbol")?.toLowerCase();
  return timeframe && coin && startsAt !== undefined ? windowSlug(coin, timeframe, startsAt) : undefined;
}

/** 2026-09-28T17:30:00Z, as Gamma writes it. */
function wholeSeconds(at: UnixMicros): string {
  return formatTime(at).replace(/\.\d+Z$/, "Z");
}
