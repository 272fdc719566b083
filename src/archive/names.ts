import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { formatTime, HOUR, type Seq, type UnixMicros } from "#model";

// DATA/archive/
//   packs/2026-11-22T14-0000000000001234.pack   an hour (UTC) and the seq of its first frame
//   packs/*.packing                             being written; whoever packs next removes it
//   index.sqlite, index.sqlite-wal, -shm        derived from the packs
//   lock                                        who packs

export interface PackName {
  readonly file: string;
  readonly firstSeq: Seq;
}

const PACK = /^\d{4}-\d{2}-\d{2}T\d{2}-(\d{16})\.pack$/;
export const UNFINISHED = ".packing";

export function packsFolder(archive: string): string {
  return join(archive, "packs");
}

export function packFileName(firstReceivedAt: UnixMicros, firstSeq: Seq): string {
  return `${formatTime(firstReceivedAt).slice(0, 13)}-${String(firstSeq).padStart(16, "0")}.pack`;
}

export function hourOf(at: UnixMicros): UnixMicros {
  return (Math.floor(at / HOUR) * HOUR) as UnixMicros;
}

/** The packs of an archive by seq; none where there is no archive. */
export async function listPacks(archive: string): Promise<PackName[]> {
  return (await namesIn(packsFolder(archive)))
    .flatMap((file) => {
      const firstSeq = PACK.exec(file)?.[1];
      return firstSeq === undefined ? [] : [{ file, firstSeq: Number(firstSeq) as Seq }];
    })
    .sort((a, b) => a.firstSeq - b.firstSeq);
}

/** What packing processes left that did not come to their end. */
export async function listUnfinished(archive: string): Promise<string[]> {
  return (await namesIn(packsFolder(archive))).filter((name) => name.endsWith(UNFINISHED));
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw cause;
  }
}
