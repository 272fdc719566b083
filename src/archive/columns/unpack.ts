import { constants, createZstdDecompress, zstdCompressSync, zstdDecompressSync } from "node:zlib";

/*
 * A column is a few kilobytes, and a chunk has a dozen that a scan wants. zlib's one-shot call makes a native decompressor
 * for each, which takes ten times as long as the unpacking. So one is kept, as journal/zstd.ts keeps a compressor: its
 * handle is driven, after a trial of what it gives; a Node whose handle has changed gets the one-shot call.
 */

interface Handle {
  writeSync(
    flush: number,
    from: Uint8Array,
    fromAt: number,
    fromLength: number,
    to: Uint8Array,
    toAt: number,
    toLength: number,
  ): void;
}

interface Kept {
  readonly handle: Handle;
  /** What the handle left after a call: bytes free in `to`, bytes unread of `from`. */
  readonly left: Uint32Array;
}

let kept: Kept | null | undefined;

/** One zstd frame that unpacks to `length` bytes. @throws where it does not; no more than `length` is ever reserved. */
export function unpack(packed: Uint8Array, length: number): Uint8Array {
  kept ??= keep();
  if (kept === null) return unpackOnce(packed, length);
  const out = new Uint8Array(length);
  if (drive(kept, packed, out)) return out;
  // Damaged, and the handle with it: the one-shot call says what is wrong.
  kept = undefined;
  return unpackOnce(packed, length);
}

function unpackOnce(packed: Uint8Array, length: number): Uint8Array {
  return zstdDecompressSync(packed, { maxOutputLength: Math.max(1, length), chunkSize: Math.max(64, length) });
}

/** True where the whole of `packed` gave the whole of `out`. */
function drive({ handle, left }: Kept, packed: Uint8Array, out: Uint8Array): boolean {
  left.fill(1);
  handle.writeSync(constants.ZSTD_e_end, packed, 0, packed.length, out, 0, out.length);
  return left[0] === 0 && left[1] === 0;
}

function keep(): Kept | null {
  const stream = createZstdDecompress();
  // Damaged bytes are told by what is left; the stream itself is never used.
  stream.on("error", () => {});
  if (!("_handle" in stream && "_writeState" in stream)) return null;
  const { _handle: handle, _writeState: left } = stream as { _handle: unknown; _writeState: unknown };
  if (!(isHandle(handle) && left instanceof Uint32Array && left.length === 2)) return null;
  const made = { handle, left };
  return passesTrial(made) ? made : null;
}

function isHandle(handle: unknown): handle is Handle {
  return typeof handle === "object" && handle !== null && "writeSync" in handle;
}

/** Two frames in a row, each whole. */
function passesTrial(made: Kept): boolean {
  try {
    return ["a", "b"].every((letter) => {
      const raw = Buffer.from(letter.repeat(1_000));
      const out = new Uint8Array(raw.length);
      return drive(made, zstdCompressSync(raw), out) && raw.equals(out);
    });
  } catch {
    return false;
  }
}
