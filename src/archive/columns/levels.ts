import type { Level, PriceMicros, SizeMicros } from "#model";
import type { SlotBook } from "./slot-book.ts";

/** Best first. */
export function levelsOf(book: SlotBook, side: 0 | 1): Level[] {
  const { sizes, best } = book.sides[side];
  const levels: Level[] = [];
  for (let slot = best; slot >= 0; slot--) {
    const size = sizes[slot] as SizeMicros;
    if (size !== 0) levels.push({ price: book.priceAt(side, slot) as PriceMicros, size });
  }
  return levels;
}
