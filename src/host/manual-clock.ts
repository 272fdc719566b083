import { type MonotonicMicros, SECOND, type UnixMicros } from "#model";
import type { Clock } from "./clock.ts";

/** A clock that moves only when told to: an hour of waiting is tested in no time. */
export interface ManualClock extends Clock {
  /** Moves on by `micros`; whatever falls due on the way is called at its own moment, in order of time. */
  advance(micros: number): Promise<void>;
  /** Sets the wall clock alone, as an operator or NTP does; timers and the monotonic clock do not notice. */
  jump(micros: number): void;
  /** How many timers wait. */
  readonly pending: number;
}

interface Timer {
  dueAt: number;
  readonly everyMicros: number | null;
  readonly call: () => void;
}

/** Lets promises that have become ready run, and what they start at once, before time goes on. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export function manualClock(startsAt: UnixMicros = (1_776_323_400 * SECOND) as UnixMicros): ManualClock {
  // A Set keeps the order of insertion, which decides between timers due at the same moment.
  const timers = new Set<Timer>();
  let elapsed = 0;
  let wall: number = startsAt;

  function add(micros: number, everyMicros: number | null, call: () => void): () => void {
    const timer = { dueAt: elapsed + Math.max(0, micros), everyMicros, call };
    timers.add(timer);
    return () => void timers.delete(timer);
  }

  function nextDue(until: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of timers) {
      if (timer.dueAt <= until && (next === undefined || timer.dueAt < next.dueAt)) next = timer;
    }
    return next;
  }

  function moveTo(moment: number): void {
    wall += moment - elapsed;
    elapsed = moment;
  }

  return {
    speed: 1,
    get pending() {
      return timers.size;
    },
    now: () => wall as UnixMicros,
    monotonic: () => (elapsed + 1) as MonotonicMicros,
    after: (micros, call) => add(micros, null, call),
    every: (micros, call) => add(micros, Math.max(1, micros), call),
    sleep: (micros, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        const wake = () => {
          cancel();
          signal?.removeEventListener("abort", wake);
          resolve();
        };
        const cancel = add(micros, null, wake);
        signal?.addEventListener("abort", wake);
      }),
    jump(micros) {
      wall += micros;
    },
    async advance(micros) {
      const until = elapsed + micros;
      await settle();
      for (let timer = nextDue(until); timer !== undefined; timer = nextDue(until)) {
        moveTo(timer.dueAt);
        if (timer.everyMicros === null) timers.delete(timer);
        else timer.dueAt += timer.everyMicros;
        timer.call();
        await settle();
      }
      moveTo(until);
      await settle();
    },
  };
}
