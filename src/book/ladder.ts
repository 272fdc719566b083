import type { Level, PriceMicros, Side, SizeMicros } from "#model";

/*
 * One book: for each side a dense array of sizes, one slot for each multiple of `step` from 0 to 1 dollar, and the index
 * of the best. A change is one store; the best moves by a scan that is as short as the book is dense.
 *
 * `step` is the storage grid, `tickSize` the venue's legal tick. They differ where levels finer than the tick rest in
 * the book (the tick went back from 0.001 to 0.01): the grid is refined until every level lies on it, so that there is
 * one structure and one code path and no level is ever rounded or lost.
 */

const MAX_PRICE = 1_000_000;
/** Grids from coarse to fine; each price in micros lies on the last. */
const STEPS = [100_000, 10_000, 5_000, 2_500, 1_000, 500, 100, 10, 1] as const;

class HalfBook {
  sizes: Float64Array;
  count = 0;
  /** Slot of the best level; -1 where there is none. */
  best = -1;
  /** Rendered levels for the digest, made on first use; a slot is emptied when its size changes. */
  texts: (string | undefined)[] | null = null;
  /** +1: higher is better (bids). */
  readonly direction: 1 | -1;

  constructor(slots: number, direction: 1 | -1) {
    this.sizes = new Float64Array(slots);
    this.direction = direction;
  }

  put(slot: number, size: number): void {
    const before = this.sizes[slot] as number;
    if (before === size) return;
    this.sizes[slot] = size;
    if (this.texts !== null) this.texts[slot] = undefined;
    if (size > 0) {
      if (before === 0) {
        this.count++;
        if (this.best < 0 || (slot - this.best) * this.direction > 0) this.best = slot;
      }
    } else {
      this.count--;
      if (slot === this.best) this.best = this.count === 0 ? -1 : this.next(slot);
    }
  }

  /** The nearest occupied slot that is worse than `slot`; only where there is one. */
  next(slot: number): number {
    const { sizes, direction } = this;
    let at = slot - direction;
    while (sizes[at] === 0) at -= direction;
    return at;
  }

  reset(slots: number): void {
    if (slots === this.sizes.length) this.sizes.fill(0);
    else this.sizes = new Float64Array(slots);
    this.texts = null;
    this.count = 0;
    this.best = -1;
  }
}

/** The book of one instrument. The only mutable thing of this room besides the prover. */
export class Ladder {
  #tickSize: PriceMicros;
  #step: number;
  readonly #bids: HalfBook;
  readonly #asks: HalfBook;

  /** @throws RangeError where the tick is no positive whole number of micros below a dollar. */
  constructor(tickSize: PriceMicros) {
    this.#tickSize = checkedTick(tickSize);
    this.#step = stepFor(tickSize);
    const slots = MAX_PRICE / this.#step + 1;
    this.#bids = new HalfBook(slots, 1);
    this.#asks = new HalfBook(slots, -1);
  }

  get tickSize(): PriceMicros {
    return this.#tickSize;
  }

  /** Forgets all levels. */
  clear(): void {
    this.#step = stepFor(this.#tickSize);
    const slots = MAX_PRICE / this.#step + 1;
    this.#bids.reset(slots);
    this.#asks.reset(slots);
  }

  /** Takes a whole book, in any order of levels. Levels of size 0 are none. */
  replace(bids: readonly Level[], asks: readonly Level[]): void {
    this.clear();
    for (const level of bids) this.set("bid", level.price, level.size);
    for (const level of asks) this.set("ask", level.price, level.size);
  }

