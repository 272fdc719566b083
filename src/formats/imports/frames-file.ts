import { parseFrameLine } from "#replay";
import { readLines } from "./line-readings.ts";
import type { Reading } from "./reading.ts";

const utf8 = new TextDecoder();

/** Reads our own frames file: NDJSON, plain, gzip or zstd. Throws as `readLines` does. */
export function readFrames(path: string): AsyncGenerator<Reading> {
  return readLines(path, (line) => {
    const text = utf8.decode(line);
    if (text.trim() === "") return [];
    const frame = parseFrameLine(text);
    return typeof frame === "string" ? frame : [frame];
  });
}
