import { readdir } from "node:fs/promises";
import type { Seq } from "#model";
import { JournalMissing } from "./errors.ts";

export const SEGMENT_SUFFIX = ".journal";

/** One file of the journal, by its name alone. */
export interface SegmentFile {
  readonly name: string;
  readonly firstSeq: Seq;
  /** firstSeq of the next segment: whatever this one holds from there on is void (see SegmentWriter). null: it is the last. */
  readonly endsBefore: Seq | null;
}

/** The first seq in 16 digits, so that names sort as the frames do. */
export function segmentName(firstSeq: Seq): string {
  return `${String(firstSeq).padStart(16, "0")}${SEGMENT_SUFFIX}`;
}

/** Segments in order. @throws JournalMissing where there is no such directory. */
export async function listSegments(directory: string): Promise<SegmentFile[]> {
  let names: string[];
  try {
    names = await readdir(directory);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
    throw new JournalMissing(`no journal in ${directory}`, { cause });
  }
  const found = names.filter((name) => /^\d{16}\.journal$/.test(name)).sort();
  const firsts = found.map((name) => Number(name.slice(0, 16)) as Seq);
  return found.map((name, index) => ({ name, firstSeq: firsts[index]!, endsBefore: firsts[index + 1] ?? null }));
}
