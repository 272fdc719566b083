import type { Clock, Log } from "#host";
import { type Journal, JournalOverloaded } from "#journal";
import type { ConnectionId, Frame, FrameKind, GapRecord, SessionRecord, UnixMicros, UnnumberedFrame } from "#model";
import type { GapLedger, Moment } from "./gap-ledger.ts";

export const RECORDER = "recorder" as ConnectionId;

/** How many records of our own may wait for a full journal to take frames again. */
const MOST_WAITING = 65_536;

export interface IntakeOptions {
  readonly journal: Pick<Journal, "append">;
  readonly clock: Clock;
  readonly log: Log;
  /** Every frame that has its place in the journal, in that order. */
  onFrame(frame: Frame): void;
}

/** What a full journal refused since the overload began. */
interface Refusals {
  readonly gapId: string | null;
  readonly since: UnixMicros;
  frames: number;
  bytes: number;
  last: UnixMicros;
}

/**
 * The one way into the journal. A socket's handler stamps a frame and hands it over here; nothing is between it and
 * `append`. When the journal is full, what the venue sent is refused, counted, and an overload gap says how much; what
 * we have to say ourselves (opened, closed, sent, gap, session) waits, in order, and goes in before the next frame.
 */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #waiting: UnnumberedFrame[] = [];
  #ledger: GapLedger | null = null;
  #refusals: Refusals | null = null;
  #last: Moment | null = null;
  frames = 0;
  bytes = 0;
  refusedFrames = 0;
  refusedBytes = 0;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** The ledger writes through the intake, and the intake reports overloads to the ledger. */
  reportTo(ledger: GapLedger): void {
    this.#ledger = ledger;
  }

  /** The last frame that the journal took in this session. */
  get last(): Moment | null {
    return this.#last;
  }

  get overloaded(): boolean {
    return this.#refusals !== null;
  }

  take(frame: UnnumberedFrame): void {
    if (this.flush() && this.#append(frame)) return;
    if (frame.kind === "received" || frame.kind === "answered" || this.#waiting.length >= MOST_WAITING) {
      this.#refuse(frame);
    } else this.#waiting.push(frame);
  }

  /** Journals a record of our own, now or as soon as there is room. */
  record(kind: "gap", body: GapRecord): void;
  record(kind: "session", body: SessionRecord): void;
  record(kind: FrameKind, body: GapRecord | SessionRecord): void {
    const { clock } = this.#options;
    const bytes = new TextEncoder().encode(JSON.stringify(body));
    this.take({ kind, connection: RECORDER, receivedAt: clock.now(), monotonicAt: clock.monotonic(), bytes });
  }

  /** Puts in what waits. False while the journal is still full. Called before each frame, and now and then. */
  flush(): boolean {
    while (this.#waiting.length > 0) {
      const next = this.#waiting[0]!;
      if (!this.#append(next)) return false;
      this.#waiting.shift();
    }
    return true;
  }

  #append(frame: UnnumberedFrame): boolean {
    let seq: Frame["seq"];
    try {
      seq = this.#options.journal.append(frame);
    } catch (error) {
      if (error instanceof JournalOverloaded) return false;
      throw error;
    }
    this.frames++;
    this.bytes += frame.bytes.length;
    this.#last = { at: frame.receivedAt, seq };
    this.#options.onFrame({ ...frame, seq });
    // Only what the venue sends tells that recording goes on; our own records can slip in between two refusals.
    if (this.#refusals !== null && (frame.kind === "received" || frame.kind === "answered"))
      this.#endOverload(seq, frame);
    return true;
  }

  #refuse(frame: UnnumberedFrame): void {
    this.refusedFrames++;
    this.refusedBytes += frame.bytes.length;
    if (this.#refusals === null) this.#beginOverload(frame);
    const refusals = this.#refusals!;
    refusals.frames++;
    refusals.bytes += frame.bytes.length;
    refusals.last = frame.receivedAt;
  }

  #beginOverload(frame: UnnumberedFrame): void {
    const refusals: Refusals = { gapId: null, since: frame.receivedAt, frames: 0, bytes: 0, last: frame.receivedAt };
    // Set before the gap is written, for writing it comes back here.
    this.#refusals = refusals;
    const gap = this.#ledger?.begin({
      cause: "overload",
      instruments: [],
      connection: null,
      from: this.#last ?? { at: frame.receivedAt, seq: null },
      evidence: "the journal's backlog was full and frames were refused",
    });
    this.#refusals = { ...refusals, gapId: gap?.id ?? null };
    this.#options.log.error({ receivedAt: frame.receivedAt }, "journal full: frames are being refused");
  }

  #endOverload(seq: Frame["seq"], frame: UnnumberedFrame): void {
    const { gapId, frames, bytes, since, last } = this.#refusals!;
    this.#refusals = null;
    const evidence = `${frames} frames of ${bytes} bytes refused from ${since} to ${last}`;
    if (gapId !== null) this.#ledger?.end(gapId, { at: frame.receivedAt, seq }, evidence);
    this.#options.log.warn({ frames, bytes }, "journal takes frames again");
  }
}
