import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "#host";
import { SECOND, type UnixMicros } from "#model";
import { type Playhead, type Reached, UNLIMITED } from "./playhead.ts";
import type { RecordedItem } from "./recorded-stream.ts";

/** What was played: an item of the recording, or that the playhead was sought and what follows belongs to another place. */
export type PlaybackItem = RecordedItem | { readonly kind: "sought"; readonly at: UnixMicros };

/** Opens the recording's stream at a moment; the signal aborts when another place is sought. */
export type OpenAt = (from: UnixMicros, signal: AbortSignal) => Promise<AsyncIterable<readonly RecordedItem[]>>;

export interface PlaybackPlan {
  /** The machine's. */
  readonly clock: Clock;
  readonly playhead: Playhead;
  readonly open: OpenAt;
  readonly atEnd: "end" | "wait";
  /** Finds the next moment of a kind after another; null: there is none. */
  readonly find: (what: "trade" | "gap", after: UnixMicros) => Promise<UnixMicros | null>;
}

/** How long time is held for the first step of a place. */
const LONGEST_HOLD = 2 * SECOND;
/** Items handed out in a row before everybody else gets a turn: at unlimited speed some milliseconds' worth. */
const ITEMS_A_TURN = 128;

/**
 * A recording being played: an iterable of items, each handed out when the playhead comes to its moment and never before,
 * with controls that may be used at any time. One reader; it pulls, so that nothing is read ahead of it but a block.
 * Whoever shares the playhead (other playbacks, an emulator) is moved along with it.
 */
export class Playback implements AsyncIterable<PlaybackItem> {
  readonly playhead: Playhead;
  readonly #plan: PlaybackPlan;
  /** Lets time go: held from the beginning until the first reading has begun, and while another place is read. */
  #release: () => void;
  #place = new AbortController();
  #isClosed = false;
  #isEnded = false;
  #step: Step | null = null;
  #wake: AbortController | null = null;
  #isRead = false;

  constructor(plan: PlaybackPlan) {
    this.#plan = plan;
    this.playhead = plan.playhead;
    this.#release = plan.playhead.hold();
  }

  play(): void {
    this.playhead.play();
  }

  pause(): void {
    this.playhead.pause();
  }

  /** @throws RangeError where it is not above 0. */
  setSpeed(speed: number): void {
    this.playhead.setSpeed(speed);
  }

  /** The stream goes on at `at`, with opening books as they stood just before it. */
  seek(at: UnixMicros): void {
    this.playhead.seek(at);
  }

  /** Seeks the next trade, or the next gap that opens, and says where it is; null, and nothing moves, where none follows. */
  async seekNext(what: "trade" | "gap"): Promise<UnixMicros | null> {
    const at = await this.#plan.find(what, this.playhead.now());
    if (at !== null) this.playhead.seek(at);
    return at;
  }

  /**
   * Pauses and moves on: by one frame, or by micros of the recording (1 s and 5 s are SECOND and 5 * SECOND). Resolves
   * when all that lies in the step was handed out, which needs a reader; at the end of the recording at once.
   */
  step(by: "frame" | number): Promise<void> {
    this.playhead.pause();
    this.#step?.done();
    const { promise, resolve } = Promise.withResolvers<void>();
    const until = by === "frame" ? null : ((this.playhead.now() + by) as UnixMicros);
    this.#step = { until, done: resolve };
    this.#wake?.abort();
    if (this.#isEnded) this.#endStep();
    return promise;
  }

  /** Ends the iteration. */
  close(): void {
    this.#isClosed = true;
    this.#release();
    this.#place.abort();
    this.#wake?.abort();
    this.#endStep();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<PlaybackItem, void> {
    if (this.#isRead) throw new Error("a playback has one reader: make another playback with the same playhead");
    this.#isRead = true;
    let seeks = this.playhead.seeks;
    const cancel = this.playhead.onChange((change) => {
      if (change === "seek") this.#place.abort();
    });
    try {
      while (!this.#isClosed) {
        yield* this.#playFrom(this.playhead.now(), seeks);
        if (this.#plan.atEnd === "wait") await this.#sought(seeks);
        if (this.#isClosed || seeks === this.playhead.seeks) return;
        seeks = this.playhead.seeks;
        yield { kind: "sought", at: this.playhead.now() };
      }
    } finally {
      cancel();
      this.#isEnded = true;
      this.#endStep();
    }
  }

  /** Resolves when another place was sought than at `seeks`, or the playback is closed. */
  async #sought(seeks: number): Promise<void> {
    while (!this.#isClosed && this.playhead.seeks === seeks) {
      // There is nothing left to step to.
      this.#endStep();
      const moved = Promise.withResolvers<void>();
      const cancel = this.playhead.onChange((change) => {
        if (change === "seek") moved.resolve();
      });
      this.#wake = new AbortController();
      this.#wake.signal.addEventListener("abort", () => moved.resolve());
      await moved.promise;
      cancel();
    }
  }

  async *#playFrom(from: UnixMicros, seeks: number): AsyncGenerator<RecordedItem, void> {
    let handed = 0;
    this.#place = new AbortController();
    const { signal } = this.#place;
    if (this.#isClosed || seeks !== this.playhead.seeks) return;
    const steps = await this.#opened(from, signal);
    try {
      for (let next = await steps.first; !next.done; next = await steps.rest.next()) {
        for (const item of next.value) {
          if ((await this.#pass(item, seeks)) !== "reached") return;
          yield item;
          if (this.#isClosed || seeks !== this.playhead.seeks) return;
          if (++handed % ITEMS_A_TURN === 0) await nextTurn();
        }
      }
    } finally {
      await steps.rest.return?.();
    }
  }

  /** The stream at a moment with its first step read: time is held until then, or until the playback is closed. */
  async #opened(from: UnixMicros, signal: AbortSignal) {
    const waited = new AbortController();
    const held = this.#release;
    this.#release = this.playhead.hold();
    held();
    try {
      const rest = (await this.#plan.open(from, signal))[Symbol.asyncIterator]();
      const first = rest.next();
      // A place where nothing was recorded yet (the live end) must not hold the time.
      await Promise.race([first, this.#plan.clock.sleep(LONGEST_HOLD, waited.signal)]);
      return { first, rest };
    } finally {
      waited.abort();
      this.#release();
    }
  }

  /** Waits until an item may be handed out: its moment has come while playing, or a step reaches it. */
  async #pass(item: RecordedItem, seeks: number): Promise<Reached> {
    const { playhead } = this;
    for (;;) {
      if (this.#isClosed) return "aborted";
      if (seeks !== playhead.seeks) return "sought";
      if (this.#steps(item)) return "reached";
      if (playhead.playing && playhead.speed === UNLIMITED) playhead.advanceTo(item.at);
      if (playhead.playing && item.at <= playhead.now() && seeks === playhead.seeks) return "reached";
      this.#wake = new AbortController();
      const how = await playhead.reach(item.at, this.#wake.signal);
      if (how !== "aborted") return how;
    }
  }

  /** Whether a step is under way that hands this item out. */
  #steps(item: RecordedItem): boolean {
    const step = this.#step;
    if (step === null) return false;
    if (step.until !== null && item.at > step.until) {
      this.playhead.advanceTo(step.until);
      this.#endStep();
      return false;
    }
    this.playhead.advanceTo(item.at);
    if (step.until === null && item.kind === "frame") this.#endStep();
    return true;
  }

  #endStep(): void {
    this.#step?.done();
    this.#step = null;
  }
}

interface Step {
  /** null: one frame. */
  readonly until: UnixMicros | null;
  readonly done: () => void;
}
