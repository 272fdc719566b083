import { byteLines } from "./byte-lines.ts";
import { openPlainBytes, readHead } from "./plain-bytes.ts";

/** Formats that a file's beginning gives away, as the `import` commands name them. */
export type FileFormat = "frames" | "tardis" | "pmxt" | "jsonl";

const MOST_SNIFFED = 64 * 1024;
const PARQUET = "PAR1";

/**
 * What the file's beginning looks like; undefined where it looks like nothing known, or cannot be read (the reader that
 * comes next says why).
 */
export async function sniffFormat(path: string): Promise<FileFormat | undefined> {
  if (Buffer.from(await readHead(path, PARQUET.length)).toString("latin1") === PARQUET) return "pmxt";
  const line = await firstLine(path).catch(() => "");
  if (/^\s*\{\s*"receivedAtMicros"\s*:/.test(line)) return "frames";
  if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z [[{]/.test(line)) return "tardis";
  return /^\s*\{\s*"/.test(line) ? "jsonl" : undefined;
}

async function firstLine(path: string): Promise<string> {
  const { bytes } = await openPlainBytes(path);
  for await (const line of byteLines(bytes, MOST_SNIFFED)) {
    const text = Buffer.from(line.bytes).toString("utf8");
    if (text.trim() !== "") return text;
  }
  return "";
}
