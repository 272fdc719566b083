import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { JournalReader } from "#journal";
import type { Frame, Seq } from "#model";
import { firstDifference } from "./compare.ts";
import { ArchiveDamaged, ArchiveTooNew } from "./errors.ts";
import { listPacks, listUnfinished, packsFolder } from "./names.ts";
import { PackFile } from "./pack-file.ts";
import type { ChunkEntry } from "./pack-layout.ts";
import { packFrames } from "./pack-read.ts";

export interface ArchiveDamage {
  readonly file: string;
  /** Where in the file; null where it is about all of it. */
  readonly offset: number | null;
  readonly reason: string;
}

export interface ArchiveVerification {
  readonly packs: number;
  readonly frames: number;
  readonly chunks: number;
  readonly bytes: number;
  /** Frames that the journal still has and that were held against it. */
  readonly compared: number;
  /** Empty: every byte is what was written, and every frame is the journal's. */
  readonly damage: readonly ArchiveDamage[];
  /** Left by a packing process that was ended; nothing of it counts. */
  readonly unfinished: readonly string[];
}

interface Tally {
  frames: number;
  chunks: number;
  bytes: number;
  compared: number;
  readonly damage: ArchiveDamage[];
}

/**
 * Reads every byte of every pack: checksums, that the directory says what the file has, that each chunk unpacks to as many
 * frames as it should, in order; and holds all frames that the journal still has against it.
 */
export async function verifyArchive(
  archive: string,
  journal: JournalReader | null,
  onProgress?: (progress: { readonly done: number; readonly of: number }) => void,
): Promise<ArchiveVerification> {
  const packs = await listPacks(archive);
  const tally: Tally = { frames: 0, chunks: 0, bytes: 0, compared: 0, damage: [] };
  let due: number | null = null;
  for (const [done, { file, firstSeq }] of packs.entries()) {
    onProgress?.({ done, of: packs.length });
    const path = join(packsFolder(archive), file);
    tally.bytes += (await stat(path)).size;
    if (due !== null && firstSeq < due)
      tally.damage.push({ file, offset: null, reason: `frames from ${firstSeq} on are in the pack before it too` });
    const last = await verifyPack(path, file, journal, tally);
    due = last === undefined ? null : last + 1;
  }
  return { ...tally, packs: packs.length, unfinished: await listUnfinished(archive) };
}

/** Returns the last seq; undefined where the pack cannot be opened. */
async function verifyPack(
  path: string,
  file: string,
  journal: JournalReader | null,
  tally: Tally,
): Promise<Seq | undefined> {
  const found = (cause: unknown): undefined => {
    if (!(cause instanceof ArchiveDamaged || cause instanceof ArchiveTooNew)) throw cause;
    const offset = cause instanceof ArchiveDamaged ? cause.offset : null;
    tally.damage.push({ file, offset, reason: cause.message });
  };
  const pack = await PackFile.open(path).catch(found);
  if (pack === undefined) return undefined;
  try {
    const before = tally.damage.length;
    for (const reason of disagreements(pack)) tally.damage.push({ file, offset: null, reason });
    await checkSections(pack).catch(found);
    await checkChunks(pack, tally, found);
    // What cannot be unpacked is told above; a comparison would only say it again.
    if (tally.damage.length === before) await checkFrames(pack, journal, tally).catch(found);
    return pack.footer.lastSeq;
  } finally {
    await pack.close();
  }
}

function* disagreements({ header, footer, file }: PackFile): Generator<string> {
  if (header.firstSeq !== footer.firstSeq)
    yield `the header says it begins at frame ${header.firstSeq}, the footer at ${footer.firstSeq}`;
  if (!file.includes(`-${String(footer.firstSeq).padStart(16, "0")}.`))
    yield `the name does not say that it begins at frame ${footer.firstSeq}`;
}

/** The sections lie back to back from header to footer, and the directory knows each of them. */
async function checkSections(pack: PackFile): Promise<void> {
  const { markets, rest, carry, proofs } = pack.directory;
  const known = [...markets.flatMap(({ chunks }) => chunks), ...rest, carry, proofs];
  const places = new Map(known.map(({ offset, length }) => [offset, length]));
  for await (const { kind, offset, length } of pack.sections()) {
    if (kind === "directory") continue;
    if (places.get(offset) !== length)
      throw new ArchiveDamaged(pack.file, offset, `a ${kind} section that the directory does not know`);
    places.delete(offset);
  }
  for (const offset of places.keys())
    throw new ArchiveDamaged(pack.file, offset, "the directory names a section that is not there");
}

async function checkChunks(pack: PackFile, tally: Tally, found: (cause: unknown) => undefined): Promise<void> {
  const { markets, rest } = pack.directory;
  for (const { market, chunks } of markets) {
    for (const entry of chunks) {
      tally.chunks++;
      const chunk = await pack.chunk(entry).catch(found);
      if (!chunk) continue;
      try {
        const wrong = chunk.market === market ? wrongFrames(entry, chunk.frames()) : `it is of market ${chunk.market}`;
        if (wrong) tally.damage.push({ file: pack.file, offset: entry.offset, reason: wrong });
      } catch (cause) {
        // Bytes whose checksum is right, and that still do not unpack: a codec that was wrong when it wrote them.
        if (!(cause instanceof RangeError)) throw cause;
        tally.damage.push({ file: pack.file, offset: entry.offset, reason: cause.message });
      }
    }
  }
  for (const entry of rest) {
    const frames = await pack.rest(entry).catch(found);
    const wrong = frames && wrongFrames(entry, frames);
    if (wrong) tally.damage.push({ file: pack.file, offset: entry.offset, reason: wrong });
  }
}

function wrongFrames(entry: ChunkEntry, frames: readonly Frame[]): string | undefined {
  if (frames.length !== entry.frames) return `${frames.length} frames where the directory says ${entry.frames}`;
  const [first, last] = [frames[0], frames.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  if (first.seq !== entry.firstSeq || last.seq !== entry.lastSeq) return "other frames than the directory says";
  const bytes = frames.reduce((sum, frame) => sum + frame.bytes.length, 0);
  return bytes === entry.frameBytes
    ? undefined
    : `${bytes} bytes of frames where the directory says ${entry.frameBytes}`;
}

async function checkFrames(pack: PackFile, journal: JournalReader | null, tally: Tally): Promise<void> {
  const { footer, file } = pack;
  let frames = 0;
  let before = footer.firstSeq - 1;
  for await (const batch of packFrames(pack)) {
    for (const { seq } of batch) {
      if (seq <= before) throw new ArchiveDamaged(file, 0, `frame ${seq} comes after frame ${before}`);
      before = seq;
    }
    frames += batch.length;
  }
  tally.frames += frames;
  if (frames !== footer.frames || before !== footer.lastSeq)
    throw new ArchiveDamaged(
      file,
      0,
      `it has ${frames} frames up to ${before}, its footer says ${footer.frames} up to ${footer.lastSeq}`,
    );
  const span = journal?.span ?? null;
  if (journal === null || span === null || span.firstSeq > footer.lastSeq) return;
  const range = { fromSeq: Math.max(span.firstSeq, footer.firstSeq) as Seq, toSeq: footer.lastSeq };
  const different = await firstDifference(packFrames(pack, range), journal.read(range));
  if (different) throw new ArchiveDamaged(file, 0, `frame ${different.seq} is not the journal's: ${different.what}`);
  tally.compared += footer.lastSeq - range.fromSeq + 1;
}
