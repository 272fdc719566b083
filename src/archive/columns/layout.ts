/*
 * The columns of a chunk, in their order. The first group is what the books need, the second what only exactness needs:
 * scans never unpack it. docs/archive-format.md says how they lie.
 */
export const COLUMNS = [
  "head",
  "shape",
  "count",
  "price",
  "far",
  "size",
  "whole",
  "high",
  "cents",
  "exact",
  "extra",
  "trade",
  "sent",
  "known",
  "early",
  "seq",
  "runs",
  "status",
  "found",
  "digests",
  "best",
  "spelling",
  "styles",
  "transactions",
  "raw",
  "frameMessage",
  "connection",
  "frameSeq",
  "frameAt",
  "monotonic",
  "verdicts",
] as const;
export type ColumnName = (typeof COLUMNS)[number];

/** Bits 0 to 2 of a shape: what the event is. Bit 3: the message's last one. Bits 4 to 7: the instrument's place, 15 = in `extra`. */
export const KIND = {
  /** No event. */
  none: 0,
  /** A price_change of one instrument. */
  single: 1,
  /** A price_change in which each change of one instrument is followed by its mirror in the other. */
  pairs: 2,
  /** Any other price_change: each change names its instrument, and says its run. */
  mixed: 3,
  book: 4,
  trade: 5,
  tick: 6,
  /** `extra` says what: see OTHER. */
  other: 7,
} as const;
export const IS_LAST = 8;
export const FAR_INSTRUMENT = 15;

export const OTHER = { json: 0, bestAsInBook: 1, best: 2 } as const;

/** Bits of the flags before a book's other fields. */
export const BOOK_HAS = {
  tickSize: 1,
  minOrderSize: 2,
  negRisk: 4,
  isNegRisk: 8,
  lastTradePrice: 16,
  noTradeYet: 32,
} as const;

/** How the digest of a run is known. */
export const STATUS = {
  /** Recomputed with the last trade price at its last message. */
  recomputed: 0,
  /** With the one shown by the time the run ended: a trade may be published after its book. */
  lateTrade: 1,
  /** With one that a search found: in `found`. */
  foundTrade: 2,
  /** The same, and the tick too. */
  foundTick: 3,
  /** In `digests`. */
  stored: 4,
} as const;
