import { mkdirSync } from "node:fs";
import { stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { type Log, silentLog } from "#host";
import {
  diskFileSystem,
  dropSegments,
  type FileSystem,
  type JournalReader,
  openJournalReader,
  type SegmentInfo,
} from "#journal";
import { HOUR, MINUTE, type Seq, type UnixMicros } from "#model";
import { firstDifference } from "./compare.ts";
import { ArchiveMismatch } from "./errors.ts";
import { openIndex, syncIndex } from "./index-sync.ts";
import { lockArchive } from "./lock.ts";
import { listPacks, listUnfinished, type PackName, packsFolder } from "./names.ts";
import { PackFile } from "./pack-file.ts";
import { packHour } from "./pack-hour.ts";
import { packFrames } from "./pack-read.ts";

export interface ArchiveRunOptions {
  /** DATA/archive and DATA/journal. */
  readonly archive: string;
  readonly journal: string;
  readonly now: UnixMicros;
  /** Everything up to now, and not only the hours that are over. */
  readonly all?: boolean;
  /** Deletes the journal's segments that the archive has whole. */
  readonly dropJournal?: boolean;
  /** Packs beyond it go, oldest first; the newest stays in any case. */
  readonly retention?: PackRetention;
  readonly log?: Log;
  readonly onPacked?: (pack: PackedHour) => void;
  readonly onProgress?: (progress: RunProgress) => void;
  /** For tests of a disk that fails, and of a pack that is too large for memory. */
  readonly disk?: FileSystem;
  readonly mostBuffered?: number;
}

export interface PackRetention {
  /** All pack files together. */
  readonly maxBytes?: number;
  /** By the newest frame of a pack. */
  readonly maxAgeMicros?: number;
}

export interface RunProgress {
  readonly phase: "packing" | "comparing";
  /** Of all that is to be packed. */
  readonly frames: number;
  readonly of: number;
}

export interface PackedHour {
  readonly file: string;
  readonly firstSeq: Seq;
  readonly lastSeq: Seq;
  readonly frames: number;
  readonly bytes: number;
}

export interface ArchiveRunReport {
  readonly packed: readonly PackedHour[];
  /** Segments of the journal and packs that were deleted. */
  readonly droppedSegments: readonly SegmentInfo[];
  readonly deletedPacks: readonly string[];
  /** Files that packing processes had left unfinished. */
  readonly removedUnfinished: readonly string[];
}

/** An hour's last frames may still be on their way to the disk when it ends. */
const GRACE = MINUTE;

/**
 * Packs the hours of a journal that are over, each compared before it counts; then index, journal and old packs follow.
 * Whatever ends it, the archive is left with whole packs only, and the next run goes on.
 * @throws ArchiveLocked, ArchiveMismatch, JournalMissing, JournalDamaged, or what the disk says.
 */
export async function runArchive(options: ArchiveRunOptions): Promise<ArchiveRunReport> {
  const { archive, journal, log = silentLog() } = options;
  const reader = await openJournalReader(journal);
  mkdirSync(packsFolder(archive), { recursive: true });
  const release = lockArchive(archive);
  try {
    const removedUnfinished = await removeUnfinished(archive);
    const index = await openIndex(archive, log);
    try {
      const packed = await packAll(options, reader);
      await syncIndex(index, archive);
      const deletedPacks = options.retention ? await retain(options, options.retention) : [];
      await syncIndex(index, archive);
      const droppedSegments = options.dropJournal ? await dropSegments(journal, archiveHas(archive)) : [];
      return { packed, droppedSegments, deletedPacks, removedUnfinished };
    } finally {
      index.close();
    }
  } finally {
    release();
    await reader.close();
  }
}

/** Whether a segment of the journal is whole in the archive; each pack's footer is read once. */
export function archiveHas(archive: string): (segment: Pick<SegmentInfo, "firstSeq" | "lastSeq">) => Promise<boolean> {
  const known = new Map<string, { readonly first: Seq; readonly last: Seq }>();
  return async ({ firstSeq, lastSeq }) => {
    let next: number = firstSeq;
    for (const { file } of await listPacks(archive)) {
      const range = known.get(file) ?? (await rangeOf(archive, file));
      known.set(file, range);
      if (range.first <= next && next <= range.last) next = range.last + 1;
    }
    return next > lastSeq;
  };
}

async function rangeOf(archive: string, file: string): Promise<{ first: Seq; last: Seq }> {
  return withPack(archive, file, async ({ footer }) => ({ first: footer.firstSeq, last: footer.lastSeq }));
}

async function removeUnfinished(archive: string): Promise<string[]> {
  const unfinished = await listUnfinished(archive);
  for (const name of unfinished) await unlink(join(packsFolder(archive), name));
  return unfinished;
}

async function packAll(options: ArchiveRunOptions, journal: JournalReader): Promise<PackedHour[]> {
  const { archive, now, all = false, onProgress, onPacked, disk = diskFileSystem, mostBuffered } = options;
  const packed: PackedHour[] = [];
  const { span } = journal;
  if (span === null) return packed;
  const { lastSeq } = span;
  let newest = (await listPacks(archive)).at(-1);
  if (newest) await checkSameRecording(archive, newest, journal);
  const begin = newest ? (await rangeOf(archive, newest.file)).last + 1 : 0;
  let firstSeq = Math.max(begin, span.firstSeq) as Seq;
  const of = lastSeq + 1 - firstSeq;
  while (firstSeq <= lastSeq) {
    const done = of - (lastSeq + 1 - firstSeq);
    const previous = newest ? await PackFile.open(join(packsFolder(archive), newest.file)) : null;
    try {
      const file = await packHour({
        archive,
        journal,
        firstSeq,
        lastSeq,
        previous,
        disk,
        isOver: (hour) => all || now >= hour + HOUR + GRACE,
        onProgress: ({ phase, frames }) => onProgress?.({ phase, frames: done + frames, of }),
        ...(mostBuffered === undefined ? {} : { mostBuffered }),
      });
      if (file === undefined) break;
      const hour = await withPack(archive, file, async ({ footer, bytes }) => ({ file, bytes, ...footer }));
      packed.push({ file, firstSeq, lastSeq: hour.lastSeq, frames: hour.frames, bytes: hour.bytes });
      onPacked?.(packed.at(-1)!);
      newest = { file, firstSeq };
      firstSeq = (hour.lastSeq + 1) as Seq;
    } finally {
      await previous?.close();
    }
  }
  return packed;
}

/** An archive goes on from where it ended: the journal must be the one it was made from. */
async function checkSameRecording(archive: string, newest: PackName, journal: JournalReader): Promise<void> {
  await withPack(archive, newest.file, async (pack) => {
    const { lastSeq } = pack.footer;
    const { span } = journal;
    const advice = "move the archive folder away, or name another folder with --data";
    if (span === null || span.lastSeq < lastSeq)
      throw new ArchiveMismatch(
        `the archive has frames up to ${lastSeq}, the journal ends at ${span?.lastSeq ?? "none"}: not one recording; ${advice}`,
      );
    if (span.firstSeq > lastSeq) return;
    const range = { fromSeq: lastSeq, toSeq: lastSeq };
    const different = await firstDifference(packFrames(pack, range), journal.read(range));
    if (different)
      throw new ArchiveMismatch(
        `frame ${lastSeq} is another in the archive than in the journal (${different.what}): not one recording; ${advice}`,
      );
  });
}

/** Deletes the oldest packs beyond the budget; the newest stays, for the next one goes on from it. */
async function retain({ archive, now }: ArchiveRunOptions, budget: PackRetention): Promise<string[]> {
  const packs = await listPacks(archive);
  const sizes = await Promise.all(packs.map(async ({ file }) => (await stat(join(packsFolder(archive), file))).size));
  let total = sizes.reduce((sum, size) => sum + size, 0);
  const deleted: string[] = [];
  for (const [index, { file }] of packs.slice(0, -1).entries()) {
    const tooMuch = budget.maxBytes !== undefined && total > budget.maxBytes;
    const tooOld = budget.maxAgeMicros !== undefined && (await newestFrame(archive, file)) < now - budget.maxAgeMicros;
    if (!(tooMuch || tooOld)) break;
    await unlink(join(packsFolder(archive), file));
    total -= sizes[index]!;
    deleted.push(file);
  }
  return deleted;
}

async function newestFrame(archive: string, file: string): Promise<number> {
  return withPack(archive, file, async ({ directory: { markets, rest } }) => {
    const entries = [...markets.flatMap(({ chunks }) => chunks), ...rest];
    return entries.reduce((latest, { lastReceivedAt }) => Math.max(latest, lastReceivedAt), 0);
  });
}

async function withPack<T>(archive: string, file: string, work: (pack: PackFile) => Promise<T>): Promise<T> {
  const pack = await PackFile.open(join(packsFolder(archive), file));
  try {
    return await work(pack);
  } finally {
    await pack.close();
  }
}
