import type { Clock } from "#host";
import type { MonotonicMicros, UnixMicros } from "#model";
import { TimerQueue } from "./timer-queue.ts";

/** As fast as whoever plays can: time moves only when it is told to, by `reach` or `advanceTo`. */
export const UNLIMITED = Number.POSITIVE_INFINITY;

export interface PlayheadOptions {
  /** The machine's clock, which paces this one. */
  readonly clock: Clock;
  /** Where in the recording it stands at first. */
  readonly at: UnixMicros;
  /** Seconds of recording a second: above 0, or UNLIMITED. Default 1. */
  readonly speed?: number;
  /** Default true. */
  readonly playing?: boolean;
}

export type PlayheadChange = "play" | "pause" | "speed" | "seek";

/** How a wait for a moment ended: it came; somebody sought another place, so that it may never come; it was given up. */
export type Reached = "reached" | "sought" | "aborted";

/**
 * The clock of a recording that is played: one for all who share it (the player's stream, every client of the emulator).
 * - `now` is the moment in the recording. It stands while paused and jumps on a seek, in either direction.
 * - `monotonic` is how much was played: it stands while paused, takes no part in a seek, and never goes back.
 * - `sleep`, `after` and `every` run by `monotonic`. So they wait through a pause, follow a change of speed at once, and
 *   a seek neither wakes nor moves them: a delay of 250 ms is 250 ms of playing. Who waits for a moment of the
 *   recording uses `reach`.
 * - At unlimited speed time stands until somebody moves it; timers that are passed are called at their own moment.
 */
export interface Playhead extends Clock {
  readonly playing: boolean;
  /** How often it was sought: what was read before another number belongs to another place. */
  readonly seeks: number;
  play(): void;
  pause(): void;
  /** @throws RangeError where it is not above 0. */
  setSpeed(speed: number): void;
  seek(at: UnixMicros): void;
  /** Moves on to a later moment at once, playing or not, as a step does; an earlier one changes nothing. */
  advanceTo(at: UnixMicros): void;
  /**
   * Resolves when the recording has come to `at`; at once where it has and is being played. Waits while paused. At
   * unlimited speed it moves the time there itself. Keeps the process alive while it plays; never rejects.
   */
  reach(at: UnixMicros, signal?: AbortSignal): Promise<Reached>;
  /** Told after each change. Returns its cancel. */
  onChange(listener: (change: PlayheadChange) => void): () => void;
}

export function createPlayhead(options: PlayheadOptions): Playhead {
  return new SharedPlayhead(options);
}

interface Waiter {
  readonly at: UnixMicros;
  readonly end: (how: Reached) => void;
}

class SharedPlayhead implements Playhead {
  readonly #host: Clock;
  readonly #timers = new TimerQueue();
  readonly #waiters = new Set<Waiter>();
  readonly #listeners = new Set<(change: PlayheadChange) => void>();
  #speed: number;
  #playing: boolean;
  #seeks = 0;
  /** Where it stood when the host's monotonic clock stood at `#anchor`: each change makes a new anchor. */
  #at: number;
  #played = 0;
  #anchor: number;
  #disarm: (() => void) | null = null;

  constructor({ clock, at, speed = 1, playing = true }: PlayheadOptions) {
    this.#host = clock;
    this.#at = at;
    this.#speed = checkedSpeed(speed);
    this.#playing = playing;
    this.#anchor = clock.monotonic();
  }

  get speed(): number {
    return this.#speed;
  }

  get playing(): boolean {
    return this.#playing;
  }

  get seeks(): number {
    return this.#seeks;
  }

