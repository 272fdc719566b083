/** A set of slot numbers below a limit, one bit each: the next member is found by looking at 32 slots at once. */
export class SlotSet {
  readonly limit: number;
  readonly #words: Int32Array;

  constructor(limit: number) {
    this.limit = limit;
    this.#words = new Int32Array((limit + 31) >>> 5);
  }

  add(slot: number): void {
    this.#words[slot >>> 5]! |= 1 << (slot & 31);
  }

  delete(slot: number): void {
    this.#words[slot >>> 5]! &= ~(1 << (slot & 31));
  }

  clear(): void {
    this.#words.fill(0);
  }

  /** The highest member under `slot`; -1 where there is none. */
  below(slot: number): number {
    let word = slot >>> 5;
    // For the first slot of a word the mask is empty, as it should be.
    let bits = (this.#words[word] ?? 0) & ((1 << (slot & 31)) - 1);
    while (bits === 0) {
      if (--word < 0) return -1;
      bits = this.#words[word] as number;
    }
    return (word << 5) + 31 - Math.clz32(bits);
  }

  /** The lowest member that is `slot` or over it; the limit where there is none. */
  from(slot: number): number {
    let word = slot >>> 5;
    let bits = (this.#words[word] ?? 0) & (-1 << (slot & 31));
    while (bits === 0) {
      if (++word >= this.#words.length) return this.limit;
      bits = this.#words[word] as number;
    }
    return (word << 5) + 31 - Math.clz32(bits & -bits);
  }
}
