import type { ExactPrice, ReferencePrice, UnixMicros, VenueEvent } from "#model";
import {
  bestPrice,
  describe,
  exactPrice,
  instrumentId,
  isMembers,
  list,
  type Members,
  marketId,
  optionalText,
  text,
  Unreadable,
  venueTime,
} from "./json.ts";

/*
 * Underlying prices from three services.
 * - PolyBolt: {v, channel, seq, ts, snapshot?, payload}; times are numbers of ms, full_accuracy_value a plain decimal.
 * - RTDS (legacy): {topic, type, timestamp, payload}; on the Chainlink topics full_accuracy_value is an E18 integer; the
 *   history a subscriber gets has payload.data, and for Chainlink spot is labelled "crypto_prices": the symbol tells.
 * - Binance: {e: "trade" | "aggTrade", E, s, p, T} or a bookTicker {u, s, b, B, a, A}, bare or as a stream's `data`.
 * Sources: polybolt.ts and its staging capture of 2026-09-08, recorded RTDS frames of 2026-04, Binance's public docs.
 */

/** @throws Unreadable, as the others here, where a known message does not have its shape. */
export function decodePolyBolt(message: unknown): VenueEvent[] {
  if (!isMembers(message)) throw new Unreadable("bad_shape", "a message is no object");
  if (typeof message.op === "string") return [decodeAnswer(message, message.op)];
  const channel = text(message, "channel");
  if (!channel.startsWith("price.")) return [{ kind: "unknown", type: channel }];
  const payload = payloadOf(message);
  if (channel === "price.polymarket") return [decodeBestPrices(payload)];
  const twap = channel.endsWith(".twap");
  const series: Series = {
    source: "polybolt",
    // Spot was Pyth's before 2026-10-02 and is Chainlink's since; frames of those days do not say. TWAP is Chainlink's.
    provider: optionalText(payload, "source") ?? (twap ? "chainlink" : "unknown"),
    symbol: symbolOf(text(payload, "symbol")),
    measure: twap ? "twap" : "spot",
    windowSeconds: twap ? (seconds(payload.window_seconds) ?? 60) : null,
  };
  const sentAt = venueTime(message, "ts");
  const history = message.snapshot === true;
  return points(payload).map((point) => observation(series, point, exactOf(point, "decimal"), sentAt, history));
}

type Series = Pick<ReferencePrice, "source" | "provider" | "symbol" | "measure" | "windowSeconds">;

function decodeAnswer(message: Members, op: string): VenueEvent {
  if (op !== "error") return { kind: "notice", text: op };
  const what = optionalText(message, "channel") ?? "a frame";
  return { kind: "fault", reason: "refused", detail: `PolyBolt refused ${what}: ${describe(message.code)}` };
}

/** The venue's own best prices: an empty text is an empty side, as on the market channel. */
function decodeBestPrices(payload: Members): VenueEvent {
  return {
    kind: "best_prices",
    market: marketId(payload),
    instrument: instrumentId(payload),
    sentAt: venueTime(payload),
    bestBid: bestPrice(payload, "best_bid") ?? null,
    bestAsk: bestPrice(payload, "best_ask") ?? null,
  };
}

export function decodeRtds(message: unknown): VenueEvent[] {
  if (!isMembers(message)) throw new Unreadable("bad_shape", "a message is no object");
  if ("statusCode" in message) {
    const body = isMembers(message.body) ? message.body.message : message.body;
    const detail = `RTDS answered ${describe(message.statusCode)}: ${describe(body)}`;
    return [{ kind: "fault", reason: "refused", detail }];
  }
  const topic = text(message, "topic");
  if (!topic.startsWith("crypto_prices")) return [{ kind: "unknown", type: topic }];
  const payload = payloadOf(message);
  const wireSymbol = text(payload, "symbol");
  const chainlink = wireSymbol.includes("/");
  const twap = topic.startsWith("crypto_prices_twap");
  const series: Series = {
    source: "rtds",
    provider: chainlink ? "chainlink" : "binance",
    symbol: symbolOf(wireSymbol),
    measure: twap ? "twap" : "spot",
    windowSeconds: twap ? (seconds(payload.window_s) ?? (topic.endsWith("thirty") ? 30 : 60)) : null,
  };
  const sentAt = message.timestamp === undefined ? undefined : venueTime(message);
  const history = "data" in payload;
  return points(payload).map((point) =>
    observation(series, point, exactOf(point, chainlink ? "e18" : "decimal"), sentAt, history),
  );
}

