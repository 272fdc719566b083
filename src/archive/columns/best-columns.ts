import type { LevelChange, PriceMicros } from "#model";
import type { ColumnReader, ColumnWriter } from "./column.ts";
import type { NotedChanges } from "./event-writer.ts";
import { ASK, BID, type SlotBook } from "./slot-book.ts";

/*
 * The best prices that a price_change claims, a byte an event: 0 of each change's book as it is after the event, 1 as it
 * is after the change, 2 not said, 3 given: for each change bid and ask, 0 not said, 1 none, else the price in micros + 2.
 */

const AFTER_EVENT = 0;
const AFTER_CHANGE = 1;
const UNSAID = 2;
const GIVEN = 3;

type Best = Pick<LevelChange, "bestBid" | "bestAsk">;

export function writeBests(
  column: ColumnWriter,
  changes: readonly LevelChange[],
  noted: NotedChanges,
  books: readonly SlotBook[],
): void {
  const fits = (how: number): boolean =>
    changes.every(({ bestBid, bestAsk }, index) => {
      const best = bestAt(how, index, noted, books);
      return best.bestBid === bestBid && best.bestAsk === bestAsk;
    });
  const how = [AFTER_EVENT, AFTER_CHANGE, UNSAID].find(fits) ?? GIVEN;
  column.byte(how);
  if (how !== GIVEN) return;
  for (const { bestBid, bestAsk } of changes)
    for (const price of [bestBid, bestAsk]) column.unsigned(price === undefined ? 0 : price === null ? 1 : price + 2);
}

/** One event's bests, in the order of its changes. */
export function readBests(column: ColumnReader, noted: NotedChanges, books: readonly SlotBook[]): Best[] {
  const how = column.byte();
  if (how > GIVEN) throw new RangeError("damaged chunk: best prices told in an unknown way");
  const bests: Best[] = [];
  for (let index = 0; index < noted.count; index++) {
    bests.push(how === GIVEN ? { bestBid: given(column), bestAsk: given(column) } : bestAt(how, index, noted, books));
  }
  return bests;
}

function given(column: ColumnReader): PriceMicros | null | undefined {
  const word = column.unsigned();
  return word === 0 ? undefined : word === 1 ? null : ((word - 2) as PriceMicros);
}

function bestAt(how: number, index: number, noted: NotedChanges, books: readonly SlotBook[]): Best {
  if (how === UNSAID) return { bestBid: undefined, bestAsk: undefined };
  const book = books[noted.places[index] as number] as SlotBook;
  if (how === AFTER_EVENT) return { bestBid: book.bestPrice(BID), bestAsk: book.bestPrice(ASK) };
  return { bestBid: priceOf(book, BID, noted.bids[index]), bestAsk: priceOf(book, ASK, noted.asks[index]) };
}

function priceOf(book: SlotBook, side: 0 | 1, slot: number | undefined): PriceMicros | null {
  return slot === undefined || slot < 0 ? null : (book.priceAt(side, slot) as PriceMicros);
}
