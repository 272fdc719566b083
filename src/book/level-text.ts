import { MAX_LEVEL_BYTES, writeLevel } from "./byte-text.ts";
import type { SlotSet } from "./slot-set.ts";

/** What a text is made of. Slots ascend from worst to best. */
export interface SlottedLevels {
  readonly occupied: SlotSet;
  readonly sizes: Float64Array;
  readonly count: number;
  /** A slot's rank is its number times this. */
  readonly step: number;
  priceOf(rank: number): number;
}

let scratch = new Uint8Array(4_096);

/**
 * The rendered levels of one side, a comma after each. Only the slots between the lowest and the highest that changed
 * are rendered again; what stands behind them is moved. Between two digests that is one level of forty.
 */
export class LevelText {
  #bytes = new Uint8Array(0);
  #length = 0;
  /** The first #length bytes: kept because making a view takes as long as rendering half a level. */
  #view = this.#bytes;
  /** Where the text of an occupied slot begins, and how long it is; of other slots, nothing of use. */
  readonly #starts: Uint32Array;
  readonly #lengths: Uint8Array;
  #firstTouched = 0;
  #lastTouched: number;

  constructor(slots: number) {
    this.#starts = new Uint32Array(slots);
    this.#lengths = new Uint8Array(slots);
    this.#lastTouched = slots - 1;
  }

  /** The slot's level came, went or changed. */
  touch(slot: number): void {
    if (slot < this.#firstTouched) this.#firstTouched = slot;
    if (slot > this.#lastTouched) this.#lastTouched = slot;
  }

  touchAll(): void {
    this.#firstTouched = 0;
    this.#lastTouched = this.#starts.length - 1;
  }

  /** The text as the levels stand. Valid until the next call. */
  of(levels: SlottedLevels): Uint8Array {
    if (this.#firstTouched <= this.#lastTouched) this.#refresh(levels);
    if (this.#view.length !== this.#length || this.#view.buffer !== this.#bytes.buffer) {
      this.#view = this.#bytes.subarray(0, this.#length);
    }
    return this.#view;
  }

  #refresh(levels: SlottedLevels): void {
    const { occupied, count } = levels;
    this.#makeRoom(count * MAX_LEVEL_BYTES);
    const before = occupied.below(this.#firstTouched);
    const start = before < 0 ? 0 : this.#startOf(before) + this.#lengthOf(before);
    const after = occupied.from(this.#lastTouched + 1);
    if (after >= occupied.limit) this.#length = this.#render(levels, this.#bytes, start, 0);
    else {
      const oldEnd = this.#startOf(after);
      const rendered = this.#render(levels, scratch, 0, start);
      const shift = start + rendered - oldEnd;
      if (shift !== 0) this.#move(levels, after, shift);
      for (let index = 0; index < rendered; index++) this.#bytes[start + index] = scratch[index] as number;
    }
    this.#firstTouched = this.#starts.length;
    this.#lastTouched = -1;
  }

  #move({ occupied }: SlottedLevels, from: number, shift: number): void {
    const start = this.#startOf(from);
    this.#bytes.copyWithin(start + shift, start, this.#length);
    this.#length += shift;
    for (let slot = from; slot < occupied.limit; slot = occupied.from(slot + 1)) {
      this.#starts[slot] = this.#startOf(slot) + shift;
    }
  }

  /** Renders the touched slots into `into` at `at`, which will stand `offset` further on in the text. */
  #render(levels: SlottedLevels, into: Uint8Array, at: number, offset: number): number {
    const { occupied, sizes, step } = levels;
    let end = at;
    for (let slot = occupied.from(this.#firstTouched); slot <= this.#lastTouched; slot = occupied.from(slot + 1)) {
      const start = end;
      end = writeLevel(into, start, levels.priceOf(slot * step), sizes[slot] as number);
      this.#starts[slot] = start + offset;
      this.#lengths[slot] = end - start;
    }
    return end;
  }

  #makeRoom(bytes: number): void {
    if (bytes > scratch.length) scratch = new Uint8Array(bytes * 2);
    if (bytes <= this.#bytes.length) return;
    const grown = new Uint8Array(bytes * 2);
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }

  #startOf(slot: number): number {
    return this.#starts[slot] as number;
  }

  #lengthOf(slot: number): number {
    return this.#lengths[slot] as number;
  }
}
