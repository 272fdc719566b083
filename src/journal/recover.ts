import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import type { Seq, UnixMicros } from "#model";
import { decodeBlock } from "./block.ts";
import type { Damage } from "./errors.ts";
import { diskFileSystem } from "./file-system.ts";
import { BLOCK_HEADER_BYTES, type BlockHeader, encodeFooter } from "./layout.ts";
import { type DurableMark, MarkWriter, readMark } from "./mark.ts";
import { FooterBuilder } from "./segment-writer.ts";
import { listSegments, type SegmentFile } from "./segments.ts";
import { walkSegment } from "./walk.ts";

/** What opening a journal found and did. */
export interface JournalRecovery {
  /** Bytes of an unfinished write that were cut off. Never anything acknowledged. */
  readonly truncatedBytes: number;
  /** receivedAt of the last frame that the journal holds; null in an empty one. */
  readonly lastFrameAt: UnixMicros | null;
  /** Damage in the last segment, found in passing (verifyJournal looks at all). It stays as it is. */
  readonly damage: readonly Damage[];
}

export interface RecoveredJournal extends JournalRecovery {
  readonly nextSeq: Seq;
  /** What was due after the last frame there is; below nextSeq where acknowledged frames are lost. */
  readonly follows: Seq;
  /** A segment that began and never got a frame. Its name is needed for the next one. */
  readonly empty: string | null;
}

interface LastSegment {
  readonly segment: SegmentFile;
  readonly salt: Buffer | null;
  readonly follows: Seq;
  readonly footer: FooterBuilder;
  readonly damage: readonly Damage[];
  readonly sealed: boolean;
  readonly torn: { offset: number; length: number } | null;
  readonly ahead: number | null;
  readonly last: { header: BlockHeader; body: Buffer; end: number } | null;
  readonly nextSeq: Seq;
}

/**
 * Makes a journal ready to be written after whatever ended its last writer: cuts a torn tail, seals the last segment,
 * makes it durable, and says where to go on. Only the holder of the lock may call this.
 */
export async function recoverJournal(directory: string): Promise<RecoveredJournal> {
  await mkdir(directory, { recursive: true });
  const read = await readMark(directory);
  const mark = read.kind === "mark" ? read.mark : null;
  let nextSeq = mark?.nextSeq ?? (0 as Seq);
  let truncatedBytes = 0;
  const damage: Damage[] = [];
  let end: LastSegment | null = null;
  let lastFrameAt: UnixMicros | null = null;
  let follows: Seq | null = null;
  let empty: string | null = null;
  for (const segment of (await listSegments(directory)).toReversed()) {
    const found = await inspect(directory, segment, mark);
    if (end === null) {
      damage.push(...found.damage);
      truncatedBytes += found.torn?.length ?? 0;
      follows ??= found.last === null ? found.follows : found.nextSeq;
      if (found.last === null && found.damage.length === 0) {
        nextSeq = Math.max(nextSeq, segment.firstSeq) as Seq;
        empty ??= segment.name;
        continue;
      }
      await settle(directory, found);
      nextSeq = Math.max(nextSeq, found.nextSeq) as Seq;
      end = found;
    }
    if (found.last === null) continue;
    lastFrameAt = decodeBlock(found.last.header, found.last.body).at(-1)?.receivedAt ?? null;
    break;
  }
  // Also in an empty journal: where there is no mark, no writer has begun, and readers may take files as they are.
  publish(directory, { nextSeq, segment: end?.segment.firstSeq ?? (0 as Seq), offset: end?.last?.end ?? 0 });
  return { truncatedBytes, lastFrameAt, damage, nextSeq, follows: follows ?? (0 as Seq), empty };
}

async function inspect(directory: string, segment: SegmentFile, mark: DurableMark | null): Promise<LastSegment> {
  const footer = new FooterBuilder(segment.firstSeq);
  const damage: Damage[] = [];
  let salt: Buffer | null = null;
  let follows = segment.firstSeq;
  let sealed = false;
  let torn: LastSegment["torn"] = null;
  let ahead: number | null = null;
  let last: LastSegment["last"] = null;
  let nextSeq = segment.firstSeq;
  for await (const item of walkSegment(directory, segment, { due: null, mark, live: false })) {
    switch (item.kind) {
      case "header":
        ({ salt, follows } = item);
        break;
      case "block": {
        const { header, bytes, offset } = item;
        footer.add(offset, header);
        last = { header, body: bytes.subarray(BLOCK_HEADER_BYTES), end: offset + bytes.length };
        nextSeq = (header.firstSeq + header.count) as Seq;
        break;
      }
      case "damage":
        damage.push(item.damage);
        nextSeq = Math.max(nextSeq, item.damage.lost?.to ?? 0) as Seq;
        break;
      case "sealed":
        sealed = true;
        break;
      case "torn":
        torn = item;
        break;
      case "ahead":
        ahead = item.offset;
        break;
    }
  }
  return { segment, salt, follows, footer, damage, sealed, torn, ahead, last, nextSeq };
}

/** Cuts what is no block, and makes what is there durable: after kill -9 it may still be only in memory. */
async function settle(directory: string, found: LastSegment): Promise<void> {
  const file = await open(join(directory, found.segment.name), "r+");
  try {
    const cut = found.torn?.offset ?? found.ahead;
    if (cut !== null) await file.truncate(cut);
    await file.sync();
    if (found.sealed || found.damage.length > 0 || found.salt === null || found.last === null) return;
    try {
      const footer = encodeFooter(found.footer.footer(), found.salt);
      await file.write(footer, 0, footer.length, found.last.end);
      await file.sync();
    } catch {
      // A full disk. A segment without its footer is read all the same, only slower.
      await file.truncate(found.last.end);
    }
  } finally {
    await file.close();
  }
}

function publish(directory: string, mark: DurableMark): void {
  const writer = new MarkWriter(diskFileSystem, directory);
  try {
    writer.write(mark);
  } catch {
    // The first commit writes it, or says what stands in the way.
  } finally {
    writer.close();
  }
}