  /**
   * Sets a level's absolute size; 0 removes it.
   * @throws RangeError where the price lies outside 0..1 dollar or price or size is no safe non-negative integer.
   */
  set(side: Side, price: PriceMicros, size: SizeMicros): void {
    let slot = price / this.#step;
    if ((slot | 0) !== slot || slot < 0 || slot >= this.#bids.sizes.length) {
      checkedPrice(price);
      this.#refineFor(price);
      slot = price / this.#step;
    }
    if (!(size >= 0 && size <= Number.MAX_SAFE_INTEGER)) throw new RangeError(`a level needs a size, got ${size}`);
    (side === "bid" ? this.#bids : this.#asks).put(slot, size);
  }

  /** The venue changed the tick: every level stays, also those that are finer than the new tick. */
  regrid(tickSize: PriceMicros): void {
    this.#tickSize = checkedTick(tickSize);
    let step = stepFor(tickSize);
    for (const half of [this.#bids, this.#asks]) {
      for (let slot = half.best, left = half.count; left > 0; left--) {
        step = stepDividing(slot * this.#step, step);
        if (left > 1) slot = half.next(slot);
      }
    }
    this.#rebuild(step);
  }

  bestBid(): PriceMicros | null {
    const { best } = this.#bids;
    return best < 0 ? null : ((best * this.#step) as PriceMicros);
  }

  bestAsk(): PriceMicros | null {
    const { best } = this.#asks;
    return best < 0 ? null : ((best * this.#step) as PriceMicros);
  }

  /** Size at a price; 0 where there is no level. */
  size(side: Side, price: PriceMicros): SizeMicros {
    const slot = price / this.#step;
    return ((side === "bid" ? this.#bids : this.#asks).sizes[slot] ?? 0) as SizeMicros;
  }

  count(side: Side): number {
    return (side === "bid" ? this.#bids : this.#asks).count;
  }

  /** Best first; all of them without a limit. */
  levels(side: Side, limit = Number.POSITIVE_INFINITY): Level[] {
    const out: Level[] = [];
    this.forEach(side, (price, size) => out.push({ price, size }), limit);
    return out;
  }

  /** Visits levels, best first, without building anything. */
  forEach(side: Side, visit: (price: PriceMicros, size: SizeMicros) => void, limit = Number.POSITIVE_INFINITY): void {
    const half = side === "bid" ? this.#bids : this.#asks;
    let slot = half.best;
    for (let left = Math.min(half.count, limit); left > 0; left--) {
      visit((slot * this.#step) as PriceMicros, half.sizes[slot] as SizeMicros);
      if (left > 1) slot = half.next(slot);
    }
  }

  /**
   * The side's levels worst first, each rendered by `render`, joined by commas: the order of the venue's digest. What was
   * rendered is kept with the level until its size changes, because between two digests one level changes, not forty.
   */
  rendered(side: Side, render: (price: number, size: number) => string): string {
    const half = side === "bid" ? this.#bids : this.#asks;
    const { sizes, direction } = half;
    if (half.count === 0) return "";
    half.texts ??= new Array<string | undefined>(sizes.length).fill(undefined);
    const { texts } = half;
    let text = "";
    let slot = direction === 1 ? 0 : sizes.length - 1;
    for (let left = half.count; left > 0; slot += direction) {
      const size = sizes[slot] as number;
      if (size === 0) continue;
      let one = texts[slot];
      if (one === undefined) {
        one = render(slot * this.#step, size);
        texts[slot] = one;
      }
      text = text === "" ? one : `${text},${one}`;
      left--;
    }
    return text;
  }

  #refineFor(price: number): void {
    if (price % this.#step !== 0) this.#rebuild(stepDividing(price, this.#step));
  }

  #rebuild(step: number): void {
    if (step === this.#step) return;
    const before = this.#step;
    this.#step = step;
    const slots = MAX_PRICE / step + 1;
    for (const half of [this.#bids, this.#asks]) {
      const { sizes } = half;
      half.reset(slots);
      for (const [slot, size] of sizes.entries()) if (size > 0) half.put((slot * before) / step, size);
    }
  }
}

/** The coarsest grid on which every legal price of the tick lies. */
function stepFor(tickSize: number): number {
  return stepDividing(tickSize, MAX_PRICE);
}

/** The coarsest step, not above `most`, that divides the price and `most`'s own grid. */
function stepDividing(price: number, most: number): number {
  for (const step of STEPS)
    if (step <= most && price % step === 0 && (most === MAX_PRICE || most % step === 0)) return step;
  return 1;
}

function checkedTick(tickSize: PriceMicros): PriceMicros {
  if (Number.isSafeInteger(tickSize) && tickSize > 0 && tickSize < MAX_PRICE) return tickSize;
  throw new RangeError(`a tick size lies between 0 and 1 dollar, got ${tickSize} micros`);
}

function checkedPrice(price: PriceMicros): void {
  if (Number.isSafeInteger(price) && price >= 0 && price <= MAX_PRICE) return;
  throw new RangeError(`an outcome price lies between 0 and 1 dollar, got ${price} micros`);
}
