import { searchLastTrade } from "#book";
import type { PriceMicros } from "#model";
import type { DigestRuns, Run, RunBook } from "./digest-runs.ts";
import type { Columns } from "./event-writer.ts";
import { writeDigest } from "./ids.ts";
import { STATUS } from "./layout.ts";
import { writeNearPrice } from "./near-price.ts";
import { BID, type SlotBook } from "./slot-book.ts";

const USUAL_TICKS = [10_000 as PriceMicros, 1_000 as PriceMicros];

/** Finds out how the digest of each run can be made again, and writes it down. */
export class SettleWriter {
  readonly #columns: Columns;
  readonly #books: readonly SlotBook[];
  rawDigests = 0;
  /** The chunk ends here, perhaps amid a batch, whose digest no book of ours can have: not worth a search everywhere. */
  isAtEnd = false;

  constructor(columns: Columns, books: readonly SlotBook[]) {
    this.#columns = columns;
    this.#books = books;
  }

  settle(runs: DigestRuns, book: RunBook, run: Run): void {
    const { status } = this.#columns;
    const { digest } = run;
    if (digest === null) throw new Error("a run is written with its digest");
    if (book.open && digest !== "") {
      if (runs.digestOf(book, run, run.lastTrade) === digest) return this.#agree(book, STATUS.recomputed);
      const isLate = run.order !== runs.order && runs.digestOf(book, run, runs.lastTrade) === digest;
      if (isLate) return this.#agree(book, STATUS.lateTrade);
      if (this.#find(runs, book, run)) return;
      book.failed++;
    }
    status.byte(STATUS.stored);
    writeDigest(this.#columns.digests, digest);
    if (digest !== "") this.rawDigests++;
  }

  #agree(book: RunBook, how: number): void {
    this.#columns.status.byte(how);
    book.failed = 0;
  }

  #find(runs: DigestRuns, book: RunBook, run: Run): boolean {
    const fields = runs.fieldsOf(book, run, run.lastTrade);
    const found = searchLastTrade({
      ladder: book.ladder,
      digest: run.digest as NonNullable<Run["digest"]>,
      fields,
      known: run.lastTrade,
      ticks: book.failed === 0 ? [...new Set([fields.tickSize, ...USUAL_TICKS])] : [fields.tickSize],
      everywhere: !this.isAtEnd && isWideTurn(book.failed),
    });
    if (found === undefined) return false;
    const isTick = found.tickSize !== fields.tickSize;
    this.#agree(book, isTick ? STATUS.foundTick : STATUS.foundTrade);
    writeNearPrice(this.#columns.found, found.lastTradePrice, (this.#books[book.place] as SlotBook).bestPrice(BID));
    if (isTick) {
      this.#columns.found.unsigned(found.tickSize);
      book.showTick(found.tickSize);
    }
    runs.carryFound(run, found.lastTradePrice);
    return true;
  }
}

/** In a broken stretch no value fits, and a search everywhere costs a thousand digests: it is made ever more rarely. */
function isWideTurn(failed: number): boolean {
  return failed < 64 ? (failed & (failed - 1)) === 0 : failed % 64 === 0;
}
