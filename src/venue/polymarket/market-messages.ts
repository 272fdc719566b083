import type { BookSnapshot, InstrumentId, Level, LevelChange, PriceMicros, Side, VenueEvent } from "#model";
import { decodeAnnouncement } from "./announcement.ts";
import {
  bestPrice,
  digest,
  instrumentId,
  isMembers,
  list,
  type Members,
  marketId,
  optionalText,
  outcomePrice,
  shares,
  text,
  Unreadable,
  venueTime,
} from "./json.ts";

/*
 * Messages of the market channel, one parsed JSON object each. Prices and sizes are decimal texts, times texts of Unix
 * milliseconds; absent optionals are missing, null or "". Source: asyncapi.json of the venue's docs, ts-sdk
 * subscriptions/clob.ts, recordings of 2026-04.
 */

/** @throws Unreadable where a known type does not have its shape. */
export function decodeMarketMessage(message: unknown): VenueEvent {
  if (!isMembers(message)) throw new Unreadable("bad_shape", "a message is no object");
  const type = message.event_type;
  switch (type) {
    case "book":
      return decodeBook(message);
    case "price_change":
      return "price_changes" in message ? decodePriceChange(message) : decodeLegacyPriceChange(message);
    case "last_trade_price":
      return decodeTrade(message);
    case "tick_size_change":
      return decodeTickSizeChange(message);
    case "best_bid_ask":
      return decodeBestPrices(message);
    case "new_market":
      return decodeAnnouncement(message);
    case "market_resolved":
      return decodeResolution(message);
    default:
      return { kind: "unknown", type: typeof type === "string" ? type : "(no event_type)" };
  }
}

/** A book as sent on the socket or answered by REST. */
export function decodeBook(message: Members): BookSnapshot {
  // Very old captures say buys and sells.
  const bids = decodeLevels(list(message, "bids" in message ? "bids" : "buys"), "bid");
  const asks = decodeLevels(list(message, "asks" in message ? "asks" : "sells"), "ask");
  const tickSize = optionalText(message, "tick_size") === undefined ? undefined : tick(message, "tick_size");
  const lastTrade = message.last_trade_price;
  return {
    kind: "book",
    market: marketId(message),
    instrument: instrumentId(message),
    sentAt: venueTime(message),
    digest: digest(message),
    bids,
    asks,
    ...(tickSize === undefined ? {} : { tickSize }),
    ...(optionalText(message, "min_order_size")
      ? { minOrderSize: shares(message.min_order_size, "min_order_size") }
      : {}),
    ...(typeof message.neg_risk === "boolean" ? { negRisk: message.neg_risk } : {}),
    ...(typeof lastTrade === "string"
      ? { lastTradePrice: lastTrade === "" ? null : outcomePrice(lastTrade, "last_trade_price") }
      : {}),
  };
}

function decodeLevels(wire: readonly unknown[], side: Side): readonly Level[] {
  const levels = wire.map((level): Level => {
    if (!isMembers(level)) throw new Unreadable("bad_shape", "a level is no object");
    return { price: outcomePrice(level.price, "price"), size: shares(level.size, "size") };
  });
  return bestFirst(levels, side);
}

/** Worst first on the wire; docs that say otherwise are wrong, but a reader need not depend on it. Reorders in place. */
export function bestFirst(levels: Level[], side: Side): readonly Level[] {
  levels.reverse();
  return inOrder(levels, side)
    ? levels
    : levels.sort((a, b) => (side === "bid" ? b.price - a.price : a.price - b.price));
}

function inOrder(levels: readonly Level[], side: Side): boolean {
  for (let index = 1; index < levels.length; index++) {
    const step = levels[index]!.price - levels[index - 1]!.price;
    if (side === "bid" ? step > 0 : step < 0) return false;
  }
  return true;
}

function decodePriceChange(message: Members): VenueEvent {
  const changes = list(message, "price_changes").map((change): LevelChange => {
    if (!isMembers(change)) throw new Unreadable("bad_shape", "a change is no object");
    return {
      instrument: instrumentId(change),
      ...decodeChange(change),
      digest: digest(change),
      bestBid: bestPrice(change, "best_bid"),
      bestAsk: bestPrice(change, "best_ask"),
    };
  });
  return { kind: "price_change", market: marketId(message), sentAt: venueTime(message), changes };
}

/** Before 2025-09-15: one token a message, one digest for all its changes, no best prices. */
function decodeLegacyPriceChange(message: Members): VenueEvent {
  const instrument = instrumentId(message);
  const after = digest(message);
  const changes = list(message, "changes").map((change): LevelChange => {
    if (!isMembers(change)) throw new Unreadable("bad_shape", "a change is no object");
    return { instrument, ...decodeChange(change), digest: after, bestBid: undefined, bestAsk: undefined };
  });
  return { kind: "price_change", market: marketId(message), sentAt: venueTime(message), changes };
}

function decodeChange(change: Members): Pick<LevelChange, "side" | "price" | "size"> {
  const side = change.side === "BUY" ? "bid" : change.side === "SELL" ? "ask" : undefined;
  if (side === undefined) throw new Unreadable("bad_shape", "side is neither BUY nor SELL");
  return { side, price: outcomePrice(change.price, "price"), size: shares(change.size, "size") };
}

function decodeTrade(message: Members): VenueEvent {
  const side = message.side;
  return {
    kind: "trade",
    market: marketId(message),
    instrument: instrumentId(message),
    sentAt: venueTime(message),
    price: outcomePrice(message.price, "price"),
    size: optionalText(message, "size") === undefined ? null : shares(message.size, "size"),
    takerSide: side === "BUY" ? "buy" : side === "SELL" ? "sell" : null,
    transaction: optionalText(message, "transaction_hash") ?? null,
  };
}

function decodeTickSizeChange(message: Members): VenueEvent {
  return {
    kind: "tick_size_change",
    market: marketId(message),
    instrument: instrumentId(message),
    sentAt: venueTime(message),
    tickSize: tick(message, "new_tick_size"),
    previous: optionalText(message, "old_tick_size") === undefined ? null : tick(message, "old_tick_size"),
  };
}

function tick(message: Members, key: string): PriceMicros {
  const size = outcomePrice(message[key], key);
  if (size > 0 && size < 1_000_000) return size;
  throw new Unreadable("bad_number", `${key} is ${String(message[key])}, expected a tick between 0 and 1`);
}

function decodeBestPrices(message: Members): VenueEvent {
  return {
    kind: "best_prices",
    market: marketId(message),
    instrument: instrumentId(message),
    sentAt: venueTime(message),
    bestBid: bestPrice(message, "best_bid") ?? null,
    bestAsk: bestPrice(message, "best_ask") ?? null,
  };
}

function decodeResolution(message: Members): VenueEvent {
  return {
    kind: "market_resolved",
    market: marketId(message),
    sentAt: venueTime(message),
    winner: text(message, "winning_asset_id") as InstrumentId,
    outcome: optionalText(message, "winning_outcome") ?? "",
  };
}
