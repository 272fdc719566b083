import { copyFile, type FileHandle, link, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Seq } from "#model";
import { decodeBlock } from "./block.ts";
import type { Damage, SeqRange } from "./errors.ts";
import { diskFileSystem } from "./file-system.ts";
import {
  BLOCK_HEADER_BYTES,
  type BlockHeader,
  encodeFooter,
  encodeSegmentHeader,
  SALT_BYTES,
  SEGMENT_HEADER_BYTES,
} from "./layout.ts";
import { lockJournal } from "./lock.ts";
import { MARK_NAME, MarkWriter, readMark } from "./mark.ts";
import { FooterBuilder } from "./segment-writer.ts";
import { listSegments, type SegmentFile, segmentName } from "./segments.ts";
import { verifyJournal } from "./verify.ts";
import { walkSegment } from "./walk.ts";

export interface RepairReport {
  /** Frames in the journal after the repair. */
  readonly frames: number;
  /** Frames that this repair had to give up. */
  readonly lost: readonly SeqRange[];
  /** What was found before it. */
  readonly damage: readonly Damage[];
  /** Segments that were written anew; each original is beside it as `<file>.damaged`. */
  readonly replaced: readonly string[];
}

interface Salvage {
  readonly segment: SegmentFile;
  readonly salt: Buffer | null;
  readonly damage: readonly Damage[];
  readonly blocks: readonly { readonly offset: number; readonly header: BlockHeader; readonly length: number }[];
  /** The seq due after it. */
  readonly due: Seq;
}

/**
 * Makes a damaged journal whole: each segment with damage is written anew from its whole blocks, under the seqs they
 * have, and says in its header which frames are lost before it. Afterwards verifyJournal finds no damage and tells the
 * losses. Order and seqs of what is left do not change, and no lost seq is ever given to another frame.
 * @throws JournalLocked where the journal is being written.
 */
export async function repairJournal(directory: string): Promise<RepairReport> {
  const { damage } = await verifyJournal(directory);
  const lost: SeqRange[] = [];
  const replaced: string[] = [];
  const lock = lockJournal(directory, process.pid);
  try {
    const read = await readMark(directory);
    const mark = read.kind === "mark" ? read.mark : null;
    let due: Seq | null = null;
    for (const segment of await listSegments(directory)) {
      const salvage = await survey(directory, segment, due, mark);
      if (salvage.damage.length > 0) {
        lost.push(...(await rewrite(directory, salvage, due)));
        replaced.push(segment.name);
      }
      due = salvage.due;
    }
    const end = due ?? (0 as Seq);
    if (mark !== null && mark.nextSeq > end) {
      lost.push({ from: end, to: mark.nextSeq });
      await writePart(
        directory,
        { salt: Buffer.alloc(SALT_BYTES), firstSeq: mark.nextSeq, follows: end, blocks: [] },
        null,
      );
      await rename(partPath(directory, mark.nextSeq), join(directory, segmentName(mark.nextSeq)));
    }
    if (damage.length > 0) await renewMark(directory, Math.max(end, mark?.nextSeq ?? 0) as Seq);
    diskFileSystem.syncDirectory(directory);
  } finally {
    lock.release();
  }
  return { frames: (await verifyJournal(directory)).frames, lost, damage, replaced };
}

async function survey(
  directory: string,
  segment: SegmentFile,
  due: Seq | null,
  mark: Parameters<typeof walkSegment>[2]["mark"],
): Promise<Salvage> {
  const damage: Damage[] = [];
  const blocks: { offset: number; header: BlockHeader; length: number }[] = [];
  let salt: Buffer | null = null;
  let next = segment.firstSeq;
  for await (const item of walkSegment(directory, segment, { due, mark, live: false })) {
    if (item.kind === "header") salt = item.salt;
    if (item.kind === "damage") damage.push(item.damage);
    if (item.kind !== "block") continue;
    const { offset, header, bytes } = item;
    salt ??= Buffer.from(bytes.subarray(8, 8 + SALT_BYTES));
    try {
      decodeBlock(header, bytes.subarray(BLOCK_HEADER_BYTES));
      blocks.push({ offset, header, length: bytes.length });
      next = (header.firstSeq + header.count) as Seq;
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      damage.push({ file: segment.name, offset, length: bytes.length, reason: cause.message, lost: null });
    }
  }
  return { segment, salt, damage, blocks, due: next };
}

