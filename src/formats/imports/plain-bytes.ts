import { createReadStream, type ReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { FormatError } from "../format-error.ts";
import { unzstd } from "./zstd-frames.ts";

/** A file as its plain bytes, whatever it was compressed with. */
export interface PlainBytes {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** How far the file itself has been read, 0..1. */
  share(): number;
}

/**
 * A decompression bomb grows without end out of nothing. Market data shrinks 10 to 60 times; past `BOMB_BYTES` a file that
 * grows more than `BOMB_RATIO`-fold is none.
 */
const BOMB_RATIO = 400;
const BOMB_BYTES = 64 * 1024 * 1024;

export type Compression = "gzip" | "zstd" | "none";

/** By the first bytes: names lie (a ".gz" that some download has already unpacked). */
export function compressionOf(head: Uint8Array): Compression {
  if (head[0] === 0x1f && head[1] === 0x8b) return "gzip";
  if (head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd) return "zstd";
  return "none";
}

/**
 * Opens a file to be read as plain bytes, gzip or zstd unpacked on the way, a chunk at a time.
 * Reading throws Error of the file system or of a damaged or cut stream, after all that came before it, and FormatError
 * where the file is a decompression bomb.
 * @throws Error of the file system where it cannot be opened.
 */
export async function openPlainBytes(path: string): Promise<PlainBytes> {
  const { size } = await stat(path);
  const compression = compressionOf(await readHead(path, 4));
  const file = createReadStream(path);
  const share = (): number => (size === 0 ? 1 : Math.min(1, file.bytesRead / size));
  if (compression === "none") return { bytes: file, share };
  const plain = compression === "gzip" ? gunzipped(file) : unzstd(file);
  return { bytes: watched(plain, file, path), share };
}

/** The first bytes of the file as it lies on the disk. */
export async function readHead(path: string, length: number): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function gunzipped(file: ReadStream): AsyncIterable<Uint8Array> {
  const gunzip = createGunzip();
  // The error comes out of the reading of `gunzip`; the callback only keeps it from being thrown twice.
  pipeline(file, gunzip, () => undefined);
  return gunzip;
}

async function* watched(plain: AsyncIterable<Uint8Array>, file: ReadStream, path: string): AsyncGenerator<Uint8Array> {
  let grown = 0;
  for await (const part of plain) {
    grown += part.length;
    if (grown > BOMB_BYTES && grown > file.bytesRead * BOMB_RATIO)
      throw new FormatError(
        `${path} grows more than ${BOMB_RATIO}-fold when it is unpacked (${grown.toLocaleString("en")} bytes so far): no recording does; unpack it yourself if you trust it`,
      );
    yield part;
  }
}
