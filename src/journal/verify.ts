import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Seq } from "#model";
import { decodeBlock } from "./block.ts";
import type { Damage, SeqRange } from "./errors.ts";
import { BLOCK_HEADER_BYTES } from "./layout.ts";
import { type DurableMark, MARK_NAME, type MarkRead, readMark } from "./mark.ts";
import { listSegments, type SegmentFile } from "./segments.ts";
import { type Walked, walkSegment } from "./walk.ts";

export interface JournalVerification {
  readonly frames: number;
  readonly blocks: number;
  readonly segments: number;
  readonly bytes: number;
  /** Empty: every byte is what was written and no acknowledged frame is missing. */
  readonly damage: readonly Damage[];
  /** Bytes of writes that did not finish: not damage, nothing in them was acknowledged. */
  readonly tornBytes: number;
  /** Frames that are gone and known to be (a repaired journal says so itself). */
  readonly knownLosses: readonly SeqRange[];
}

export interface VerifyProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/**
 * Reads every byte of a journal: checksums, lengths, the order of seqs, times within their block's range. May run
 * beside a writer. @throws JournalMissing where there is no such directory.
 */
export async function verifyJournal(
  directory: string,
  onProgress?: (progress: VerifyProgress) => void,
): Promise<JournalVerification> {
  const read = await readMark(directory);
  const mark = read.kind === "mark" ? read.mark : null;
  // What began after the mark was read is no concern of it.
  const listed = (await listSegments(directory)).filter(({ firstSeq }) => mark === null || firstSeq <= mark.nextSeq);
  const segments = await withSizes(directory, listed);
  const totalBytes = segments.reduce((sum, { bytes }) => sum + bytes, 0);
  const found: Findings = { frames: 0, blocks: 0, tornBytes: 0, damage: [], knownLosses: [] };
  let due: Seq | null = null;
  let doneBytes = 0;
  let verified = 0;
  for (const { segment, bytes } of segments) {
    const done = doneBytes;
    try {
      due = await verifySegment({ directory, segment, due, mark }, found, (offset) =>
        onProgress?.({ doneBytes: done + offset, totalBytes }),
      );
      verified++;
    } catch (cause) {
      // The writer's budget may delete the oldest segments meanwhile.
      if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
    }
    doneBytes += bytes;
  }
  const marked = judgeMark(read, due);
  if (marked && found.damage.length === 0) found.damage.push(marked);
  return { ...found, segments: verified, bytes: totalBytes };
}

interface Findings {
  frames: number;
  blocks: number;
  tornBytes: number;
  readonly damage: Damage[];
  readonly knownLosses: SeqRange[];
}

/** Adds what it finds to `found`; returns the seq due after the segment. */
async function verifySegment(
  what: { directory: string; segment: SegmentFile; due: Seq | null; mark: DurableMark | null },
  found: Findings,
  onBlock: (end: number) => void,
): Promise<Seq> {
  const { directory, segment, due, mark } = what;
  let next = segment.firstSeq;
  for await (const item of walkSegment(directory, segment, { due, mark, live: true })) {
    if (item.kind === "header" && segment.firstSeq > item.follows) {
      found.knownLosses.push({ from: item.follows, to: segment.firstSeq });
    } else if (item.kind === "damage") {
      found.damage.push(item.damage);
      next = Math.max(next, item.damage.lost?.to ?? 0) as Seq;
    } else if (item.kind === "torn") {
      found.tornBytes += item.length;
    } else if (item.kind === "block" && mark !== null && item.header.firstSeq >= mark.nextSeq) {
      // Whole but not acknowledged: being written, or left by a writer that was killed. Readers do not show it either.
      found.tornBytes += item.bytes.length;
    } else if (item.kind === "block") {
      found.blocks++;
      found.frames += item.header.count;
      next = (item.header.firstSeq + item.header.count) as Seq;
      const wrong = contentsOf(segment, item);
      if (wrong) found.damage.push(wrong);
      onBlock(item.offset + item.bytes.length);
    }
  }
  return next;
}

async function withSizes(
  directory: string,
  segments: readonly SegmentFile[],
): Promise<{ segment: SegmentFile; bytes: number }[]> {
  const sized: { segment: SegmentFile; bytes: number }[] = [];
  for (const segment of segments) {
    const found = await stat(join(directory, segment.name)).catch(() => undefined);
    if (found) sized.push({ segment, bytes: found.size });
  }
  return sized;
}

/** Whether a block whose checksum is right also makes sense; it does not where the writer itself was wrong. */
function contentsOf(
  segment: SegmentFile,
  { header, bytes, offset }: Extract<Walked, { kind: "block" }>,
): Damage | undefined {
  try {
    decodeBlock(header, bytes.subarray(BLOCK_HEADER_BYTES));
    return undefined;
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    const lost = { from: header.firstSeq, to: (header.firstSeq + header.count) as Seq };
    return { file: segment.name, offset, length: bytes.length, reason: cause.message, lost };
  }
}

function judgeMark(read: MarkRead, due: Seq | null): Damage | undefined {
  const at = { file: MARK_NAME, offset: 0, length: 0 };
  if (read.kind === "unreadable") return { ...at, reason: "the durable mark is not what was written", lost: null };
  if (read.kind === "absent" || read.mark.nextSeq <= (due ?? 0)) return undefined;
  const lost = { from: due ?? (0 as Seq), to: read.mark.nextSeq };
  return { ...at, reason: "acknowledged frames are missing at the end", lost };
}
