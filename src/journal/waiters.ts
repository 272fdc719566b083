import type { Seq } from "#model";

interface Waiter {
  readonly seq: Seq;
  resolve(): void;
  reject(cause: Error): void;
}

/** Promises of durability, kept in the order of their seq, which is nearly always the order of asking. */
export class Waiters {
  #waiting: Waiter[] = [];

  add(seq: Seq): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let at = this.#waiting.length;
    while (at > 0 && this.#waiting[at - 1]!.seq > seq) at--;
    if (at === this.#waiting.length) this.#waiting.push({ seq, resolve, reject });
    else this.#waiting.splice(at, 0, { seq, resolve, reject });
    return promise;
  }

  /** Resolves all that wait for a seq below `durableNext`. */
  settle(durableNext: Seq): void {
    let done = 0;
    while (done < this.#waiting.length && this.#waiting[done]!.seq < durableNext) done++;
    for (const waiter of this.#waiting.splice(0, done)) waiter.resolve();
  }

  fail(cause: Error): void {
    const failed = this.#waiting;
    this.#waiting = [];
    for (const waiter of failed) waiter.reject(cause);
  }
}
