import type { UnixMicros, UnnumberedFrame } from "#model";
import { byteLines } from "./byte-lines.ts";
import { openPlainBytes } from "./plain-bytes.ts";
import { LONGEST_LINE, type Reading, unreadable } from "./reading.ts";

/** What a line says: its frames (none for an empty line), or why it holds none. */
export type LineParser = (line: Uint8Array, number: number) => readonly UnnumberedFrame[] | string;

/** As the journal has it: a frame of more bytes is kept in pieces. */
const LONGEST_FRAME = 16 * 1024 * 1024;

/**
 * Reads a file of lines, gzip and zstd unpacked. Never more than one line in memory.
 * @throws Error of the file system or of a damaged or cut stream, after all that came before it; FormatError for a bomb.
 */
export async function* readLines(path: string, parse: LineParser): AsyncGenerator<Reading> {
  const plain = await openPlainBytes(path);
  let latest = 0 as UnixMicros;
  for await (const { number, bytes, isPiece } of byteLines(plain.bytes, LONGEST_LINE)) {
    const share = plain.share();
    const frames = isPiece ? `longer than ${LONGEST_LINE.toLocaleString("en")} bytes` : parse(bytes, number);
    const problem = typeof frames === "string" ? frames : tooLong(frames);
    if (typeof frames === "string" || problem !== null) {
      for (const frame of unreadable(bytes, latest)) yield { number, frame, problem, share };
      continue;
    }
    for (const frame of frames) {
      latest = frame.receivedAt;
      yield { number, frame, problem, share };
    }
  }
}

function tooLong(frames: readonly UnnumberedFrame[]): string | null {
  const long = frames.find(({ bytes }) => bytes.length > LONGEST_FRAME);
  return long ? `a frame of ${long.bytes.length.toLocaleString("en")} bytes, more than a journal takes` : null;
}
