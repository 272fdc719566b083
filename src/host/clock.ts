import { setTimeout as delay } from "node:timers/promises";
import type { MonotonicMicros, UnixMicros } from "#model";

/** Time, injected: whoever needs to know or wait for a moment is handed one of these. */
export interface Clock {
  /** Wall clock. May jump when the machine's clock is set. */
  now(): UnixMicros;
  /** Never jumps; for durations and for finding out that `now` jumped. */
  monotonic(): MonotonicMicros;
  /** How many seconds of this clock pass in a real second: 1, but 60 in a demo at 60x. */
  readonly speed: number;
  /** Resolves after `micros` of this clock; at once when the signal aborts (it never rejects). */
  sleep(micros: number, signal?: AbortSignal): Promise<void>;
  /** Calls back once after `micros` of this clock. The timer does not keep the process alive. Returns its cancel. */
  after(micros: number, call: () => void): () => void;
  /** Calls back every `micros` of this clock until cancelled; does not keep the process alive. */
  every(micros: number, call: () => void): () => void;
}

// performance.timeOrigin + performance.now() would be monotonic but drifts from a wall clock that is being disciplined,
// so `now` reads the wall clock (ms) and takes the micros below the millisecond from the monotonic one where they agree.
const wallMicros = (): number => {
  const millis = Date.now();
  const fine = (performance.timeOrigin + performance.now()) * 1_000;
  const drift = fine - millis * 1_000;
  return drift >= 0 && drift < 1_000 ? Math.floor(fine) : millis * 1_000;
};

const monotonicMicros = (): number => Math.floor(performance.now() * 1_000) + 1;

function timersAt(speed: number): Pick<Clock, "sleep" | "after" | "every" | "speed"> {
  const millis = (micros: number): number => Math.min(Math.max(0, micros / 1_000 / speed), 2_147_483_647);
  return {
    speed,
    sleep: (micros, signal) => delay(millis(micros), undefined, signal ? { signal } : {}).catch(() => undefined),
    after(micros, call) {
      const timer = setTimeout(call, millis(micros)).unref();
      return () => clearTimeout(timer);
    },
    every(micros, call) {
      const timer = setInterval(call, millis(micros)).unref();
      return () => clearInterval(timer);
    },
  };
}

export function systemClock(): Clock {
  return {
    ...timersAt(1),
    now: () => wallMicros() as UnixMicros,
    monotonic: () => monotonicMicros() as MonotonicMicros,
  };
}

/**
 * A clock that stood at `venueAt` when the machine's stood at `wallAt`, and runs `speed` times as fast since. An
 * emulator and a recorder in another process agree on the time when they are given the same three numbers.
 */
export function scaledClock(anchor: { venueAt: UnixMicros; wallAt: UnixMicros; speed: number }): Clock {
  return {
    ...timersAt(anchor.speed),
    now: () => Math.floor(anchor.venueAt + (wallMicros() - anchor.wallAt) * anchor.speed) as UnixMicros,
    monotonic: () => Math.floor(monotonicMicros() * anchor.speed) as MonotonicMicros,
  };
}

/**
 * A duration of the clock, but never less than `realMillis` of real time: a network does not run faster because a demo
 * does, and 10 s at 60x would give a socket 167 ms to connect.
 */
export function atLeastReal(clock: Clock, micros: number, realMillis: number): number {
  return Math.max(micros, realMillis * 1_000 * clock.speed);
}
