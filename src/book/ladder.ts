import type { Level, PriceMicros, Side, SizeMicros } from "#model";
import { ONE } from "#model";
import { gridStep, LadderSide } from "./ladder-side.ts";

/** Whether the price can be one of an outcome: a whole number of micros from 0 to 1 dollar. */
export function isOutcomePrice(price: number): boolean {
  return Number.isSafeInteger(price) && price >= 0 && price <= ONE;
}

export function isTickSize(tickSize: number): boolean {
  return Number.isSafeInteger(tickSize) && tickSize > 0 && tickSize < ONE;
}

export function isLevelSize(size: number): boolean {
  return Number.isSafeInteger(size) && size >= 0;
}

/** The book of one instrument. Levels finer than the tick are kept exactly; nothing is rounded, moved or repaired. */
export class Ladder {
  #tickSize: PriceMicros;
  #bids: LadderSide;
  #asks: LadderSide;

  /** @throws RangeError where the tick is no whole number of micros between 0 and 1 dollar. */
  constructor(tickSize: PriceMicros) {
    this.#tickSize = checkedTick(tickSize);
    this.#bids = new LadderSide(gridStep(tickSize), false);
    this.#asks = new LadderSide(gridStep(tickSize), true);
  }

  get tickSize(): PriceMicros {
    return this.#tickSize;
  }

  /** Forgets all levels. */
  clear(): void {
    this.#bids.clear();
    this.#asks.clear();
  }

  /** Takes a whole book, in any order of levels. Levels of size 0 are none. Throws as `set` does. */
  replace(bids: readonly Level[], asks: readonly Level[]): void {
    this.clear();
    for (const { price, size } of bids) this.set("bid", price, size);
    for (const { price, size } of asks) this.set("ask", price, size);
  }

  /**
   * Sets a level's absolute size; 0 removes it.
   * @throws RangeError where the price lies outside 0..1 dollar or price or size is no safe non-negative integer.
   */
  set(side: Side, price: PriceMicros, size: SizeMicros): void {
    // Whole micros and no fraction, in the cheapest words: an outcome price fits 32 bits.
    if ((price | 0) !== price || price < 0 || price > ONE || !isLevelSize(size)) throw levelError(price, size);
    if (side === "bid") this.#bids.put(price, size);
    else this.#asks.put(ONE - price, size);
  }

  /** The venue changed the tick: every level stays, also those that are finer than the new tick. */
  regrid(tickSize: PriceMicros): void {
    this.#tickSize = checkedTick(tickSize);
    const step = gridStep(tickSize);
    if (step === this.#bids.step) return;
    this.#bids = relaid(this.#bids, step, false);
    this.#asks = relaid(this.#asks, step, true);
  }

  /** null: no bids. */
  bestBid(): PriceMicros | null {
    const rank = this.#bids.bestRank;
    return rank < 0 ? null : (rank as PriceMicros);
  }

  /** null: no asks. */
  bestAsk(): PriceMicros | null {
    const rank = this.#asks.bestRank;
    return rank < 0 ? null : ((ONE - rank) as PriceMicros);
  }

  /** Size at a price; 0 where there is no level. */
  size(side: Side, price: PriceMicros): SizeMicros {
    const size = side === "bid" ? this.#bids.sizeAt(price) : this.#asks.sizeAt(ONE - price);
    return size as SizeMicros;
  }

  /** Number of levels. */
  count(side: Side): number {
    return this.#side(side).count;
  }

  /** Best first; all of them without a limit. */
  levels(side: Side, limit = Number.POSITIVE_INFINITY): Level[] {
    const out: Level[] = [];
    this.forEach(side, (price, size) => out.push({ price, size }), limit);
    return out;
  }

  /** Visits levels, best first, without building anything. The visitor must not change the ladder. */
  forEach(side: Side, visit: (price: PriceMicros, size: SizeMicros) => void, limit = Number.POSITIVE_INFINITY): void {
    if (side === "bid") this.#bids.walk((rank, size) => visit(rank as PriceMicros, size as SizeMicros), limit);
    else this.#asks.walk((rank, size) => visit((ONE - rank) as PriceMicros, size as SizeMicros), limit);
  }

  /** Writes a side's levels as the digest has them, worst first; returns where they ended. Needs room for textBytes. */
  copyText(side: Side, into: Uint8Array, at: number): number {
    return this.#side(side).copyText(into, at);
  }

  /** An upper bound of what copyText writes for both sides. */
  get textBytes(): number {
    return this.#bids.textBytes + this.#asks.textBytes;
  }

  #side(side: Side): LadderSide {
    return side === "bid" ? this.#bids : this.#asks;
  }
}

function relaid(side: LadderSide, step: number, isAsk: boolean): LadderSide {
  const made = new LadderSide(step, isAsk);
  side.walk((rank, size) => made.put(rank, size), side.count);
  return made;
}

function checkedTick(tickSize: PriceMicros): PriceMicros {
  if (isTickSize(tickSize)) return tickSize;
  throw new RangeError(`a tick size lies between 0 and 1 dollar, got ${tickSize} micros`);
}

function levelError(price: PriceMicros, size: SizeMicros): RangeError {
  if (isOutcomePrice(price)) return new RangeError(`a level needs a size, got ${size}`);
  return new RangeError(`an outcome price lies between 0 and 1 dollar, got ${price} micros`);
}
