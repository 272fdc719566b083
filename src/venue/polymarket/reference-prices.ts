import type { PriceMicros, ReferencePrice, UnixMicros, VenueEvent } from "#model";
import { fromMillis, ONE } from "#model";
import { describe, isMembers, list, type Members, optionalText, text, Unreadable } from "./json.ts";

/*
 * Underlying prices from three services.
 * - PolyBolt: {v, channel, seq, ts, snapshot?, payload}; times are numbers of ms, full_accuracy_value a plain decimal.
 * - RTDS (legacy): {topic, type, timestamp, payload}; on the Chainlink topics full_accuracy_value is an E18 integer; the
 *   history a subscriber gets has payload.data, and for Chainlink spot is labelled "crypto_prices": the symbol tells.
 * - Binance: {e: "trade" | "aggTrade", s, p, T} or a bookTicker {u, s, b, B, a, A}.
 * Sources: polybolt.ts and its staging capture of 2026-09-08, recorded RTDS frames of 2026-04, Binance's public docs.
 */

const NO_TIME = 0 as UnixMicros;

export function decodePolyBolt(message: unknown): VenueEvent[] {
  if (!isMembers(message)) throw new Unreadable("bad_shape", "a message is no object");
  if (typeof message.op === "string") return [decodeAnswer(message, message.op)];
  const channel = text(message, "channel");
  const payload = message.payload;
  if (!isMembers(payload)) throw new Unreadable("bad_shape", `payload is ${describe(payload)}`);
  if (channel === "price.polymarket") return [{ kind: "notice", text: channel }];
  if (!channel.startsWith("price.")) return [{ kind: "unknown", type: channel }];
  const twap = channel.endsWith(".twap");
  const shared: Shared = {
    source: "polybolt",
    provider: optionalText(payload, "source") ?? "chainlink",
    symbol: symbolOf(text(payload, "symbol")),
    measure: twap ? "twap" : "spot",
    windowSeconds: twap ? Number(payload.window_seconds) || 60 : null,
    sentAt: fromMillis(Number(message.ts)) ?? NO_TIME,
  };
  return points(payload).map((point) => ({
    ...shared,
    ...observation(point, decimalOf),
    history: message.snapshot === true,
  }));
}

type Shared = Pick<ReferencePrice, "source" | "provider" | "symbol" | "measure" | "windowSeconds" | "sentAt">;

function decodeAnswer(message: Members, op: string): VenueEvent {
  if (op !== "error") return { kind: "notice", text: op };
  return {
    kind: "fault",
    reason: "refused",
    detail: `PolyBolt refused ${optionalText(message, "channel") ?? "a frame"}: ${String(message.code)}`,
  };
}

export function decodeRtds(message: unknown): VenueEvent[] {
  if (!isMembers(message)) throw new Unreadable("bad_shape", "a message is no object");
  if ("statusCode" in message) {
    const body = isMembers(message.body) ? message.body.message : message.body;
    return [
      { kind: "fault", reason: "refused", detail: `RTDS answered ${String(message.statusCode)}: ${String(body)}` },
    ];
  }
  const topic = text(message, "topic");
  if (!topic.startsWith("crypto_prices")) return [{ kind: "unknown", type: topic }];
  const payload = message.payload;
  if (!isMembers(payload)) throw new Unreadable("bad_shape", `payload is ${describe(payload)}`);
  const wireSymbol = text(payload, "symbol");
  const chainlink = wireSymbol.includes("/");
  const twap = topic.startsWith("crypto_prices_twap");
  const shared: Shared = {
    source: "rtds",
    provider: chainlink ? "chainlink" : "binance",
    symbol: symbolOf(wireSymbol),
    measure: twap ? "twap" : "spot",
    windowSeconds: twap ? Number(payload.window_s) || (topic.endsWith("thirty") ? 30 : 60) : null,
    sentAt: fromMillis(Number(message.timestamp)) ?? NO_TIME,
  };
  const exactly = chainlink ? e18Of : decimalOf;
  return points(payload).map((point) => ({ ...shared, ...observation(point, exactly), history: "data" in payload }));
}

export function decodeBinance(message: unknown): VenueEvent[] {
  if (!isMembers(message)) throw new Unreadable("bad_shape", "a message is no object");
  const data = isMembers(message.data) ? message.data : message;
  if ("result" in data) return [{ kind: "notice", text: "subscribed" }];
  const type = data.e ?? ("b" in data && "a" in data ? "bookTicker" : undefined);
  if (type !== "trade" && type !== "aggTrade" && type !== "bookTicker")
    return [{ kind: "unknown", type: String(type) }];
  const exact = type === "bookTicker" ? String((Number(data.b) + Number(data.a)) / 2) : text(data, "p");
  const at = fromMillis(Number(data.T ?? data.E)) ?? NO_TIME;
  const symbol = symbolOf(text(data, "s"));
  return [
    {
      kind: "reference_price",
      source: "binance",
      provider: "binance",
      symbol,
      measure: "spot",
      windowSeconds: null,
      price: priceOf(exact),
      exact,
      observedAt: at,
      sentAt: fromMillis(Number(data.E ?? data.T)) ?? at,
      history: false,
    },
  ];
}

function points(payload: Members): readonly Members[] {
  if (!("data" in payload)) return [payload];
  return list(payload, "data").filter(isMembers);
}

function observation(
  point: Members,
  exactly: (fullAccuracy: string) => string,
): Pick<ReferencePrice, "kind" | "price" | "exact" | "observedAt"> {
  const full = optionalText(point, "full_accuracy_value");
  const exact = full === undefined ? String(point.value) : exactly(full);
  const observedAt = fromMillis(Number(point.timestamp));
  if (observedAt === undefined) throw new Unreadable("bad_number", `timestamp is ${describe(point.timestamp)}`);
  return { kind: "reference_price", price: priceOf(exact), exact, observedAt };
}

function decimalOf(fullAccuracy: string): string {
  return fullAccuracy;
}

/** 76211800165600190000000 is 76211.80016560019 dollars. */
function e18Of(fullAccuracy: string): string {
  if (!/^\d+$/.test(fullAccuracy)) return fullAccuracy;
  const digits = fullAccuracy.padStart(19, "0");
  const fraction = digits.slice(-18).replace(/0+$/, "");
  return fraction === "" ? digits.slice(0, -18) : `${digits.slice(0, -18)}.${fraction}`;
}

function priceOf(exact: string): PriceMicros {
  const parts = /^(\d{1,9})(?:\.(\d+))?$/.exec(exact);
  if (!parts) throw new Unreadable("bad_number", `${describe(exact)} is no price`);
  return (Number(parts[1]) * ONE + Number((parts[2] ?? "").padEnd(6, "0").slice(0, 6))) as PriceMicros;
}

function symbolOf(wire: string): string {
  return wire.toLowerCase().replace(/[^a-z0-9]/g, "");
}
