import type { Seq } from "#model";

interface Waiter {
  readonly seq: Seq;
  resolve(): void;
  reject(cause: Error): void;
}

/** Promises of durability, kept in the order of their seq, which is nearly always the order of asking. */
export class Waiters {
  #waiting: Waiter[] = [];
  /** Those before it are settled. They are cut off now and then: cutting at each commit would move all the others. */
  #first = 0;

  add(seq: Seq): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let at = this.#waiting.length;
    while (at > this.#first && this.#waiting[at - 1]!.seq > seq) at--;
    if (at === this.#waiting.length) this.#waiting.push({ seq, resolve, reject });
    else this.#waiting.splice(at, 0, { seq, resolve, reject });
    return promise;
  }

  /** Resolves all that wait for a seq below `durableNext`. */
  settle(durableNext: Seq): void {
    const waiting = this.#waiting;
    while (this.#first < waiting.length && waiting[this.#first]!.seq < durableNext) waiting[this.#first++]!.resolve();
    if (this.#first * 2 < waiting.length) return;
    this.#waiting = waiting.slice(this.#first);
    this.#first = 0;
  }

  fail(cause: Error): void {
    const failed = this.#waiting.slice(this.#first);
    this.#waiting = [];
    this.#first = 0;
    for (const waiter of failed) waiter.reject(cause);
  }
}
