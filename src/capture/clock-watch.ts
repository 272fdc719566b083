import type { Clock } from "#host";
import { MILLISECOND, type UnixMicros } from "#model";

export interface ClockJump {
  /** What the wall clock should have shown, and what it did. */
  readonly expected: UnixMicros;
  readonly found: UnixMicros;
  readonly micros: number;
}

/** Larger than any slewing between two looks, smaller than what would put a frame into the wrong second. */
const TOLERANCE = 500 * MILLISECOND;
/** On a clock that runs faster, the milliseconds of the machine's wall clock are that many times as coarse. */
const REAL_TOLERANCE = 20 * MILLISECOND;

/** Finds out that the wall clock was set, by the monotonic one. Look about once a second. */
export class ClockWatch {
  readonly #clock: Clock;
  readonly #tolerance: number;
  #wall: number;
  #monotonic: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#tolerance = Math.max(TOLERANCE, REAL_TOLERANCE * clock.speed);
    this.#monotonic = clock.monotonic();
    this.#wall = clock.now();
  }

  look(): ClockJump | null {
    const before = this.#clock.monotonic();
    const wall = this.#clock.now();
    const after = this.#clock.monotonic();
    // Held up between the two readings: they say nothing about each other. The next look will.
    if (after - before > this.#tolerance / 10) return null;
    const expected = this.#wall + (before - this.#monotonic);
    const micros = wall - expected;
    this.#wall = wall;
    this.#monotonic = before;
    if (Math.abs(micros) <= this.#tolerance) return null;
    return { expected: expected as UnixMicros, found: wall, micros };
  }
}