interface Part {
  readonly salt: Buffer;
  readonly firstSeq: Seq;
  readonly follows: Seq;
  readonly blocks: readonly { readonly offset: number; readonly header: BlockHeader; readonly length: number }[];
}

/** A segment of its own for each unbroken run of blocks: a hole can only be told between segments. */
function partsOf({ segment, salt, blocks }: Salvage, due: Seq | null): Part[] {
  const parts: { salt: Buffer; firstSeq: Seq; follows: Seq; blocks: Part["blocks"][number][] }[] = [];
  let next = due ?? segment.firstSeq;
  for (const block of blocks) {
    const { firstSeq, count } = block.header;
    const part = parts.at(-1);
    if (part === undefined || firstSeq !== next) {
      parts.push({ salt: salt ?? Buffer.alloc(SALT_BYTES), firstSeq, follows: next, blocks: [block] });
    } else part.blocks.push(block);
    next = (firstSeq + count) as Seq;
  }
  return parts;
}

async function rewrite(directory: string, salvage: Salvage, due: Seq | null): Promise<SeqRange[]> {
  const original = join(directory, salvage.segment.name);
  await keepAside(original);
  const parts = partsOf(salvage, due);
  const source = await open(original, "r");
  try {
    for (const part of parts) await writePart(directory, part, source);
  } finally {
    await source.close();
  }
  // Last part first: should this be cut short, the original still holds what has no new file yet, and what has one is
  // void in the original, because a segment ends where the next one begins.
  for (const { firstSeq } of parts.toReversed()) {
    await rename(partPath(directory, firstSeq), join(directory, segmentName(firstSeq)));
  }
  if (!parts.some(({ firstSeq }) => firstSeq === salvage.segment.firstSeq)) await rm(original);
  return parts
    .filter((part) => part.firstSeq > part.follows)
    .map((part) => ({ from: part.follows, to: part.firstSeq }));
}

async function keepAside(original: string): Promise<void> {
  for (let number = 0; ; number++) {
    const aside = `${original}.damaged${number === 0 ? "" : `.${number}`}`;
    try {
      await link(original, aside);
      return;
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code;
      if (code === "EEXIST") continue;
      // A file system without hard links.
      await copyFile(original, aside);
      return;
    }
  }
}

function partPath(directory: string, firstSeq: Seq): string {
  return join(directory, `${segmentName(firstSeq)}.repaired`);
}

async function writePart(directory: string, part: Part, source: FileHandle | null): Promise<void> {
  const file = await open(partPath(directory, part.firstSeq), "w");
  try {
    await file.write(encodeSegmentHeader(part));
    const footer = new FooterBuilder(part.firstSeq);
    let end = SEGMENT_HEADER_BYTES;
    for (const { offset, header, length } of part.blocks) {
      const bytes = Buffer.allocUnsafe(length);
      await source?.read(bytes, 0, length, offset);
      await file.write(bytes, 0, length, end);
      footer.add(end, header);
      end += length;
    }
    const closing = encodeFooter(footer.footer(), part.salt);
    await file.write(closing, 0, closing.length, end);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function renewMark(directory: string, nextSeq: Seq): Promise<void> {
  const segment = (await listSegments(directory)).findLast(({ firstSeq }) => firstSeq < nextSeq);
  await rm(join(directory, MARK_NAME), { force: true });
  const writer = new MarkWriter(diskFileSystem, directory);
  try {
    // The last segment is sealed or will be looked at by the next writer; the mark need not claim any bytes of it.
    writer.write({ nextSeq, segment: segment?.firstSeq ?? (0 as Seq), offset: 0 });
  } finally {
    writer.close();
  }
}
