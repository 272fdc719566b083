import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "#host";
import type { UnixMicros } from "#model";
import { type Playhead, UNLIMITED } from "#replay";
import type { EmulatedItem, EmulatorSource } from "../source.ts";

/** Steps taken before the sockets get their turn, where the source is behind the clock. */
const STEPS_A_TURN = 64;

export interface PlayerOptions {
  readonly source: EmulatorSource;
  readonly clock: Clock;
  deliver(item: EmulatedItem): void;
  /** The source stands at another moment. */
  moved(at: UnixMicros): void;
  /** Resolves when the sockets can take more; asked only where the pace is set by nothing else. */
  drained(): Promise<void>;
}

/** One step on while paused: the next frame that anybody could get, or so many micros. */
export type StepSize = "frame" | number;

/** Whether a clock is the shared one of a replay, that can be told what to do. */
export function isPlayhead(clock: Clock): clock is Playhead {
  return "advanceTo" in clock;
}

/** Plays a source at the clock's speed: no step before its time. With a playhead it can be stopped, moved and stepped. */
export class Player {
  readonly #options: PlayerOptions;
  readonly #head: Playhead | null;
  readonly #ended = Promise.withResolvers<void>();
  #tasks: (() => Promise<void>)[] = [];
  #wake = new AbortController();
  #closing = false;
  #atEnd = false;
  #frames = 0;
  #lag = 0;

  constructor(options: PlayerOptions) {
    this.#options = options;
    this.#head = isPlayhead(options.clock) ? options.clock : null;
    this.#head?.onChange(() => this.wake());
  }

  /** null where the clock cannot be told what to do. */
  get head(): Playhead | null {
    return this.#head;
  }

  /** Nothing is left to play from here on. */
  get atEnd(): boolean {
    return this.#atEnd;
  }

  /** Items sent out so far. */
  get frames(): number {
    return this.#frames;
  }

  /** How late the last item was, in micros of the clock. */
  get lagMicros(): number {
    return this.#lag;
  }

  /** Resolves when the source has ended for the first time; rejects where it could not be read. */
  get finished(): Promise<void> {
    return this.#ended.promise;
  }

  /** Plays until it is closed, or the end where there is no playhead to come back from it. */
  async run(): Promise<void> {
    try {
      while (!this.#closing) await this.#turn();
    } catch (error) {
      this.#ended.reject(error);
    } finally {
      this.#closing = true;
      this.#ended.resolve();
      for (const task of this.#tasks.splice(0)) await task();
    }
  }

  /** Ends `run` at the next turn. */
  close(): void {
    this.#closing = true;
    this.wake();
  }

  /** Something is to be done: whoever sleeps looks again. */
  wake(): void {
    this.#wake.abort();
    this.#wake = new AbortController();
  }

  /** @throws what the source throws; Error where it cannot be moved. */
  async seek(at: UnixMicros): Promise<void> {
    const { source } = this.#options;
    const seek = source.seek?.bind(source);
    const head = this.#head;
    if (!(seek && head)) throw new Error("this emulator cannot be moved: its source or its clock only goes on");
    await this.#between(async () => {
      await seek(at);
      head.seek(at);
      this.#atEnd = false;
      this.#options.moved(at);
    });
  }

  /** Pauses, and goes on by one step. */
  async step(size: StepSize): Promise<void> {
    const head = this.#head;
    if (!head) throw new Error("this emulator cannot be stepped: its clock only goes on");
    await this.#between(async () => {
      head.pause();
      const target = (size === "frame" ? Number.MAX_SAFE_INTEGER : head.now() + size) as UnixMicros;
      await this.#playTo(head, target, size === "frame");
    });
  }

  async #turn(): Promise<void> {
    for (const task of this.#tasks.splice(0)) await task();
    const { source, clock } = this.#options;
    const head = this.#head;
    // What was asked for meanwhile had its wake-up already.
    if (this.#closing || this.#tasks.length > 0) return;
    if (head && (!head.playing || this.#atEnd)) return this.#sleep();
    const at = source.nextAt();
    if (at === null) {
      if (await source.prepare()) return;
      this.#atEnd = true;
      this.#ended.resolve();
      if (!head) this.#closing = true;
      return;
    }
    if (head?.speed === UNLIMITED) return this.#burst(head);
    const wait = at - clock.now();
    if (wait > 0) return clock.sleep(wait, this.#wake.signal);
    if (this.#catchUp() === STEPS_A_TURN) await nextTurn();
  }

  /** As fast as the sockets take it. */
  async #burst(head: Playhead): Promise<void> {
    for (let steps = 0; steps < STEPS_A_TURN; steps++) {
      const at = this.#options.source.nextAt();
      if (at === null) break;
      head.advanceTo(at);
      this.#take();
    }
    this.#lag = 0;
    await nextTurn();
    await this.#options.drained();
  }

  /** What is due, but no more than the sockets should wait for. Gives the number of steps. */
  #catchUp(): number {
    const { source, clock } = this.#options;
    const now = clock.now();
    for (let steps = 0; steps < STEPS_A_TURN; steps++) {
      const at = source.nextAt();
      if (at === null || at > now) return steps;
      this.#lag = now - at;
      this.#take();
    }
    return STEPS_A_TURN;
  }

  #take(): number {
    const items = this.#options.source.step();
    for (const item of items) this.#options.deliver(item);
    this.#frames += items.length;
    return items.length;
  }

  async #playTo(head: Playhead, target: UnixMicros, once: boolean): Promise<void> {
    const { source } = this.#options;
    for (let steps = 1; ; steps++) {
      const at = source.nextAt();
      if (at === null) {
        if (await source.prepare()) continue;
        this.#atEnd = true;
        this.#ended.resolve();
        break;
      }
      if (at > target) break;
      head.advanceTo(at);
      if (this.#take() > 0 && once) return;
      if (steps % STEPS_A_TURN === 0) await nextTurn();
    }
    if (!once) head.advanceTo(target);
  }

  /** Runs a task between two steps. */
  #between(task: () => Promise<void>): Promise<void> {
    if (this.#closing) return Promise.reject(new Error("the emulator is closed"));
    return new Promise((resolve, reject) => {
      this.#tasks.push(() => task().then(resolve, reject));
      this.wake();
    });
  }

  #sleep(): Promise<void> {
    const { signal } = this.#wake;
    return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  }
}
