import { bookDigest, Ladder } from "#book";
import type { Digest, InstrumentId, Level, MarketId, PriceMicros, Side, SizeMicros, UnixMicros } from "#model";
import { ONE } from "#model";
import type { InstrumentCheckpoint, MarketCheckpoint } from "../chunk.ts";

/*
 * The venue's digests are not stored where they can be made again. All messages of a run (equal instrument, sentAt and
 * digest) carry the digest of the book at its end, so a run is settled when the next one begins, or at the chunk's end:
 * the writer then says how its digest is known, and the reader makes it.
 */

// What the recurring up/down markets have, where nothing in the recording says otherwise.
const USUAL_MIN_ORDER_SIZE = 5_000_000 as SizeMicros;
const USUAL_TICK = 10_000 as PriceMicros;

export interface Run {
  sentAt: number;
  /** null: not settled yet. */
  digest: Digest | null;
  /** At its last message. */
  lastTrade: PriceMicros | null | undefined;
  order: number;
  /** Number of the last message in it. */
  message: number;
}

/** What a digest rests on, for one instrument. */
export class RunBook {
  readonly instrument: InstrumentId;
  readonly place: number;
  readonly ladder: Ladder;
  open = false;
  tickSize: PriceMicros | null = null;
  minOrderSize: SizeMicros | null = null;
  negRisk: boolean | null = null;
  run: Run | null = null;
  /** Runs in a row whose digest could not be made. */
  failed = 0;

  constructor(instrument: InstrumentId, place: number) {
    this.instrument = instrument;
    this.place = place;
    this.ladder = new Ladder(USUAL_TICK);
  }

  set(side: Side, price: number, size: number): void {
    if (this.open) this.ladder.set(side, price as PriceMicros, size as SizeMicros);
  }

  showTick(tickSize: PriceMicros): void {
    this.tickSize = tickSize;
    if (tickSize > 0 && tickSize < ONE) this.ladder.regrid(tickSize);
  }
}

export type Settle = (book: RunBook, run: Run) => void;

export class DigestRuns {
  readonly market: MarketId;
  readonly books: readonly RunBook[];
  readonly #settle: Settle;
  lastTrade: PriceMicros | null | undefined;
  /** How often frames have shown a last trade price. */
  order = 0;

  constructor(opening: MarketCheckpoint, instruments: readonly InstrumentId[], settle: Settle) {
    this.market = opening.market;
    this.lastTrade = opening.lastTradePrice;
    this.books = instruments.map((instrument, place) => new RunBook(instrument, place));
    this.#settle = settle;
    for (const [place, checkpoint] of opening.instruments.entries()) this.#restore(this.at(place), checkpoint);
  }

  at(place: number): RunBook {
    const book = this.books[place];
    if (book === undefined) throw new RangeError("damaged chunk: an instrument that it does not name");
    return book;
  }

  /** A message of the run goes on. */
  goOn(run: Run, message: number): Run {
    run.lastTrade = this.lastTrade;
    run.order = this.order;
    run.message = message;
    return run;
  }

  /** Ends the present run and begins another. Called before its first message is applied to the ladder. */
  begin(book: RunBook, sentAt: number, digest: Digest | null, message: number): Run {
    this.settle(book);
    book.run = { sentAt, digest, lastTrade: this.lastTrade, order: this.order, message };
    return book.run;
  }

  /** Says how the present run's digest is known. The opening's run was settled in the chunk before. */
  settle(book: RunBook): void {
    const { run } = book;
    if (run !== null && run.message >= 0) this.#settle(book, run);
  }

  showTrade(price: PriceMicros | null): void {
    this.lastTrade = price;
    this.order++;
  }

  /** A search found the price that the run was digested with: it holds unless a frame has shown a newer one. */
  carryFound(run: Run, price: PriceMicros | null): void {
    if (run.order === this.order) this.lastTrade = price;
  }

  digestOf(book: RunBook, run: Run, lastTrade: PriceMicros | null | undefined): Digest {
    return bookDigest(book.ladder, this.fieldsOf(book, run, lastTrade));
  }

  fieldsOf(book: RunBook, run: Run, lastTrade: PriceMicros | null | undefined) {
    return {
      market: this.market,
      instrument: book.instrument,
      sentAt: run.sentAt as UnixMicros,
      minOrderSize: book.minOrderSize ?? USUAL_MIN_ORDER_SIZE,
      tickSize: book.tickSize ?? USUAL_TICK,
      negRisk: book.negRisk ?? false,
      lastTradePrice: lastTrade ?? null,
    };
  }

  #restore(book: RunBook, checkpoint: InstrumentCheckpoint): void {
    book.open = true;
    book.minOrderSize = checkpoint.minOrderSize;
    book.negRisk = checkpoint.negRisk;
    if (checkpoint.tickSize !== null) book.showTick(checkpoint.tickSize);
    replaceLevels(book, checkpoint.bids, checkpoint.asks);
    const { sentAt, digest } = checkpoint;
    book.run = { sentAt, digest, lastTrade: this.lastTrade, order: this.order, message: -1 };
  }
}

export function replaceLevels(book: RunBook, bids: readonly Level[], asks: readonly Level[]): void {
  book.open = true;
  book.ladder.replace(bids, asks);
}
