import type { BestPrices, ReferencePrice, UnixMicros } from "#model";
import { type Json, millisOf, priceText, utf8 } from "./encode-text.ts";

/*
 * Reference-price services as a server writes them. PolyBolt: {v, channel, seq, ts, snapshot?, payload}, times as
 * numbers, full_accuracy_value a plain decimal. RTDS: compact, keys in alphabetical order, full_accuracy_value an E18
 * integer on the Chainlink topics. Sources: PolyBolt's docs and staging capture; 918 updates and 120 dumps of RTDS.
 */

export type PolyBoltAnswer =
  | { readonly op: "authed"; readonly rid: string | undefined }
  | {
      readonly op: "subscribed";
      readonly channel: string;
      readonly rid: string | undefined;
      readonly provider?: string;
    }
  | { readonly op: "unsubscribed"; readonly channel: string; readonly rid: string | undefined }
  | { readonly op: "pong"; readonly rid: string | undefined }
  | { readonly op: "challenge"; readonly nonce: string; readonly rid: string | undefined }
  | {
      readonly op: "error";
      readonly code: string;
      readonly channel?: string | undefined;
      readonly rid: string | undefined;
    };

export function encodePolyBoltAnswer(answer: PolyBoltAnswer): Uint8Array {
  return compact(
    answer.op === "subscribed"
      ? { op: answer.op, channel: answer.channel, rid: answer.rid, provider: answer.provider }
      : answer,
  );
}

/** Place of a frame on its channel: dense per connection and channel, from 1; a snapshot takes one. */
export interface PolyBoltPosition {
  readonly seq: number;
  /** Server time of sending. */
  readonly sentAt: UnixMicros;
}

export function encodePolyBoltUpdate(price: ReferencePrice, seq: number): Uint8Array {
  return compact({
    v: 1,
    channel: polyboltChannel(price),
    seq,
    ts: millisOf(price.sentAt),
    payload: {
      symbol: price.symbol,
      value: Number(price.exact),
      full_accuracy_value: price.exact,
      timestamp: millisOf(price.observedAt),
      window_seconds: price.windowSeconds ?? undefined,
      source: price.provider,
    },
  });
}

/** What a series of points shares; a snapshot may have no points, so it cannot be told from them. */
export type PriceSeries = Pick<ReferencePrice, "symbol" | "provider" | "measure" | "windowSeconds">;

/** The last two minutes of a new subscription, oldest first. */
export function encodePolyBoltSnapshot(
  series: PriceSeries,
  points: readonly ReferencePrice[],
  { seq, sentAt }: PolyBoltPosition,
): Uint8Array {
  return compact({
    v: 1,
    channel: polyboltChannel(series),
    seq,
    ts: millisOf(sentAt),
    snapshot: true,
    payload: {
      symbol: series.symbol,
      window_seconds: series.windowSeconds ?? undefined,
      source: series.provider,
      data: points.map((point) => ({
        timestamp: millisOf(point.observedAt),
        value: Number(point.exact),
        full_accuracy_value: point.exact,
      })),
    },
  });
}

/** `price.polymarket`: best bid and offer of a token, the one public channel. `digest`: 8 hex digits of the book's. */
export function encodePolyBoltBestPrices(
  best: BestPrices,
  { seq, sentAt }: PolyBoltPosition,
  more: { readonly snapshot?: boolean; readonly digest?: string } = {},
): Uint8Array {
  return compact({
    v: 1,
    channel: "price.polymarket",
    seq,
    ts: millisOf(sentAt),
    snapshot: more.snapshot === true ? true : undefined,
    payload: {
      market: best.market,
      asset_id: best.instrument,
      best_bid: best.bestBid === null ? "" : priceText(best.bestBid),
      best_ask: best.bestAsk === null ? "" : priceText(best.bestAsk),
      hash: more.digest,
      timestamp: millisOf(best.sentAt),
    },
  });
}

function polyboltChannel({ measure }: Pick<ReferencePrice, "measure">): string {
  return measure === "twap" ? "price.crypto.twap" : "price.crypto";
}

/** The topic that delivers such a price live. */
export function rtdsTopicOf({ measure, provider, windowSeconds }: PriceSeries): string {
  if (measure === "twap") return windowSeconds === 30 ? "crypto_prices_twap_thirty" : "crypto_prices_twap_sixty";
  return provider === "binance" ? "crypto_prices" : "crypto_prices_chainlink";
}

/** The symbol as RTDS spells it: "btc/usd" on the Chainlink topics, "btcusdt" on Binance's. */
export function rtdsSymbolOf({ symbol, provider }: Pick<ReferencePrice, "symbol" | "provider">): string {
  return provider === "binance" ? symbol : symbol.replace(/^(.+)(usd)$/, "$1/$2");
}

export function encodeRtdsUpdate(price: ReferencePrice, connectionId: string): Uint8Array {
  const binance = price.provider === "binance";
  return compact({
    connection_id: connectionId,
    payload: {
      full_accuracy_value: binance ? price.exact : e18Text(price.exact),
      symbol: rtdsSymbolOf(price),
      timestamp: millisOf(price.observedAt),
      value: Number(price.exact),
      window_s: price.windowSeconds ?? undefined,
    },
    timestamp: millisOf(price.sentAt),
    topic: rtdsTopicOf(price),
    type: "update",
  });
}

/**
 * The points a new subscriber gets, oldest first. The venue labels the history of Chainlink spot `crypto_prices`, and so
 * does this: a reader has to tell by the symbol. Points have no full_accuracy_value.
 */
export function encodeRtdsHistory(
  series: PriceSeries,
  points: readonly ReferencePrice[],
  sentAt: UnixMicros,
): Uint8Array {
  return compact({
    payload: {
      data: points.map((point) => ({ timestamp: millisOf(point.observedAt), value: Number(point.exact) })),
      symbol: rtdsSymbolOf(series),
    },
    timestamp: millisOf(sentAt),
    topic: series.measure === "spot" ? "crypto_prices" : rtdsTopicOf(series),
    type: "subscribe",
  });
}

/** What RTDS says when any topic of a subscription is unknown, while silencing all of them. */
export function encodeRtdsRefusal(topic: string): Uint8Array {
  return compact({ body: { message: `leger GetTopics error: ${topic} not found` }, statusCode: 401 });
}

/** What RTDS says to a frame that it cannot read, while the connection stays open (rs-clob-client's request.rs @223716d6). */
export function encodeRtdsInvalid(): Uint8Array {
  return compact({ message: "Invalid request body" });
}

/** A trade of Binance's public spot stream; `quantity` in coins, as text. */
export function encodeBinanceTrade(
  price: ReferencePrice,
  { trade, quantity }: { readonly trade: number; readonly quantity: string },
): Uint8Array {
  return compact({
    e: "trade",
    E: millisOf(price.sentAt),
    s: price.symbol.toUpperCase(),
    t: trade,
    p: price.exact,
    q: quantity,
    T: millisOf(price.observedAt),
    m: false,
    M: true,
  });
}

/** Dollars as an integer of 1e-18: "76211.8" -> "76211800000000000000000". Digits beyond the 18th are cut. */
function e18Text(exact: string): string {
  const [whole = "0", fraction = ""] = exact.split(".");
  return `${whole}${fraction.padEnd(18, "0").slice(0, 18)}`.replace(/^0+(?=\d)/, "");
}

function compact(message: Json): Uint8Array {
  return utf8(JSON.stringify(message));
}
