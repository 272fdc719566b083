import { createReadStream } from "node:fs";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import type { UnnumberedFrame } from "#model";
import { parseFrameLine } from "./frame-lines.ts";

/** A line of a frames file: a frame, or why it is none. */
export interface FileLine {
  /** From 1. */
  readonly number: number;
  readonly text: string;
  readonly parsed: UnnumberedFrame | string;
  /** Bytes of the file read so far; of the compressed ones where it is compressed. */
  readonly bytesRead: number;
}

/**
 * Reads a frames file (see frame-lines.ts), gzip where its name ends in ".gz"; empty lines are passed over.
 * @throws Error of the file system, or of a gzip stream that is damaged or cut, after all lines that came before it.
 */
export async function* readFramesFile(path: string): AsyncGenerator<FileLine> {
  const file = createReadStream(path);
  let bytes: AsyncIterable<Uint8Array> = file;
  if (path.endsWith(".gz")) {
    const gunzip = createGunzip();
    // The error comes out of the reading of `gunzip`; the callback only keeps it from being thrown twice.
    pipeline(file, gunzip, () => undefined);
    bytes = gunzip;
  }
  let number = 0;
  for await (const text of linesOf(bytes)) {
    number++;
    if (text.trim() !== "") yield { number, text, parsed: parseFrameLine(text), bytesRead: file.bytesRead };
  }
}

async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const part of bytes) {
    const lines = (rest + decoder.decode(part, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  yield rest + decoder.decode();
}
