import {
  type BestPrices,
  type BookSnapshot,
  formatMicros,
  type Level,
  type LevelChange,
  type PriceMicros,
  type TickSizeChange,
  type Trade,
  type VenueEvent,
} from "#model";

export { COMMON_SPELLINGS } from "./frequent-spellings.ts";

import { lastTradeText, millisText, priceText, utf8 } from "./encode-text.ts";
import { isMembers, type Members } from "./json.ts";

/*
 * How a message was spelled: everything that its events do not tell. Key order, spacing, what stands for an empty side,
 * members that never change. With its spelling and its events a message is given back byte for byte; a recording has a
 * handful of spellings, so an archive stores each once. Whether a spelling fits is never assumed: who uses one spells the
 * events and compares.
 */

export interface Spelling {
  readonly kind: SpelledEvent["kind"];
  readonly comma: string;
  readonly colon: string;
  /** The events stand in an array. */
  readonly isArray: boolean;
  readonly tail: string;
  /** Key and what its value is: a role, or "=" and the JSON text itself. */
  readonly members: readonly (readonly [key: string, role: string])[];
  /** Of each entry of price_changes. */
  readonly entry: readonly (readonly [key: string, role: string])[];
  /** How a best price is spelled that is none. */
  readonly noBid: string;
  readonly noAsk: string;
}

type SpelledEvent = Extract<VenueEvent, { kind: keyof typeof ROLES }>;

const ROLES = {
  price_change: { market: "market", price_changes: "changes", timestamp: "time" },
  book: {
    market: "market",
    asset_id: "instrument",
    timestamp: "time",
    hash: "digest",
    bids: "bids",
    asks: "asks",
    tick_size: "tick",
    min_order_size: "minimum",
    neg_risk: "negRisk",
    last_trade_price: "lastTrade",
  },
  trade: {
    market: "market",
    asset_id: "instrument",
    price: "price",
    size: "size",
    side: "side",
    timestamp: "time",
    transaction_hash: "transaction",
  },
  tick_size_change: {
    market: "market",
    asset_id: "instrument",
    old_tick_size: "previous",
    new_tick_size: "tick",
    timestamp: "time",
  },
  best_prices: {
    market: "market",
    asset_id: "instrument",
    best_bid: "bestBid",
    best_ask: "bestAsk",
    spread: "spread",
    timestamp: "time",
  },
} as const;

const ENTRY_ROLES: Readonly<Record<string, string>> = {
  asset_id: "instrument",
  price: "price",
  size: "size",
  side: "side",
  hash: "digest",
  best_bid: "bestBid",
  best_ask: "bestAsk",
};

const text = new TextDecoder();

/** The likeliest spelling of the bytes; undefined where no spelling can give them. `spell` tells whether it does. */
export function spellingOf(bytes: Uint8Array, events: readonly VenueEvent[]): Spelling | undefined {
  const [first] = events;
  if (first === undefined || !isSpelled(first)) return undefined;
  const wire = text.decode(bytes);
  const parsed = parse(wire);
  const messages = Array.isArray(parsed) ? parsed : [parsed];
  const message: unknown = messages[0];
  if (!isMembers(message) || messages.length !== events.length) return undefined;
  const entries = Array.isArray(message.price_changes) ? message.price_changes.filter(isMembers) : [];
  return {
    kind: first.kind,
    comma: wire.includes('", "') ? ", " : ",",
    colon: wire.includes('": ') ? ": " : ":",
    isArray: Array.isArray(parsed),
    tail: /\s*$/.exec(wire)?.[0] ?? "",
    members: membersOf(message, ROLES[first.kind]),
    entry: entries[0] === undefined ? [] : membersOf(entries[0], ENTRY_ROLES),
    ...emptySides(first, message, entries),
  };
}

function parse(wire: string): unknown {
  try {
    return JSON.parse(wire);
  } catch {
    return undefined;
  }
}

function isSpelled(event: VenueEvent): event is SpelledEvent {
  return event.kind in ROLES;
}

function membersOf(message: Members, roles: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(message).map(([key, value]) => [key, roles[key] ?? `=${JSON.stringify(value)}`]);
}

function emptySides(event: SpelledEvent, message: Members, entries: readonly Members[]) {
  const sides = { noBid: "0", noAsk: "1" };
  const note = (claims: { bestBid?: unknown; bestAsk?: unknown }, wire: Members | undefined): void => {
    if (claims.bestBid === null && typeof wire?.best_bid === "string") sides.noBid = wire.best_bid;
    if (claims.bestAsk === null && typeof wire?.best_ask === "string") sides.noAsk = wire.best_ask;
  };
  if (event.kind === "best_prices") note(event, message);
  if (event.kind === "price_change")
    for (const [index, change] of event.changes.entries()) note(change, entries[index]);
  return sides;
}

/** Spells messages; keeps what is ready of each spelling. */
export class Speller {
  readonly #spelling: Spelling;
  readonly #members: readonly Piece[];
  readonly #entry: readonly Piece[];
  readonly #levels: { readonly size: string; readonly next: string };