/** `receivedAt`: what a message without a time of its own is dated by; the spot market's bookTicker has none. */
export function decodeBinance(message: unknown, receivedAt: UnixMicros | undefined): VenueEvent[] {
  if (!isMembers(message)) throw new Unreadable("bad_shape", "a message is no object");
  const data = isMembers(message.data) ? message.data : message;
  if ("error" in data || "code" in data) {
    return [{ kind: "fault", reason: "refused", detail: `Binance: ${describe(data.msg ?? data.code ?? "an error")}` }];
  }
  if ("result" in data) return [{ kind: "notice", text: "subscribed" }];
  const type = data.e ?? ("b" in data && "a" in data ? "bookTicker" : undefined);
  if (type !== "trade" && type !== "aggTrade" && type !== "bookTicker") {
    return [{ kind: "unknown", type: typeof type === "string" ? type : "(no e)" }];
  }
  const { exact, price } = type === "bookTicker" ? middleOf(data) : exactPrice(data.p, "p");
  const sentAt = "E" in data ? venueTime(data, "E") : receivedAt;
  const observedAt = "T" in data ? venueTime(data, "T") : sentAt;
  if (sentAt === undefined || observedAt === undefined) throw new Unreadable("bad_shape", `${type} without a time`);
  const symbol = symbolOf(text(data, "s"));
  return [
    {
      kind: "reference_price",
      source: "binance",
      provider: "binance",
      symbol,
      measure: "spot",
      windowSeconds: null,
      price,
      exact,
      observedAt,
      sentAt,
      history: false,
    },
  ];
}

/** The middle between best bid and offer, exactly: half of a sum of decimals has one digit more than they. */
function middleOf(ticker: Members): ExactPrice {
  const bid = exactPrice(ticker.b, "b").exact;
  const ask = exactPrice(ticker.a, "a").exact;
  const decimals = Math.max(...[bid, ask].map((exact) => exact.split(".")[1]?.length ?? 0)) + 1;
  const scaled = (exact: string): bigint => {
    const [whole = "", fraction = ""] = exact.split(".");
    return BigInt(whole + fraction.padEnd(decimals, "0"));
  };
  const digits = String((scaled(bid) + scaled(ask)) / 2n).padStart(decimals + 1, "0");
  return exactPrice(`${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`, "middle");
}

function payloadOf(message: Members): Members {
  const payload = message.payload;
  if (isMembers(payload)) return payload;
  throw new Unreadable("bad_shape", `payload is ${describe(payload)}`);
}

function points(payload: Members): readonly Members[] {
  if (!("data" in payload)) return [payload];
  return list(payload, "data").map((point) => {
    if (isMembers(point)) return point;
    throw new Unreadable("bad_shape", `a point is ${describe(point)}`);
  });
}

function observation(
  series: Series,
  point: Members,
  { price, exact }: ExactPrice,
  sentAt: UnixMicros | undefined,
  history: boolean,
): ReferencePrice {
  const observedAt = venueTime(point);
  return {
    kind: "reference_price",
    ...series,
    price,
    exact,
    observedAt,
    sentAt: sentAt ?? observedAt,
    history,
  };
}

function exactOf(point: Members, form: "decimal" | "e18"): ExactPrice {
  const full = optionalText(point, "full_accuracy_value");
  if (full === undefined) return exactPrice(point.value, "value");
  return exactPrice(form === "e18" ? fromE18(full) : full, "full_accuracy_value");
}

/** 76211800165600190000000 is 76211.80016560019 dollars; what is no integer stays as it is. */
function fromE18(integer: string): string {
  if (!/^\d+$/.test(integer)) return integer;
  const digits = integer.padStart(19, "0");
  const fraction = digits.slice(-18).replace(/0+$/, "");
  return fraction === "" ? digits.slice(0, -18) : `${digits.slice(0, -18)}.${fraction}`;
}

function seconds(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : undefined;
}

function symbolOf(wire: string): string {
  return wire.toLowerCase().replace(/[^a-z0-9]/g, "");
}
