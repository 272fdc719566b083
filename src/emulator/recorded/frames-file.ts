import { createReadStream } from "node:fs";
import { pipeline, type Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import {
  type ConnectionId,
  FRAME_KINDS,
  type Frame,
  type FrameKind,
  NO_MONOTONIC,
  type Seq,
  type UnixMicros,
} from "#model";
import type { FrameSource } from "#replay";

/*
 * Recorded frames as text, one JSON object a line, gzip where the name ends in ".gz":
 *   {"receivedAtMicros":1776323404776089,"connection":"market-a-0","frame":"…"}
 * `kind` is "received" where it is missing; bytes that are no text stand as `frameBase64`.
 */

const BATCH = 256;

/** A frames file, read from the start each time. What is no frame is skipped and counted. */
export class FramesFile implements FrameSource {
  readonly span = null;
  readonly #path: string;
  #badLines = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** Lines of the last reading that were no frames. */
  get badLines(): number {
    return this.#badLines;
  }

  /** @throws Error of the file system, or of a gzip stream that is damaged or cut. */
  async *read(): AsyncGenerator<readonly Frame[]> {
    this.#badLines = 0;
    let seq = 0;
    let batch: Frame[] = [];
    for await (const line of linesOf(openFile(this.#path))) {
      if (line === "") continue;
      const frame = parseLine(line, seq as Seq);
      if (frame === undefined) {
        this.#badLines++;
        continue;
      }
      seq++;
      batch.push(frame);
      if (batch.length < BATCH) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0) yield batch;
  }
}

function openFile(path: string): Readable {
  const file = createReadStream(path);
  if (!path.endsWith(".gz")) return file;
  const gunzip = createGunzip();
  // The error comes out of the reading of `gunzip`; the callback only keeps it from being thrown twice.
  pipeline(file, gunzip, () => undefined);
  return gunzip;
}

async function* linesOf(bytes: Readable): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const part of bytes) {
    const lines = (rest + decoder.decode(part as Uint8Array, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  yield rest + decoder.decode();
}

function parseLine(line: string, seq: Seq): Frame | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof parsed !== "object" || parsed === null) return undefined;
  const { receivedAtMicros, connection, frame, frameBase64, kind = "received" } = parsed as Record<string, unknown>;
  if (!Number.isSafeInteger(receivedAtMicros) || typeof connection !== "string") return undefined;
  if (!FRAME_KINDS.includes(kind as FrameKind)) return undefined;
  const bytes =
    typeof frame === "string"
      ? Buffer.from(frame)
      : typeof frameBase64 === "string"
        ? Buffer.from(frameBase64, "base64")
        : undefined;
  if (bytes === undefined) return undefined;
  return {
    seq,
    connection: connection as ConnectionId,
    kind: kind as FrameKind,
    receivedAt: receivedAtMicros as UnixMicros,
    monotonicAt: NO_MONOTONIC,
    bytes,
  };
}
