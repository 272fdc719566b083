import { join } from "node:path";
import type { FileSystem, JournalReader } from "#journal";
import { type Frame, HOUR, SECOND, type Seq, type UnixMicros } from "#model";
import { NOTHING_CARRIED } from "./carry.ts";
import { firstDifference } from "./compare.ts";
import { hourOf, packFileName, packsFolder, UNFINISHED } from "./names.ts";
import { PackBuilder } from "./pack-builder.ts";
import { PackFile } from "./pack-file.ts";
import { packFrames } from "./pack-read.ts";
import { PackWriter } from "./pack-writer.ts";

export interface PackHourOptions {
  /** DATA/archive; its packs folder is there. */
  readonly archive: string;
  readonly journal: JournalReader;
  readonly firstSeq: Seq;
  /** Inclusive; the pack may end before it, where the hour does. */
  readonly lastSeq: Seq;
  /** The pack before this one. */
  readonly previous: PackFile | null;
  readonly disk: FileSystem;
  /** Whether the hour may be packed though no frame of a later one has come. */
  readonly isOver: (hour: UnixMicros) => boolean;
  readonly onProgress?: (progress: { readonly phase: "packing" | "comparing"; readonly frames: number }) => void;
  readonly mostBuffered?: number;
}

/** Two sockets' copies of a frame lie closer together than this. */
const LEAD_IN = 10 * SECOND;
/** The same as a count, for a clock that stands still. */
const MOST_LEAD_IN = 100_000;

/**
 * Packs the frames from `firstSeq` to where the hour ends, reads the pack back, holds it against the journal, and only
 * then gives it its name. Undefined where the hour is not over; nothing is left behind then.
 * @throws Error where pack and journal differ, and whatever the disk throws; the archive is then as it was before.
 */
export async function packHour(options: PackHourOptions): Promise<string | undefined> {
  const { archive, disk } = options;
  const first = await firstFrame(options);
  if (first === undefined) return undefined;
  const folder = packsFolder(archive);
  const name = packFileName(first.receivedAt, first.seq);
  const unfinished = join(folder, name + UNFINISHED);
  const writer = new PackWriter(disk, unfinished, { firstSeq: first.seq, firstReceivedAt: first.receivedAt });
  try {
    const lastSeq = await fill(options, writer, first);
    if (lastSeq !== undefined) {
      await compare(options, unfinished, { firstSeq: first.seq, lastSeq });
      disk.rename(unfinished, join(folder, name));
      disk.syncDirectory(folder);
      return name;
    }
  } catch (cause) {
    writer.close();
    // The disk may refuse this too; whoever packs next removes what is left.
    tryTo(() => disk.unlink(unfinished));
    throw cause;
  }
  writer.close();
  disk.unlink(unfinished);
  return undefined;
}

/** Where an hour ends in a journal: at the first frame of a later one, or of a clock that was set back by more than one. */
export function endsHour(hour: UnixMicros, { receivedAt }: Frame): boolean {
  return receivedAt >= hour + HOUR || receivedAt < hour - HOUR;
}

/** Returns the last seq in the pack; undefined where the hour goes on. */
async function fill(options: PackHourOptions, writer: PackWriter, first: Frame): Promise<Seq | undefined> {
  const { journal, previous, onProgress, mostBuffered } = options;
  const carry = previous === null ? NOTHING_CARRIED : await previous.carry();
  const builder = new PackBuilder({
    writer,
    firstSeq: first.seq,
    firstReceivedAt: first.receivedAt,
    carry,
    ...(mostBuffered === undefined ? {} : { mostBuffered }),
  });
  if (previous) {
    const range = {
      fromSeq: (previous.footer.lastSeq - MOST_LEAD_IN) as Seq,
      fromTime: (first.receivedAt - LEAD_IN) as UnixMicros,
    };
    for await (const frames of packFrames(previous, range)) for (const frame of frames) builder.push(frame);
  }
  const hour = hourOf(first.receivedAt);
  let packed = 0;
  let ended = false;
  for await (const frames of journal.read({ fromSeq: first.seq, toSeq: options.lastSeq })) {
    const end = frames.findIndex((frame) => endsHour(hour, frame));
    const own = end < 0 ? frames : frames.slice(0, end);
    for (const frame of own) builder.push(frame);
    packed += own.length;
    onProgress?.({ phase: "packing", frames: packed });
    ended = end >= 0;
    if (ended) break;
  }
  if (!ended && !options.isOver(hour)) return undefined;
  return builder.finish().lastSeq;
}

async function compare(
  { journal, onProgress }: PackHourOptions,
  path: string,
  { firstSeq, lastSeq }: { firstSeq: Seq; lastSeq: Seq },
): Promise<void> {
  const pack = await PackFile.open(path);
  try {
    let frames = 0;
    const read = journal.read({ fromSeq: firstSeq, toSeq: lastSeq });
    const different = await firstDifference(
      counted(packFrames(pack), (more) => {
        frames += more;
        onProgress?.({ phase: "comparing", frames });
      }),
      read,
    );
    if (different) throw new Error(`the pack is not what the journal has: frame ${different.seq}: ${different.what}`);
  } finally {
    await pack.close();
  }
}

async function* counted(
  batches: AsyncIterable<readonly Frame[]>,
  count: (frames: number) => void,
): AsyncGenerator<readonly Frame[], void> {
  for await (const batch of batches) {
    count(batch.length);
    yield batch;
  }
}

async function firstFrame({ journal, firstSeq, lastSeq }: PackHourOptions): Promise<Frame | undefined> {
  for await (const frames of journal.read({ fromSeq: firstSeq, toSeq: lastSeq })) if (frames[0]) return frames[0];
  return undefined;
}

function tryTo(work: () => void): void {
  try {
    work();
  } catch {
    // Said above: the first error counts.
  }
}
