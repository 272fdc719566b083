import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import type { Seq } from "#model";
import type { Damage, SeqRange } from "./errors.ts";
import { type BlockHeader, FOOTER_END_BYTES, footerLength, SEGMENT_HEADER_BYTES, startsFooter } from "./layout.ts";
import type { DurableMark } from "./mark.ts";
import { readSegmentHeader, type Scanned, scanSegment } from "./scan.ts";
import type { SegmentFile } from "./segments.ts";

/** What a segment means, as the journal's rules read it. */
export type Walked =
  | { readonly kind: "header"; readonly follows: Seq; readonly salt: Buffer | null }
  | { readonly kind: "block"; readonly offset: number; readonly header: BlockHeader; readonly bytes: Buffer }
  | { readonly kind: "damage"; readonly damage: Damage }
  | { readonly kind: "sealed"; readonly offset: number }
  /** Bytes of a write that never finished, or that was given up and written again elsewhere. Nothing acknowledged. */
  | { readonly kind: "torn"; readonly offset: number; readonly length: number }
  /** Space taken ahead of writing. */
  | { readonly kind: "ahead"; readonly offset: number };

export interface WalkOptions {
  /** The seq due when the segment before ended; null: unknown, or the journal's first segment. */
  readonly due: Seq | null;
  readonly mark: DurableMark | null;
  /**
   * Whether somebody may be writing: what lies beyond the mark may then be half there, and is judged by nobody. The
   * holder of the lock judges it: after a power cut the mark may be older than what was acknowledged.
   */
  readonly live: boolean;
}

/** Reads a whole segment and tells what is in it and what should be and is not. */
export async function* walkSegment(
  directory: string,
  segment: SegmentFile,
  options: WalkOptions,
): AsyncGenerator<Walked, void> {
  const handle = await open(join(directory, segment.name), "r");
  try {
    yield* walkFile(handle, segment, options);
  } finally {
    await handle.close();
  }
}

async function* walkFile(
  handle: FileHandle,
  segment: SegmentFile,
  { due, mark, live }: WalkOptions,
): AsyncGenerator<Walked, void> {
  const limit = (await handle.stat()).size;
  const header = await readSegmentHeader(handle);
  const claimed = mark?.segment === segment.firstSeq ? mark.offset : 0;
  const damaged = (offset: number, length: number, reason: string, lost: SeqRange | null): Walked => ({
    kind: "damage",
    damage: { file: segment.name, offset, length, reason, lost },
  });
  if (header === undefined) {
    if (limit < SEGMENT_HEADER_BYTES && claimed === 0) {
      yield { kind: "torn", offset: 0, length: limit };
      return;
    }
    yield damaged(0, Math.min(limit, SEGMENT_HEADER_BYTES), "the segment header is not what was written", null);
  } else if (header.firstSeq !== segment.firstSeq) {
    yield damaged(
      0,
      SEGMENT_HEADER_BYTES,
      `the name says seq ${segment.firstSeq}, the header ${header.firstSeq}`,
      null,
    );
  }
  const follows = header?.follows ?? segment.firstSeq;
  if (due !== null && follows > due) {
    yield damaged(0, 0, "frames before this segment are missing", { from: due, to: follows });
  }
  yield { kind: "header", follows, salt: header?.salt ?? null };

  let next = segment.firstSeq;
  let held: Extract<Scanned, { kind: "damage" }> | undefined;
  // Damage is told when the block after it says what it cost.
  const told = (damage: Extract<Scanned, { kind: "damage" }>, to: Seq): Walked =>
    damaged(damage.offset, damage.length, damage.reason, to > next ? { from: next, to } : null);
  const from = SEGMENT_HEADER_BYTES;
  for await (const item of scanSegment(handle, { from, limit, nextSeq: next, salt: header?.salt ?? null })) {
    switch (item.kind) {
      case "damage":
        if (live && item.offset >= settledEnd(segment, mark)) {
          yield { kind: "torn", offset: item.offset, length: limit - item.offset };
          return;
        }
        // Missing frames right after unreadable bytes are one damage, not two.
        held ??= item;
        break;
      case "block":
        if (segment.endsBefore !== null && item.header.firstSeq >= segment.endsBefore) {
          yield { kind: "torn", offset: item.offset, length: limit - item.offset };
          return;
        }
        if (held) yield told(held, item.header.firstSeq);
        held = undefined;
        next = (item.header.firstSeq + item.header.count) as Seq;
        yield item;
        break;
      case "footer": {
        const end = item.footer.nextSeq;
        if (held) yield told(held, end);
        else if (end > next)
          yield damaged(item.offset, 0, "frames before the footer are missing", { from: next, to: end });
        yield { kind: "sealed", offset: item.offset };
        return;
      }
      case "tail":
        yield* judgeTail(handle, segment, { ...item, next, claimed, mark });
        return;
    }
  }
  if (claimed > limit) {
    yield damaged(limit, claimed - limit, "the file ends before its durable end", lostUntil(next, mark));
  }
}

/** Up to where a segment cannot change any more, as far as the mark tells. */
function settledEnd(segment: SegmentFile, mark: DurableMark | null): number {
  if (mark === null) return Number.POSITIVE_INFINITY;
  if (segment.firstSeq >= mark.nextSeq) return 0;
  return mark.segment === segment.firstSeq ? mark.offset : Number.POSITIVE_INFINITY;
}

function lostUntil(next: Seq, mark: DurableMark | null): SeqRange | null {
  return mark !== null && mark.nextSeq > next ? { from: next, to: mark.nextSeq } : null;
}

async function* judgeTail(
  handle: FileHandle,
  segment: SegmentFile,
  tail: {
    offset: number;
    length: number;
    zeros: boolean;
    next: Seq;
    claimed: number;
    mark: DurableMark | null;
  },
): AsyncGenerator<Walked, void> {
  const { offset, length, next } = tail;
  if (tail.claimed > offset) {
    const reason = "durable bytes are no whole block";
    yield {
      kind: "damage",
      damage: { file: segment.name, offset, length, reason, lost: lostUntil(next, tail.mark) },
    };
  } else if (tail.zeros) {
    yield { kind: "ahead", offset };
  } else if (await isDamagedFooter(handle, offset, length)) {
    const reason = "the footer is not what was written";
    yield { kind: "damage", damage: { file: segment.name, offset, length, reason, lost: null } };
  } else {
    yield { kind: "torn", offset, length };
  }
}

/** A footer that was written whole (one of its two lengths fits) and is damaged; a torn one is merely unfinished. */
async function isDamagedFooter(handle: FileHandle, offset: number, length: number): Promise<boolean> {
  const head = Buffer.alloc(24);
  const end = Buffer.alloc(FOOTER_END_BYTES);
  if (length < head.length + end.length) return false;
  await handle.read(head, 0, head.length, offset);
  await handle.read(end, 0, end.length, offset + length - end.length);
  return footerLength(end) === length || (startsFooter(head) && head.readUInt32LE(20) === length);
}
