import type { InstrumentId, Level, MarketId, PriceMicros, Seq, SizeMicros, UnixMicros } from "#model";
import { ONE } from "#model";
import type { InstrumentCheckpoint, MarketCheckpoint } from "../chunk.ts";
import type { ColumnReader, ColumnWriter } from "./column.ts";
import { readDigest, readId, writeDigest, writeId } from "./ids.ts";

/*
 * The opening in `head`: market id, last trade price, number of instruments with a book, ids of all instruments (those with
 * a book first), then each book. A book that mirrors the first one stores no levels. Levels go best first, as steps in
 * units of price and as sizes: hundredths of a share × 2, or micros × 2 + 1.
 */

const HUNDREDTH = 10_000;

export function writeOpening(
  column: ColumnWriter,
  opening: MarketCheckpoint,
  instruments: readonly InstrumentId[],
  unit: number,
): void {
  const { market, lastTradePrice, instruments: books } = opening;
  column.unsigned(unit);
  writeId(column, market);
  column.unsigned(lastTradePrice === undefined ? 0 : lastTradePrice === null ? 1 : lastTradePrice + 2);
  column.unsigned(instruments.length);
  for (const instrument of instruments) writeId(column, instrument);
  column.unsigned(books.length);
  const [first] = books;
  for (const book of books) {
    optional(column, book.tickSize);
    optional(column, book.minOrderSize);
    column.byte(book.negRisk === null ? 0 : book.negRisk ? 2 : 1);
    column.unsigned(book.sentAt);
    writeDigest(column, book.digest);
    column.unsigned(book.seq);
    column.unsigned(book.receivedAt);
    const isMirror = book !== first && first !== undefined && mirrors(first, book);
    column.byte(isMirror ? 1 : 0);
    if (isMirror) continue;
    writeLevels(column, book.bids, unit, 0);
    writeLevels(column, book.asks, unit, ONE);
  }
}

export interface ReadOpening {
  readonly unit: number;
  readonly opening: MarketCheckpoint;
  readonly instruments: readonly InstrumentId[];
}

/** @throws RangeError where the column is damaged. */
export function readOpening(column: ColumnReader): ReadOpening {
  const unit = column.unsigned();
  const market = readId(column) as MarketId;
  const trade = column.unsigned();
  const lastTradePrice = trade === 0 ? undefined : trade === 1 ? null : ((trade - 2) as PriceMicros);
  const instruments: InstrumentId[] = [];
  for (let left = column.unsigned(); left > 0; left--) instruments.push(readId(column) as InstrumentId);
  const books: InstrumentCheckpoint[] = [];
  const count = column.unsigned();
  if (count > instruments.length) throw new RangeError("damaged chunk: more books than instruments");
  for (let index = 0; index < count; index++) {
    const fields = readFields(column, instruments[index] as InstrumentId);
    const first = books[0];
    const isMirror = column.byte() === 1;
    if (isMirror && first === undefined) throw new RangeError("damaged chunk: a mirror of nothing");
    const levels =
      isMirror && first !== undefined
        ? { bids: first.asks.map(mirrored), asks: first.bids.map(mirrored) }
        : { bids: readLevels(column, unit, 0), asks: readLevels(column, unit, ONE) };
    const { instrument, tickSize, minOrderSize, negRisk, sentAt, digest, seq, receivedAt } = fields;
    books.push({ instrument, ...levels, tickSize, minOrderSize, negRisk, sentAt, digest, seq, receivedAt });
  }
  return { unit, opening: { market, lastTradePrice, instruments: books }, instruments };
}

function readFields(column: ColumnReader, instrument: InstrumentId): Omit<InstrumentCheckpoint, "bids" | "asks"> {
  const tick = column.unsigned();
  const minimum = column.unsigned();
  const negRisk = column.byte();
  return {
    instrument,
    tickSize: tick === 0 ? null : ((tick - 1) as PriceMicros),
    minOrderSize: minimum === 0 ? null : ((minimum - 1) as SizeMicros),
    negRisk: negRisk === 0 ? null : negRisk === 2,
    sentAt: column.unsigned() as UnixMicros,
    digest: readDigest(column),
    seq: column.unsigned() as Seq,
    receivedAt: column.unsigned() as UnixMicros,
  };
}

function optional(column: ColumnWriter, value: number | null): void {
  column.unsigned(value === null ? 0 : value + 1);
}

function writeLevels(column: ColumnWriter, levels: readonly Level[], unit: number, start: number): void {
  column.unsigned(levels.length);
  let before = ONE - start;
  for (const { price, size } of levels) {
    column.unsigned(Math.abs(before - price) / unit);
    column.unsigned(size % HUNDREDTH === 0 ? (size / HUNDREDTH) * 2 : size * 2 + 1);
    before = price;
  }
}

function readLevels(column: ColumnReader, unit: number, start: number): Level[] {
  const levels: Level[] = [];
  let price = ONE - start;
  for (let left = column.unsigned(); left > 0; left--) {
    price += (start === 0 ? -1 : 1) * column.unsigned() * unit;
    if (!(price >= 0 && price <= ONE)) throw new RangeError("damaged chunk: a price outside 0..1");
    const word = column.unsigned();
    const size = word % 2 === 0 ? (word / 2) * HUNDREDTH : (word - 1) / 2;
    levels.push({ price: price as PriceMicros, size: size as SizeMicros });
  }
  return levels;
}

function mirrored({ price, size }: Level): Level {
  return { price: (ONE - price) as PriceMicros, size };
}

function mirrors(first: InstrumentCheckpoint, other: InstrumentCheckpoint): boolean {
  return isMirror(first.bids, other.asks) && isMirror(first.asks, other.bids);
}

function isMirror(levels: readonly Level[], others: readonly Level[]): boolean {
  return (
    levels.length === others.length &&
    levels.every(({ price, size }, index) => others[index]?.price === ONE - price && others[index]?.size === size)
  );
}