  now(): UnixMicros {
    return Math.floor(this.#at + this.#sinceAnchor()) as UnixMicros;
  }

  monotonic(): MonotonicMicros {
    return (Math.floor(this.#played + this.#sinceAnchor()) + 1) as MonotonicMicros;
  }

  play(): void {
    if (this.#playing) return;
    this.#settle();
    this.#playing = true;
    this.#changed("play");
  }

  pause(): void {
    if (!this.#playing) return;
    this.#settle();
    this.#playing = false;
    this.#changed("pause");
  }

  setSpeed(speed: number): void {
    checkedSpeed(speed);
    if (speed === this.#speed) return;
    this.#settle();
    this.#speed = speed;
    this.#changed("speed");
  }

  seek(at: UnixMicros): void {
    this.#settle();
    this.#at = at;
    this.#seeks++;
    for (const waiter of [...this.#waiters]) this.#release(waiter, "sought");
    this.#changed("seek");
  }

  advanceTo(at: UnixMicros): void {
    this.#settle();
    const until = this.#played + Math.max(0, at - this.#at);
    // Each timer sees its own moment. One that seeks or moves time itself ends this move.
    for (let due = this.#timers.nextDue(); due !== null && due <= until; due = this.#timers.nextDue()) {
      const seeks = this.#seeks;
      this.#moveBy(Math.max(0, due - this.#played));
      this.#timers.fire(this.#played);
      if (seeks !== this.#seeks) return;
    }
    this.#moveBy(Math.max(0, until - this.#played));
    this.#releaseReached();
    this.#arm();
  }

  reach(at: UnixMicros, signal?: AbortSignal): Promise<Reached> {
    if (signal?.aborted) return Promise.resolve("aborted");
    if (this.#playing) {
      if (this.#speed === UNLIMITED && at > this.#at) this.advanceTo(at);
      if (this.#playing && this.now() >= at) return Promise.resolve("reached");
    }
    return new Promise((resolve) => {
      const onAbort = (): void => this.#release(waiter, "aborted");
      const end = (how: Reached): void => {
        signal?.removeEventListener("abort", onAbort);
        resolve(how);
      };
      const waiter: Waiter = { at, end };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waiters.add(waiter);
      this.#arm();
    });
  }

  onChange(listener: (change: PlayheadChange) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  sleep(micros: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const wake = (): void => {
        cancel();
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      const cancel = this.#add(micros, null, true, wake);
      signal?.addEventListener("abort", wake, { once: true });
    });
  }

  after(micros: number, call: () => void): () => void {
    return this.#add(micros, null, false, call);
  }

  every(micros: number, call: () => void): () => void {
    return this.#add(micros, Math.max(1, micros), false, call);
  }

  #add(micros: number, everyMicros: number | null, holds: boolean, call: () => void): () => void {
    const dueAt = this.#played + this.#sinceAnchor() + Math.max(0, micros);
    const cancel = this.#timers.add({ dueAt, everyMicros, holds, call });
    this.#arm();
    return cancel;
  }

  /** Micros of recording since the anchor. */
  #sinceAnchor(): number {
    if (!this.#playing || this.#speed === UNLIMITED) return 0;
    return (this.#host.monotonic() - this.#anchor) * this.#speed;
  }

  #settle(): void {
    const since = this.#sinceAnchor();
    this.#anchor = this.#host.monotonic();
    this.#moveBy(since);
  }

  #moveBy(micros: number): void {
    this.#at += micros;
    this.#played += micros;
  }

  #changed(change: PlayheadChange): void {
    this.#arm();
    for (const listener of [...this.#listeners]) listener(change);
  }

  #release(waiter: Waiter, how: Reached): void {
    if (this.#waiters.delete(waiter)) waiter.end(how);
  }

  #releaseReached(): void {
    if (!this.#playing) return;
    const now = this.now();
    for (const waiter of [...this.#waiters]) if (waiter.at <= now) this.#release(waiter, "reached");
  }

  /** Sets the host's one timer to what is due next. */
  #arm(): void {
    this.#disarm?.();
    this.#disarm = null;
    if (!this.#playing) return;
    const wait = this.#nextWait();
    if (wait === null) return;
    const holds = this.#waiters.size > 0 || this.#timers.held > 0;
    this.#disarm = wakeAfter(this.#host, wait, holds, () => this.#wake());
  }

  /** Real micros until something is due; null: nothing is. */
  #nextWait(): number | null {
    const moment = this.#nextMoment();
    const timer = this.#timers.nextDue();
    const now = this.#sinceAnchor();
    const due = timer === null ? null : timer - this.#played - now;
    if (this.#speed === UNLIMITED) return moment !== null || (due !== null && due <= 0) ? 0 : null;
    const reached = moment === null ? null : moment - this.#at - now;
    if (due === null && reached === null) return null;
    return Math.max(0, Math.min(due ?? UNLIMITED, reached ?? UNLIMITED)) / this.#speed;
  }

  #nextMoment(): number | null {
    let first: number | null = null;
    for (const { at } of this.#waiters) if (first === null || at < first) first = at;
    return first;
  }

  #wake(): void {
    this.#disarm = null;
    if (!this.#playing) return;
    const moment = this.#speed === UNLIMITED ? this.#nextMoment() : null;
    if (moment !== null) return this.advanceTo(moment as UnixMicros);
    this.#settle();
    this.#timers.fire(this.#played);
    this.#releaseReached();
    this.#arm();
  }
}

/** The host's `after` lets the process end, its `sleep` does not. */
function wakeAfter(host: Clock, micros: number, holds: boolean, call: () => void): () => void {
  if (!holds) return host.after(micros, call);
  const stop = new AbortController();
  void host.sleep(micros, stop.signal).then(() => {
    if (!stop.signal.aborted) call();
  });
  return () => stop.abort();
}

function checkedSpeed(speed: number): number {
  if (speed > 0) return speed;
  throw new RangeError(`a speed is above 0 (or unlimited), got ${speed}`);
}
