import type {
  BookSnapshot,
  ConnectionId,
  Digest,
  InstrumentId,
  Level,
  LevelChange,
  MarketId,
  PriceMicros,
  Side,
  SizeMicros,
  UnixMicros,
  UnnumberedFrame,
} from "#model";
import { NO_MONOTONIC, ONE, parsePrice, parseSize } from "#model";
import { encodeBookUpdate, encodePriceChange, encodeTickSizeChange, encodeTrade } from "#venue";
import type { PmxtRow } from "./pmxt-rows.ts";

/** The archive drops the venue's digest of each change and each book: "" says that there is none. */
const NO_DIGEST = "" as Digest;
/** Goes into JSON as it stands. */
const ID = /^[0-9A-Za-z]+$/;
/** Beyond this, a decimal of six places does not survive as a double. */
const LARGEST = 2 ** 50;

/** Whether a row belongs to the message of the row before it: the venue sends changes of both outcomes in one. */
export function sharesMessage(a: PmxtRow, b: PmxtRow): boolean {
  return (
    a.type === "price_change" &&
    b.type === "price_change" &&
    a.receivedAt === b.receivedAt &&
    a.market === b.market &&
    a.sentAt === b.sentAt
  );
}

/**
 * The venue's message that rows stand for (several only of `price_change`), as a frame; or why they stand for none.
 */
export function frameOfRows(rows: readonly PmxtRow[], connection: ConnectionId): UnnumberedFrame | string {
  const [first] = rows;
  if (!first) return "no rows";
  const times = [first.receivedAt, first.sentAt];
  if (!times.every((at) => Number.isSafeInteger(at) && at >= 0)) return "a time is missing";
  if (!rows.every(({ market, asset }) => ID.test(market) && ID.test(asset))) return "market or asset_id is no id";
  try {
    const bytes = messageOf(first, rows);
    return {
      connection,
      kind: "received",
      receivedAt: first.receivedAt as UnixMicros,
      monotonicAt: NO_MONOTONIC,
      bytes,
    };
  } catch (error) {
    if (error instanceof BadRow) return error.message;
    throw error;
  }
}

/** Never leaves this file. */
class BadRow extends Error {}

function messageOf(row: PmxtRow, rows: readonly PmxtRow[]): Uint8Array {
  const head = {
    market: row.market as MarketId,
    instrument: row.asset as InstrumentId,
    sentAt: row.sentAt as UnixMicros,
  };
  switch (row.type) {
    case "book":
      return encodeBookUpdate({ kind: "book", ...head, digest: NO_DIGEST, ...levelsOf(row) });
    case "price_change":
      return encodePriceChange({
        kind: "price_change",
        market: head.market,
        sentAt: head.sentAt,
        changes: rows.map(changeOf),
      });
    case "last_trade_price":
      return encodeTrade(
        {
          kind: "trade",
          ...head,
          price: price(row.price, "price"),
          size: row.size === null ? null : (micros(row.size, "size") as SizeMicros),
          takerSide: row.side === "BUY" ? "buy" : row.side === "SELL" ? "sell" : null,
          transaction: row.transaction,
        },
        row.feeBps === null ? undefined : String(row.feeBps),
      );
    case "tick_size_change":
      return encodeTickSizeChange({
        kind: "tick_size_change",
        ...head,
        tickSize: price(row.newTick, "new_tick_size"),
        previous: row.oldTick === null ? null : price(row.oldTick, "old_tick_size"),
      });
    default:
      throw new BadRow(`event_type ${JSON.stringify(row.type)} is not known`);
  }
}

function changeOf(row: PmxtRow): LevelChange {
  if (row.side !== "BUY" && row.side !== "SELL") throw new BadRow("side is neither BUY nor SELL");
  const best = (value: number | null, empty: number, name: string): PriceMicros | null | undefined =>
    value === null ? undefined : value === 0 || value === empty ? null : price(value, name);
  return {
    instrument: row.asset as InstrumentId,
    side: row.side === "BUY" ? "bid" : "ask",
    price: price(row.price, "price"),
    size: micros(row.size, "size") as SizeMicros,
    digest: NO_DIGEST,
    bestBid: best(row.bestBid, 0, "best_bid"),
    bestAsk: best(row.bestAsk, 1, "best_ask"),
  };
}

function levelsOf(row: PmxtRow): Pick<BookSnapshot, "bids" | "asks"> {
  return { bids: levels(row.bids, "bid"), asks: levels(row.asks, "ask") };
}

/** Pairs of texts; objects as the venue has them are taken too. Best first, whatever the file's order. */
function levels(text: string | null, side: Side): readonly Level[] {
  if (text === null) return [];
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new BadRow(`${side}s is no JSON`);
  }
  if (!Array.isArray(parsed)) throw new BadRow(`${side}s is no list`);
  return parsed
    .map((level: unknown): Level => {
      const pair = Array.isArray(level) ? level : [memberOf(level, "price"), memberOf(level, "size")];
      const levelPrice = parsePrice(String(pair[0]));
      const size = parseSize(String(pair[1]));
      if (levelPrice === undefined || levelPrice > ONE || size === undefined)
        throw new BadRow(`a level of ${side}s is ${JSON.stringify(level).slice(0, 60)}`);
      return { price: levelPrice, size };
    })
    .sort((a, b) => (side === "bid" ? b.price - a.price : a.price - b.price));
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function price(value: number | null, name: string): PriceMicros {
  const found = micros(value, name);
  if (found > ONE) throw new BadRow(`${name} is ${value}, above 1`);
  return found as PriceMicros;
}

function micros(value: number | null, name: string): number {
  if (value === null) throw new BadRow(`${name} is missing`);
  const found = Math.round(value * ONE);
  if (!(found >= 0 && found <= LARGEST)) throw new BadRow(`${name} is ${value}, out of range`);
  return found;
}
