import type { PriceMicros } from "#model";
import { ONE } from "#model";

/*
 * The codec's own books. A level's size is told by what stands in the book, so writer and reader keep the same books while
 * they go; these are made for that and for nothing else: dense, no digest, no views.
 *
 * Either side is kept by rank, as in book/: the slot of a bid is its price, that of an ask is 1 - price, in units of the
 * chunk's finest price. A higher slot is a better level on both sides.
 */

/** Finest price steps a chunk can be laid out by, coarsest first. */
export const PRICE_UNITS = [10_000, 1_000, 100, 10, 1] as const;

export const BID = 0;
export const ASK = 1;

export class SlotSide {
  /** Sizes in micros; 0: no level. */
  readonly sizes: Float64Array;
  /** By how much each level last moved, in hundredths of a share; 0: never, or by no whole number of them. */
  readonly moves: Float64Array;
  /** -1: empty. */
  best = -1;

  constructor(slots: number) {
    this.sizes = new Float64Array(slots);
    this.moves = new Float64Array(slots);
  }

  put(slot: number, size: number): void {
    this.sizes[slot] = size;
    if (size > 0) {
      if (slot > this.best) this.best = slot;
    } else if (slot === this.best) {
      let below = slot - 1;
      while (below >= 0 && this.sizes[below] === 0) below--;
      this.best = below;
    }
  }

  clear(): void {
    this.sizes.fill(0);
    this.best = -1;
  }
}

export class SlotBook {
  readonly unit: number;
  readonly top: number;
  readonly sides: readonly [SlotSide, SlotSide];
  /** False before the first whole book: changes then have nothing to stand on. */
  open = false;

  constructor(unit: number) {
    this.unit = unit;
    this.top = ONE / unit;
    this.sides = [new SlotSide(this.top + 1), new SlotSide(this.top + 1)];
  }

  /** The slot of a price on a side; a whole number where the unit divides the price. */
  slotOf(side: number, price: number): number {
    return (side === BID ? price : ONE - price) / this.unit;
  }

  priceAt(side: number, slot: number): number {
    return side === BID ? slot * this.unit : ONE - slot * this.unit;
  }

  /** null: that side is empty. */
  bestPrice(side: 0 | 1): PriceMicros | null {
    const { best } = this.sides[side];
    return best < 0 ? null : (this.priceAt(side, best) as PriceMicros);
  }

  clear(): void {
    for (const side of this.sides) side.clear();
  }
}
