import { SECOND } from "#model";
import type { Clock } from "./clock.ts";

export interface BucketOptions {
  readonly clock: Clock;
  /** How many may go at once after a rest. */
  readonly burst: number;
  readonly perSecond: number;
  /** How many may wait for their turn; the next one is refused. */
  readonly maxWaiting: number;
}

/** Too many already wait for their turn: ask less, or later. */
export class BucketOverloaded extends Error {
  override readonly name = "BucketOverloaded";
}

/** Spends a budget of calls evenly. First come, first served. */
export class TokenBucket {
  readonly #options: BucketOptions;
  /** Below zero: that many have been promised a turn and wait for it. */
  #tokens: number;
  #countedAt: number;
  #heldUntil = 0;

  constructor(options: BucketOptions) {
    this.#options = options;
    this.#tokens = options.burst;
    this.#countedAt = options.clock.monotonic();
  }

  /**
   * Resolves when it is the caller's turn, or when the signal aborts.
   * @throws BucketOverloaded at once where `maxWaiting` others wait already.
   */
  async take(signal?: AbortSignal): Promise<void> {
    const { clock, perSecond, maxWaiting } = this.#options;
    this.#refill();
    if (this.#tokens - 1 < -maxWaiting) throw new BucketOverloaded(`more than ${maxWaiting} calls wait for their turn`);
    this.#tokens -= 1;
    const turn = this.#tokens < 0 ? (-this.#tokens / perSecond) * SECOND : 0;
    const held = this.#heldUntil - clock.monotonic();
    const wait = Math.max(turn, held);
    if (wait > 0) await clock.sleep(wait, signal);
  }

  /** Nobody's turn comes before `micros` have passed: the venue said to wait. */
  hold(micros: number): void {
    this.#heldUntil = Math.max(this.#heldUntil, this.#options.clock.monotonic() + micros);
  }

  #refill(): void {
    const { clock, perSecond, burst } = this.#options;
    const now = clock.monotonic();
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#countedAt) / SECOND) * perSecond);
    this.#countedAt = now;
  }
}
