/*
 * What can be exported as rows, once for Parquet and CSV. A cell is held as we hold it, in micros; how a file spells it is
 * the writer's business. docs/import-and-export.md tells users the same.
 */

export type ColumnType =
  /** UnixMicros. Parquet: timestamp[us, UTC]. CSV: ISO 8601. */
  | "time"
  /** Micros of a dollar or a share. Parquet: decimal(18,6). CSV: shortest decimal. */
  | "decimal"
  | "integer"
  | "text"
  | "flag";

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
}

export type Cell = number | string | boolean | null;
export type Row = readonly Cell[];

export interface Table {
  readonly name: string;
  readonly columns: readonly Column[];
}

export const WHATS = ["events", "books", "quotes", "trades", "prices"] as const;
/** Which table. */
export type What = (typeof WHATS)[number];

const column =
  (type: ColumnType) =>
  (name: string): Column => ({ name, type });
const [time, decimal, integer, text, flag] = [
  column("time"),
  column("decimal"),
  column("integer"),
  column("text"),
  column("flag"),
];

/** Where a row comes from: the frame, and what it says of its times. */
const ORIGIN = [integer("seq"), time("received_at"), time("known_at"), time("sent_at")] as const;
const INSTRUMENT = [text("market"), text("token"), text("slug"), text("outcome")] as const;

/** One row a fact; a book is one row for itself and one for each level, in the order in which they were decoded. */
export const EVENTS: Table = {
  name: "events",
  columns: [
    ...ORIGIN,
    integer("event"),
    integer("part"),
    ...INSTRUMENT,
    text("kind"),
    text("side"),
    decimal("price"),
    decimal("size"),
    decimal("best_bid"),
    decimal("best_ask"),
    text("digest"),
    decimal("tick_size"),
    decimal("min_order_size"),
    flag("neg_risk"),
    decimal("last_trade_price"),
    text("transaction"),
    text("winner"),
  ],
};

/** One row a level of a book at a moment, best first; a book without any level is one row without side and price. */
export const BOOKS: Table = {
  name: "books",
  columns: [
    time("sampled_at"),
    ...INSTRUMENT,
    text("side"),
    integer("level"),
    decimal("price"),
    decimal("size"),
    time("changed_at"),
    text("proof"),
  ],
};

/** One row a book at a moment: its best prices. */
export const QUOTES: Table = {
  name: "quotes",
  columns: [
    time("sampled_at"),
    ...INSTRUMENT,
    decimal("best_bid"),
    decimal("bid_size"),
    decimal("best_ask"),
    decimal("ask_size"),
    integer("bid_levels"),
    integer("ask_levels"),
    time("changed_at"),
    text("proof"),
  ],
};

export const TRADES: Table = {
  name: "trades",
  columns: [...ORIGIN, ...INSTRUMENT, text("taker_side"), decimal("price"), decimal("size"), text("transaction")],
};

/** Observations of the underlying prices. */
export const PRICES: Table = {
  name: "prices",
  columns: [
    ...ORIGIN,
    time("observed_at"),
    text("source"),
    text("provider"),
    text("symbol"),
    text("measure"),
    integer("window_seconds"),
    decimal("price"),
    text("exact"),
    flag("history"),
  ],
};

/** One row a gap and instrument; a gap of everything has no token. */
export const GAPS: Table = {
  name: "gaps",
  columns: [
    text("gap"),
    text("cause"),
    ...INSTRUMENT,
    text("connection"),
    time("opened_at"),
    time("closed_at"),
    integer("from_seq"),
    integer("to_seq"),
    text("evidence"),
  ],
};

export const TABLES: Readonly<Record<What, Table>> = {
  events: EVENTS,
  books: BOOKS,
  quotes: QUOTES,
  trades: TRADES,
  prices: PRICES,
};
