import type { PriceMicros } from "#model";
import type { ColumnReader } from "./column.ts";
import type { DigestRuns, Run, RunBook } from "./digest-runs.ts";
import type { ColumnOf } from "./event-reader.ts";
import { readDigest } from "./ids.ts";
import { STATUS } from "./layout.ts";
import { readNearPrice } from "./near-price.ts";
import { BID, type SlotBook } from "./slot-book.ts";

/** Makes the digest of a run; not asked for by who only wants to know what else was learned. */
export type MakeDigest = (book: RunBook, run: Run, lastTrade: PriceMicros | null | undefined) => void;

/** Reads how the digest of each run is known. */
export class SettleReader {
  readonly #status: ColumnReader;
  readonly #found: ColumnReader;
  readonly #digests: ColumnReader;
  readonly #books: readonly SlotBook[];

  constructor(column: ColumnOf, books: readonly SlotBook[]) {
    this.#status = column("status");
    this.#found = column("found");
    this.#digests = column("digests");
    this.#books = books;
  }

  settle(runs: DigestRuns, book: RunBook, run: Run, make: MakeDigest): void {
    switch (this.#status.byte()) {
      case STATUS.recomputed:
        return make(book, run, run.lastTrade);
      case STATUS.lateTrade:
        return make(book, run, runs.lastTrade);
      case STATUS.foundTrade:
        return this.#makeFound(runs, book, run, make, false);
      case STATUS.foundTick:
        return this.#makeFound(runs, book, run, make, true);
      case STATUS.stored:
        run.digest = readDigest(this.#digests);
        return;
      default:
        throw new RangeError("damaged chunk: a digest known in an unknown way");
    }
  }

  #makeFound(runs: DigestRuns, book: RunBook, run: Run, make: MakeDigest, withTick: boolean): void {
    const lastTrade = readNearPrice(this.#found, (this.#books[book.place] as SlotBook).bestPrice(BID));
    if (withTick) book.showTick(this.#found.unsigned() as PriceMicros);
    make(book, run, lastTrade);
    runs.carryFound(run, lastTrade);
  }
}