  constructor(spelling: Spelling) {
    this.#spelling = spelling;
    const { comma, colon } = spelling;
    this.#members = piecesOf(spelling.members, comma, colon);
    this.#entry = piecesOf(spelling.entry, comma, colon);
    this.#levels = { size: `"${comma}"size"${colon}"`, next: `"}${comma}{"price"${colon}"` };
  }

  /** undefined where these events cannot be spelled so. */
  spell(events: readonly VenueEvent[]): Uint8Array | undefined {
    const { kind, isArray, comma, tail } = this.#spelling;
    let wire = "";
    for (const event of events) {
      if (event.kind !== kind) return undefined;
      if (wire !== "") wire += comma;
      wire += `${this.#message(event as SpelledEvent)}}`;
    }
    if (!isArray && events.length !== 1) return undefined;
    return utf8(isArray ? `[${wire}]${tail}` : wire + tail);
  }

  #message(event: SpelledEvent): string {
    let wire = "";
    for (const { before, role } of this.#members) wire += before + (role === "" ? "" : this.#value(role, event));
    return wire;
  }

  #value(role: string, event: SpelledEvent): string {
    if (role === "market") return `"${event.market}"`;
    if (role === "time") return `"${millisText(event.sentAt)}"`;
    if (event.kind === "price_change") return role === "changes" ? this.#changes(event.changes) : "";
    if (role === "instrument") return `"${event.instrument}"`;
    switch (event.kind) {
      case "book":
        return this.#bookValue(role, event);
      case "trade":
        return `"${tradeText(role, event)}"`;
      case "tick_size_change":
        return `"${tickText(role, event)}"`;
      case "best_prices":
        return `"${this.#bestText(role, event)}"`;
    }
  }

  #changes(changes: readonly LevelChange[]): string {
    const { comma, noBid, noAsk } = this.#spelling;
    let wire = "";
    for (const change of changes) {
      wire += wire === "" ? "[" : comma;
      for (const { before, role } of this.#entry) {
        wire += before;
        if (role !== "") wire += `"${changeText(role, change, noBid, noAsk)}"`;
      }
      wire += "}";
    }
    return wire === "" ? "[]" : `${wire}]`;
  }

  #bookValue(role: string, book: BookSnapshot): string {
    switch (role) {
      case "digest":
        return `"${book.digest}"`;
      case "bids":
        return this.#levelsText(book.bids);
      case "asks":
        return this.#levelsText(book.asks);
      case "tick":
        return `"${book.tickSize === undefined ? "" : formatMicros(book.tickSize)}"`;
      case "minimum":
        return `"${book.minOrderSize === undefined ? "" : formatMicros(book.minOrderSize)}"`;
      case "negRisk":
        return String(book.negRisk);
      case "lastTrade":
        return `"${book.lastTradePrice === undefined ? "?" : lastTradeText(book.lastTradePrice)}"`;
      default:
        return "";
    }
  }

  /** Worst first. */
  #levelsText(levels: readonly Level[]): string {
    const { size, next } = this.#levels;
    if (levels.length === 0) return "[]";
    let wire = `[{"price"${this.#spelling.colon}"`;
    for (let index = levels.length - 1; index >= 0; index--) {
      const level = levels[index] as Level;
      wire += priceText(level.price) + size + formatMicros(level.size);
      wire += index > 0 ? next : '"}]';
    }
    return wire;
  }

  #bestText(role: string, { bestBid, bestAsk }: BestPrices): string {
    const { noBid, noAsk } = this.#spelling;
    if (role === "bestBid") return bestBid === null ? noBid : priceText(bestBid);
    if (role === "bestAsk") return bestAsk === null ? noAsk : priceText(bestAsk);
    return bestBid === null || bestAsk === null ? "" : formatMicros(bestAsk - bestBid);
  }
}

interface Piece {
  readonly before: string;
  /** "" where the text before it is all. */
  readonly role: string;
}

function piecesOf(members: Spelling["members"], comma: string, colon: string): Piece[] {
  return members.map(([key, role], index) => {
    const before = `${index === 0 ? "{" : comma}${JSON.stringify(key)}${colon}`;
    return role.startsWith("=") ? { before: before + role.slice(1), role: "" } : { before, role };
  });
}

function changeText(role: string, change: LevelChange, noBid: string, noAsk: string): string {
  switch (role) {
    case "instrument":
      return change.instrument;
    case "price":
      return priceText(change.price);
    case "size":
      return formatMicros(change.size);
    case "side":
      return change.side === "bid" ? "BUY" : "SELL";
    case "digest":
      return change.digest;
    case "bestBid":
      return bestText(change.bestBid, noBid);
    default:
      return bestText(change.bestAsk, noAsk);
  }
}

function bestText(price: PriceMicros | null | undefined, none: string): string {
  return price === undefined ? "?" : price === null ? none : priceText(price);
}

function tradeText(role: string, trade: Trade): string {
  switch (role) {
    case "price":
      return priceText(trade.price);
    case "size":
      return trade.size === null ? "" : formatMicros(trade.size);
    case "side":
      return trade.takerSide === null ? "" : trade.takerSide === "buy" ? "BUY" : "SELL";
    default:
      return trade.transaction ?? "";
  }
}

function tickText(role: string, change: TickSizeChange): string {
  if (role === "tick") return formatMicros(change.tickSize);
  return change.previous === null ? "" : formatMicros(change.previous);
}
