import { ONE } from "#model";
import { MAX_LEVEL_BYTES, writeLevel } from "./byte-text.ts";
import { LevelText } from "./level-text.ts";
import { SlotSet } from "./slot-set.ts";

/*
 * One side of a book, kept by rank and not by price: the rank of a bid is its price, that of an ask is 1 - price, both in
 * micros. So on either side a higher rank is a better level, and one piece of code serves both.
 *
 * Ranks on the grid have a slot in a dense array, so that a change is one store.
 *
 * Levels off the grid (finer than the tick: the tick went back from 0.001 to 0.01 while they rested) lie in a short sorted
 * list. A finer grid for them would be simpler, but one level at 0.123457 would then cost a million slots a side.
 */

/** A grid finer than this would cost more memory than the list. */
const FINEST_STEP = 100;
const FALLBACK_STEP = 1_000;

/** Slots as far apart as the tick where the tick divides the dollar; else a thousandth, and the list takes the rest. */
export function gridStep(tickSize: number): number {
  return tickSize >= FINEST_STEP && ONE % tickSize === 0 ? tickSize : FALLBACK_STEP;
}

interface OffGridLevel {
  readonly rank: number;
  size: number;
}

export class LadderSide {
  count = 0;
  /** -1 where the side is empty. */
  bestRank = -1;
  readonly step: number;
  readonly sizes: Float64Array;
  readonly occupied: SlotSet;
  readonly #isAsk: boolean;
  /** Ascending by rank. */
  readonly #offGrid: OffGridLevel[] = [];
  /** Made when a digest is first asked for: who asks for none pays nothing. */
  #text: LevelText | null = null;

  constructor(step: number, isAsk: boolean) {
    const slots = ONE / step + 1;
    this.step = step;
    this.sizes = new Float64Array(slots);
    this.occupied = new SlotSet(slots);
    this.#isAsk = isAsk;
  }

  /** Sets a size; the rank is a whole number of micros from 0 to ONE. */
  put(rank: number, size: number): void {
    const slot = rank / this.step;
    if (slot !== (slot | 0)) return this.#putOffGrid(rank, size);
    const before = this.sizes[slot] as number;
    if (before === size) return;
    this.sizes[slot] = size;
    if (this.#text !== null) this.#text.touch(slot);
    if (before === 0) {
      this.occupied.add(slot);
      this.count++;
      if (rank > this.bestRank) this.bestRank = rank;
    } else if (size === 0) {
      this.occupied.delete(slot);
      this.count--;
      if (rank === this.bestRank) this.#findBest(slot);
    }
  }

  sizeAt(rank: number): number {
    const slot = rank / this.step;
    if (slot === (slot | 0)) return this.sizes[slot] ?? 0;
    return this.#offGrid.find((level) => level.rank === rank)?.size ?? 0;
  }

  clear(): void {
    this.sizes.fill(0);
    this.occupied.clear();
    this.#offGrid.length = 0;
    this.#text?.touchAll();
    this.count = 0;
    this.bestRank = -1;
  }

  /** Visits up to `limit` levels, best first. */
  walk(visit: (rank: number, size: number) => void, limit: number): void {
    const end = Math.min(this.count, limit);
    let slot = this.occupied.below(this.sizes.length);
    let offGrid = this.#offGrid.length - 1;
    for (let visited = 0; visited < end; visited++) {
      const level = this.#offGrid[offGrid];
      if (level !== undefined && level.rank > slot * this.step) {
        visit(level.rank, level.size);
        offGrid--;
      } else {
        visit(slot * this.step, this.sizes[slot] as number);
        slot = this.occupied.below(slot);
      }
    }
  }

  /** Writes the levels worst first, a comma between; returns where they ended. `into` has room for textBytes. */
  copyText(into: Uint8Array, at: number): number {
    if (this.count === 0) return at;
    if (this.#offGrid.length > 0) return this.#writeText(into, at);
    this.#text ??= new LevelText(this.sizes.length);
    const text = this.#text.of(this);
    into.set(text, at);
    // Without the last comma.
    return at + text.length - 1;
  }

  priceOf(rank: number): number {
    return this.#isAsk ? ONE - rank : rank;
  }

  get textBytes(): number {
    return this.count * MAX_LEVEL_BYTES;
  }

  /** Off-grid levels are too rare to be worth keeping a text for. */
  #writeText(into: Uint8Array, at: number): number {
    const levels: OffGridLevel[] = [];
    this.walk((rank, size) => levels.push({ rank, size }), this.count);
    let end = at;
    for (const { rank, size } of levels.toReversed()) {
      end = writeLevel(into, end, this.priceOf(rank), size);
    }
    return end - 1;
  }

  #putOffGrid(rank: number, size: number): void {
    const levels = this.#offGrid;
    let index = levels.length;
    while (index > 0 && levels[index - 1]!.rank >= rank) index--;
    const present = levels[index];
    if (present?.rank === rank) {
      if (size > 0) present.size = size;
      else {
        levels.splice(index, 1);
        this.count--;
        if (rank === this.bestRank) this.#findBest(this.sizes.length);
      }
    } else if (size > 0) {
      levels.splice(index, 0, { rank, size });
      this.count++;
      if (rank > this.bestRank) this.bestRank = rank;
    }
  }

  /** Every slot from `slot` up is empty. */
  #findBest(slot: number): void {
    const below = this.occupied.below(slot);
    this.bestRank = Math.max(below < 0 ? -1 : below * this.step, this.#offGrid.at(-1)?.rank ?? -1);
  }
}
