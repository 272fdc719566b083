import { writeFile } from "node:fs/promises";
import { formatTime, type Gap } from "#model";
import type { ExportFolder } from "./export-folder.ts";

/** Gaps beside an export whose format has no place for them: one JSON object a line, times in ISO 8601. */
export async function writeGaps(folder: ExportFolder, gaps: readonly Gap[]): Promise<void> {
  const path = "gaps.ndjson";
  const lines = gaps.map((gap) =>
    JSON.stringify({ ...gap, from: formatTime(gap.from), to: gap.to === null ? null : formatTime(gap.to) }),
  );
  await writeFile(folder.path(path), lines.map((line) => `${line}\n`).join(""));
  folder.wrote(path, gaps.length);
}
