import type { PriceMicros } from "#model";
import { ONE } from "#model";
import type { ColumnReader, ColumnWriter } from "./column.ts";
import { fold, unfold } from "./column.ts";

/*
 * A trade's price, told from the best bid: it lies near it, in this outcome's terms or the other's (1 - p). Varint, whose
 * low two bits say: 0 the price in micros; 1 folded cents from the best bid; 2 the same of 1 - p; 3 no price.
 */

const CENT = 10_000;
const MICROS = 0;
const NEAR = 1;
const MIRRORED = 2;
const NONE = 3;

function startOf(bestBid: PriceMicros | null): number {
  return bestBid === null ? ONE / 2 : bestBid - (bestBid % CENT);
}

export function writeNearPrice(column: ColumnWriter, price: PriceMicros | null, bestBid: PriceMicros | null): void {
  if (price === null) return column.unsigned(NONE);
  if (price % CENT !== 0) return column.unsigned(price * 4 + MICROS);
  const start = startOf(bestBid);
  const near = fold((price - start) / CENT);
  const mirrored = fold((ONE - price - start) / CENT);
  column.unsigned(near <= mirrored ? near * 4 + NEAR : mirrored * 4 + MIRRORED);
}

export function readNearPrice(column: ColumnReader, bestBid: PriceMicros | null): PriceMicros | null {
  const word = column.unsigned();
  const how = word % 4;
  const number = (word - how) / 4;
  if (how === NONE) return null;
  if (how === MICROS) return number as PriceMicros;
  const price = startOf(bestBid) + unfold(number) * CENT;
  return (how === NEAR ? price : ONE - price) as PriceMicros;
}
