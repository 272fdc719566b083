import type { Seq } from "#model";
import { BlockBuilder } from "./block.ts";
import type { FileSystem } from "./file-system.ts";
import { LABEL, RingConsumer, recordBytes, type SharedRing } from "./ring.ts";
import { SegmentWriter } from "./segment-writer.ts";

/** What the committing thread is started with. */
export interface CommitPlan {
  readonly ring: SharedRing;
  readonly directory: string;
  readonly maxSegmentBytes: number;
  readonly nextSeq: Seq;
  readonly follows: Seq;
  readonly empty: string | null;
}

/** What it says to the thread that appends. */
export type CommitNews =
  /** The first message: it takes what is appended. */
  | { readonly kind: "ready" }
  | { readonly kind: "committed" }
  | { readonly kind: "stalled"; readonly cause: string }
  | { readonly kind: "writing" }
  /** The last message. `cause` is null when everything became durable. */
  | { readonly kind: "closed"; readonly cause: string | null };

/** A block takes what is waiting up to about this much, so that a reader that keeps one frame keeps no more. */
const BLOCK_BYTES = 256 * 1024;
const FIRST_PAUSE_MILLIS = 25;
const LONGEST_PAUSE_MILLIS = 1_000;

/**
 * Commits back to back until told to close: whatever was appended while one block went to the disk makes up the next.
 * No timer decides anything. When the disk refuses, the block is kept and tried again, for as long as it takes.
 */
export function runCommitLoop(plan: CommitPlan, disk: FileSystem, tell: (news: CommitNews) => void): void {
  const ring = new RingConsumer(plan.ring);
  const writer = new SegmentWriter({ ...plan, disk });
  const builder = new BlockBuilder();
  const labels = new Map<number, Uint8Array>();
  let nextSeq = plan.nextSeq;
  let closing = false;
  tell({ kind: "ready" });
  for (;;) {
    const bytes = fill(builder, ring, labels);
    if (builder.count > 0) {
      const count = builder.count;
      const block = builder.build(nextSeq);
      // Only now: from here on the block, not the ring, holds the frames.
      ring.release();
      const refused = insist(() => writer.write(block), ring, tell);
      if (refused !== null) return end(writer, tell, refused);
      nextSeq = (nextSeq + count) as Seq;
      if (ring.ack(count, bytes)) tell({ kind: "committed" });
      writer.takeSpaceAhead();
      continue;
    }
    ring.release();
    if (ring.rolling()) seal(writer);
    if (closing) {
      seal(writer);
      return end(writer, tell, null);
    }
    // Frames appended just before the command are still taken: one more round.
    closing = ring.closing();
    if (!closing) ring.wait();
  }
}

/** Moves what waits into the builder; returns its size as the backlog counts it. */
function fill(builder: BlockBuilder, ring: RingConsumer, labels: Map<number, Uint8Array>): number {
  let bytes = 0;
  while (builder.bytes < BLOCK_BYTES) {
    const record = ring.take();
    if (record === undefined) break;
    if (record.kind === LABEL) {
      labels.set(record.connection, Uint8Array.from(record.bytes));
    } else {
      builder.add(record, record.connection, (connection) => labels.get(connection)!);
      bytes += recordBytes(record.bytes.length);
    }
  }
  return bytes;
}

/** Does the work, again and again if need be. Returns null when done, the cause where closing ended the attempts. */
function insist(work: () => void, ring: RingConsumer, tell: (news: CommitNews) => void): string | null {
  let pause = FIRST_PAUSE_MILLIS;
  let told: string | null = null;
  for (;;) {
    const lastAttempt = ring.closing();
    try {
      work();
      if (told !== null) tell({ kind: "writing" });
      return null;
    } catch (cause) {
      const text = cause instanceof Error ? cause.message : String(cause);
      if (text !== told) tell({ kind: "stalled", cause: text });
      told = text;
      if (lastAttempt) return text;
    }
    ring.pause(pause);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MILLIS);
  }
}

/** A footer only speeds up reading: a disk that refuses it loses nothing, and the next block will say that it does. */
function seal(writer: SegmentWriter): void {
  try {
    writer.seal();
  } catch {
    // The segment was left as it is, readable without its footer.
  }
}

function end(writer: SegmentWriter, tell: (news: CommitNews) => void, cause: string | null): void {
  writer.close();
  tell({ kind: "closed", cause });
}
