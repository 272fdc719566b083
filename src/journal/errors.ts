import type { Seq } from "#model";

/** Another process (or this one) already writes this journal. */
export class JournalLocked extends Error {
  override readonly name = "JournalLocked";
  readonly directory: string;
  /** null where the holder did not get to say who it is. */
  readonly pid: number | null;

  constructor(directory: string, pid: number | null) {
    super(`journal ${directory} is being written by ${pid === null ? "another process" : `process ${pid}`}`);
    this.directory = directory;
    this.pid = pid;
  }
}

/** The queue of frames that are not durable yet is full. Nothing of the refused frame was queued. */
export class JournalOverloaded extends Error {
  override readonly name = "JournalOverloaded";
  readonly frames: number;
  readonly bytes: number;

  constructor(frames: number, bytes: number) {
    super(`journal overloaded: ${frames} frames, ${bytes} bytes wait to be durable`);
    this.frames = frames;
    this.bytes = bytes;
  }
}

/** The journal was closed, or its writer died; the cause says which. */
export class JournalClosed extends Error {
  override readonly name = "JournalClosed";
}

/** The journal was closed while the disk refused it; these frames did not become durable. */
export class JournalStalled extends Error {
  override readonly name = "JournalStalled";
  readonly frames: number;

  constructor(frames: number, cause: string) {
    super(`journal closed with ${frames} frames that could not be made durable: ${cause}`);
    this.frames = frames;
  }
}

/** There is no journal in this directory. */
export class JournalMissing extends Error {
  override readonly name = "JournalMissing";
}

/** Bytes of a journal that are not what was written, or frames that are not there. */
export interface Damage {
  readonly file: string;
  readonly offset: number;
  readonly length: number;
  readonly reason: string;
  /** The sequence numbers that it cost, as far as they can be known: [first, after the last]. */
  readonly lost: SeqRange | null;
}

export interface SeqRange {
  readonly from: Seq;
  /** Exclusive. */
  readonly to: Seq;
}

/** A reader met damage and nobody had asked to be told about it. */
export class JournalDamaged extends Error {
  override readonly name = "JournalDamaged";
  readonly damage: Damage;

  constructor(damage: Damage) {
    super(`journal damaged: ${damage.file} at ${damage.offset}, ${damage.length} bytes: ${damage.reason}`);
    this.damage = damage;
  }
}
