import type { Clock } from "#host";
import type { MonotonicMicros, UnixMicros } from "#model";

/** So many replayed seconds a real one, or as fast as it goes. */
export type Pace = number | "max";

/**
 * The clock of a replay: one time for all clients, that can be paused, sped up and moved. It is a Clock like any other to
 * those who wait on it. `now` is replay time; `monotonic` is the replay time that was played, and no seek moves it: timers
 * go by it, so they wait while the replay is paused and do not notice a seek.
 *
 * At the pace "max" no time passes by itself: whoever plays moves it on by `reach`, from one thing to the next.
 */
export interface Playhead extends Clock {
  readonly playing: boolean;
  readonly pace: Pace;
  play(): void;
  pause(): void;
  setPace(pace: Pace): void;
  /** Stands at another moment at once; sleepers and timers keep what they have left to wait. */
  seek(at: UnixMicros): void;
  /** Moves on to a later moment; whatever falls due on the way is called at its own moment. Not later: nothing happens. */
  reach(at: UnixMicros): void;
}

export interface PlayheadOptions {
  readonly at: UnixMicros;
  readonly pace: Pace;
  readonly playing: boolean;
  /** Real time. */
  readonly wall: Clock;
}

interface Timer {
  /** By `monotonic`. */
  dueAt: number;
  readonly everyMicros: number | null;
  readonly call: () => void;
}

export function isPlayhead(clock: Clock): clock is Playhead {
  return "reach" in clock;
}

export function createPlayhead(options: PlayheadOptions): Playhead {
  return new ReplayClock(options);
}

class ReplayClock implements Playhead {
  readonly #wall: Clock;
  // In order of insertion, which decides between timers due at the same moment.
  readonly #timers = new Set<Timer>();
  #pace: Pace;
  #playing: boolean;
  /** Replay time and played time when real time was #since. */
  #at: number;
  #played = 1;
  #since: MonotonicMicros;
  #disarm: () => void = () => undefined;

  constructor({ at, pace, playing, wall }: PlayheadOptions) {
    this.#wall = wall;
    this.#at = at;
    this.#pace = pace;
    this.#playing = playing;
    this.#since = wall.monotonic();
  }

  get playing(): boolean {
    return this.#playing;
  }

  get pace(): Pace {
    return this.#pace;
  }

  /** Of a clock that moves by leaps no speed can be told: 1. */
  get speed(): number {
    return this.#pace === "max" ? 1 : this.#pace;
  }

  now(): UnixMicros {
    return Math.floor(this.#at + this.#passed()) as UnixMicros;
  }

  monotonic(): MonotonicMicros {
    return Math.floor(this.#played + this.#passed()) as MonotonicMicros;
  }

  play(): void {
    this.#change(() => {
      this.#playing = true;
    });
  }

  pause(): void {
    this.#change(() => {
      this.#playing = false;
    });
  }

  setPace(pace: Pace): void {
    this.#change(() => {
      this.#pace = pace;
    });
  }

  seek(at: UnixMicros): void {
    this.#change(() => {
      this.#at = at;
    });
  }

  reach(at: UnixMicros): void {
    this.#settle();
    const arrival = this.#played + Math.max(0, at - this.#at);
    for (let next = this.#nextDue(arrival); next; next = this.#nextDue(arrival)) {
      this.#moveTo(Math.max(next.dueAt, this.#played));
      this.#call(next);
    }
    this.#moveTo(arrival);
    this.#arm();
  }

  after(micros: number, call: () => void): () => void {
    return this.#add(micros, null, call);
  }

  every(micros: number, call: () => void): () => void {
    return this.#add(micros, Math.max(1, micros), call);
  }

  sleep(micros: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const wake = (): void => {
        cancel();
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      const cancel = this.after(micros, wake);
      signal?.addEventListener("abort", wake);
    });
  }

  #passed(): number {
    return this.#playing && this.#pace !== "max" ? (this.#wall.monotonic() - this.#since) * this.#pace : 0;
  }

  /** Takes what has passed into the anchor, so that what comes next counts from now. */
  #settle(): void {
    const passed = this.#passed();
    this.#at += passed;
    this.#played += passed;
    this.#since = this.#wall.monotonic();
  }

  #change(how: () => void): void {
    this.#settle();
    how();
    this.#arm();
  }

  #moveTo(played: number): void {
    this.#at += played - this.#played;
    this.#played = played;
  }

  #add(micros: number, everyMicros: number | null, call: () => void): () => void {
    const timer = { dueAt: this.monotonic() + Math.max(0, micros), everyMicros, call };
    this.#timers.add(timer);
    this.#arm();
    return () => void this.#timers.delete(timer);
  }

  #nextDue(until: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueAt <= until && (next === undefined || timer.dueAt < next.dueAt)) next = timer;
    }
    return next;
  }

  /** One real timer, for the one that is due first. */
  #arm(): void {
    this.#disarm();
    this.#disarm = () => undefined;
    if (!this.#playing || this.#pace === "max") return;
    const next = this.#nextDue(Number.POSITIVE_INFINITY);
    if (!next) return;
    const wait = Math.max(0, next.dueAt - this.monotonic()) / this.#pace;
    this.#disarm = this.#wall.after(wait, () => this.#fire());
  }

  #fire(): void {
    this.#settle();
    const until = this.#played;
    for (let next = this.#nextDue(until); next; next = this.#nextDue(until)) this.#call(next);
    this.#arm();
  }

  #call(timer: Timer): void {
    if (timer.everyMicros === null) this.#timers.delete(timer);
    else timer.dueAt += timer.everyMicros;
    timer.call();
  }
}
