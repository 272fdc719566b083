import type { BookState } from "#book";
import type { BookSnapshot, InstrumentId, Level, PriceMicros, Side, SizeMicros, Trade, UnixMicros } from "#model";
import type { TimelineStep } from "#timeline";
import type { Trust } from "./trust.ts";
import type { Touch } from "./walk.ts";

/** When something happened on the venue's clock, and when we knew. */
export interface L2Times {
  readonly sentAt: UnixMicros;
  readonly knownAt: UnixMicros;
}

/** What formats without gaps can say of books: whole ones, changes of levels, and that nothing is known any more. */
export interface L2Sink {
  /** From here on the book is this; whatever was before is void. Levels best first. */
  snapshot(instrument: InstrumentId, bids: readonly Level[], asks: readonly Level[], times: L2Times): void;
  /** A level's new absolute size; 0 removes it. */
  level(instrument: InstrumentId, side: Side, price: PriceMicros, size: SizeMicros, times: L2Times): void;
  /** Nothing is known of the book until the next snapshot. */
  dark(instrument: InstrumentId, times: L2Times): void;
  trade(trade: Trade, times: L2Times): void;
}

/**
 * Turns the walk of a recording into snapshots and changes. The venue sends whole books amid its changes; where the book is
 * known, only what differs is passed on, so that a simulation's queue positions survive them. A gap makes a book dark until
 * it can be believed again, and then it is given whole.
 */
export class L2Stream {
  readonly #sink: L2Sink;
  readonly #trust: Trust;
  readonly #from: UnixMicros;
  /** Books that the sink has; with the time of their last message. */
  readonly #lit = new Map<InstrumentId, L2Times>();

  constructor(sink: L2Sink, trust: Trust, from: UnixMicros) {
    this.#sink = sink;
    this.#trust = trust;
    this.#from = from;
  }

  /** Trades stand before the change they make: as the venue sends them. */
  trade(trade: Trade, { knownAt }: TimelineStep): void {
    this.#sink.trade(trade, { sentAt: trade.sentAt, knownAt });
  }

  /** A book that was there before the range begins is there when it begins. */
  begin(books: readonly BookState[]): void {
    for (const book of books)
      if (this.#trust.at(book.instrument, this.#from))
        this.#light(book.instrument, book, { sentAt: book.sentAt, knownAt: this.#from });
  }

  before({ instrument, event, step, book }: Touch): void {
    const times = { sentAt: event.sentAt, knownAt: step.knownAt };
    this.#darken(instrument, step.knownAt);
    if (!this.#lit.has(instrument)) return;
    this.#lit.set(instrument, times);
    if (event.kind === "book") {
      if (book) this.#difference(book, event, times);
      return;
    }
    for (const change of event.changes)
      if (change.instrument === instrument) this.#sink.level(instrument, change.side, change.price, change.size, times);
  }

  after({ instrument, event, step, book }: Touch): void {
    if (!book || this.#lit.has(instrument) || !this.#trust.at(instrument, step.knownAt)) return;
    this.#light(instrument, book, { sentAt: event.sentAt, knownAt: step.knownAt });
  }

  #light(instrument: InstrumentId, { ladder }: BookState, times: L2Times): void {
    this.#sink.snapshot(instrument, ladder.levels("bid"), ladder.levels("ask"), times);
    this.#lit.set(instrument, times);
  }

  /** Belief may have been lost since the last message, or be gone now. */
  #darken(instrument: InstrumentId, now: UnixMicros): void {
    const last = this.#lit.get(instrument);
    if (!last) return;
    const lostAt =
      this.#trust.lostWithin(instrument, last.knownAt, now) ?? (this.#trust.at(instrument, now) ? null : now);
    if (lostAt === null) return;
    this.#sink.dark(instrument, { sentAt: last.sentAt, knownAt: lostAt });
    this.#lit.delete(instrument);
  }

  #difference({ ladder, instrument }: BookState, event: BookSnapshot, times: L2Times): void {
    for (const side of ["bid", "ask"] as const) {
      const levels = side === "bid" ? event.bids : event.asks;
      const kept = new Set(levels.map(({ price }) => price));
      for (const { price } of ladder.levels(side))
        if (!kept.has(price)) this.#sink.level(instrument, side, price, 0 as SizeMicros, times);
      for (const { price, size } of levels)
        if (ladder.size(side, price) !== size) this.#sink.level(instrument, side, price, size, times);
    }
  }
}
