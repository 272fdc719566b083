import { constants, createZstdCompress, zstdCompressSync, zstdDecompressSync } from "node:zlib";

// A block is a few kilobytes and there are thousands a second. zlib's one-shot call makes a native compressor for each:
// more work than the compression, and garbage that stops the committing thread for milliseconds. One compressor is kept
// instead. Node has no public way to drive a kept one synchronously, so its handle is driven, after a trial of what it
// gives; a Node whose handle has changed gets the one-shot call.

/** Level 1: the block waits for the disk anyway, and level 3 saves nothing on these messages. */
const PARAMS = { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_contentSizeFlag]: 1 };

/** Gives one whole zstd frame a call; the result is valid until the next. Undefined where it is larger than `raw`. */
export type Compressor = (raw: Uint8Array) => Uint8Array | undefined;

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

/** Never throws: where no compressor can be kept, the one-shot call serves. */
export function createCompressor(kept: Kept | undefined = keepCompressor()): Compressor {
  const compress = kept && compressorOf(kept);
  return compress && passesTrial(compress) ? compress : compressOnce;
}

/** zlib's own way: a new native compressor for each call. */
export function compressOnce(raw: Uint8Array): Uint8Array | undefined {
  // One output chunk, so that zlib neither grows nor joins buffers.
  const packed = zstdCompressSync(raw, { chunkSize: Math.max(64, raw.length), params: PARAMS });
  return packed.length < raw.length ? packed : undefined;
}

function keepCompressor(): Kept | undefined {
  const stream: object = createZstdCompress({ params: PARAMS });
  if (!("_handle" in stream && "_writeState" in stream)) return undefined;
  const { _handle: handle, _writeState: left } = stream;
  if (!(isHandle(handle) && left instanceof Uint32Array && left.length === 2)) return undefined;
  return { handle, left };
}

function isHandle(handle: unknown): handle is Handle {
  return typeof handle === "object" && handle !== null && "writeSync" in handle;
}

function compressorOf({ handle, left }: Kept): Compressor {
  let out = Buffer.allocUnsafeSlow(64 * 1024);
  return (raw) => {
    // A frame of bytes that do not compress is a little larger than they are; then it is not used, but must end.
    const most = raw.length + (raw.length >>> 8) + 128;
    if (out.length < most) out = Buffer.allocUnsafeSlow(most * 2);
    handle.writeSync(constants.ZSTD_e_end, raw, 0, raw.length, out, 0, out.length);
    if (left[1] !== 0) throw new Error("zstd left bytes of a block unread");
    const length = out.length - left[0]!;
    return length < raw.length ? out.subarray(0, length) : undefined;
  };
}

/** Two frames in a row, each whole and alone readable. */
function passesTrial(compress: Compressor): boolean {
  try {
    return ["a", "b"].every((letter) => {
      const raw = Buffer.from(letter.repeat(1_000));
      const packed = compress(raw);
      return packed !== undefined && zstdDecompressSync(packed).equals(raw);
    });
  } catch {
    return false;
  }
}
