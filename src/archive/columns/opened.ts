import type { ConnectionId, InstrumentId } from "#model";
import type { MarketCheckpoint } from "../chunk.ts";
import { readOpening } from "./checkpoint.ts";
import type { ColumnReader } from "./column.ts";
import { COLUMNS, type ColumnName } from "./layout.ts";
import type { Sections } from "./sections.ts";
import { PRICE_UNITS, SlotBook } from "./slot-book.ts";

const INDEX_OF = new Map<ColumnName, number>(COLUMNS.map((name, index) => [name, index]));
/** A damaged head must not make us reserve gigabytes: slots of all books, 16 bytes each. */
export const MAX_SLOTS = 8_000_000;

/** What every reader of a chunk in columns begins with. */
export interface Opened {
  readonly opening: MarketCheckpoint;
  readonly instruments: readonly InstrumentId[];
  readonly connections: readonly ConnectionId[];
  column(name: ColumnName): ColumnReader;
  /** The codec's books as they stand at the opening, anew each time. */
  books(): SlotBook[];
}

export function slotsOf(instruments: number, unit: number): number {
  return instruments * 2 * (1_000_000 / unit + 1);
}

/** @throws RangeError where the head is damaged. */
export function openColumns(sections: Sections): Opened {
  if (sections.count !== COLUMNS.length) throw new RangeError("damaged chunk: columns are missing");
  const column = (name: ColumnName) => sections.column(INDEX_OF.get(name) as number);
  const head = column("head");
  const { unit, opening, instruments } = readOpening(head);
  const connections: ConnectionId[] = [];
  for (let left = head.unsigned(); left > 0; left--) connections.push(head.text() as ConnectionId);
  const isUnit = (PRICE_UNITS as readonly number[]).includes(unit);
  if (!isUnit || slotsOf(instruments.length, unit) > MAX_SLOTS)
    throw new RangeError("damaged chunk: impossible prices");
  return { opening, instruments, connections, column, books: () => openBooks(opening, instruments, unit) };
}

export function openBooks(opening: MarketCheckpoint, instruments: readonly InstrumentId[], unit: number): SlotBook[] {
  return instruments.map((_, place) => {
    const book = new SlotBook(unit);
    const checkpoint = opening.instruments[place];
    if (checkpoint === undefined) return book;
    book.open = true;
    for (const { price, size } of checkpoint.bids) book.sides[0].put(book.slotOf(0, price), size);
    for (const { price, size } of checkpoint.asks) book.sides[1].put(book.slotOf(1, price), size);
    return book;
  });
}
