import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { ByteReader, ByteWriter } from "#journal";
import { type ConnectionId, FRAME_KINDS, type Frame, type MonotonicMicros, type Seq, type UnixMicros } from "#model";

// Frames that belong to no single market, as they are. One zstd frame of:
//   u version (1), u connections, for each: u length and its label in UTF-8
//   u frames, then one column after the other, each with a value for each frame:
//     u seq, less the seq before (the first: itself)      u connection      u kind (place in FRAME_KINDS)
//     s receivedAt, less that before                      s monotonicAt, less that before
//     u length of the bytes
//   the bytes of all frames
// u and s are the variable-length integers of the journal's blocks, unsigned and signed (docs/journal-format.md).

const VERSION = 1;
const LEVEL = 9;
/** What a chunk may unpack to: far more than a packer puts into one, far less than a machine has. */
const MAX_RAW_BYTES = 1024 * 1024 * 1024;

/** Frames in the order of their seq. */
export function encodeRest(frames: readonly Frame[]): Buffer {
  const labels = [...new Set(frames.map(({ connection }) => connection))];
  const places = new Map(labels.map((label, index) => [label, index]));
  const writer = new ByteWriter(4_096);
  writer.unsigned(VERSION);
  writer.unsigned(labels.length);
  for (const label of labels) {
    const text = Buffer.from(label);
    writer.unsigned(text.length);
    writer.append(text);
  }
  writer.unsigned(frames.length);
  const differences = (of: (frame: Frame) => number, write: (value: number) => void): void => {
    let before = 0;
    for (const frame of frames) {
      write(of(frame) - before);
      before = of(frame);
    }
  };
  differences(
    ({ seq }) => seq,
    (value) => writer.unsigned(value),
  );
  for (const { connection } of frames) writer.unsigned(places.get(connection)!);
  for (const { kind } of frames) writer.unsigned(FRAME_KINDS.indexOf(kind));
  differences(
    ({ receivedAt }) => receivedAt,
    (value) => writer.signed(value),
  );
  differences(
    ({ monotonicAt }) => monotonicAt,
    (value) => writer.signed(value),
  );
  for (const { bytes } of frames) writer.unsigned(bytes.length);
  for (const { bytes } of frames) writer.append(bytes);
  return zstdCompressSync(writer.bytes.subarray(0, writer.length), {
    params: { [constants.ZSTD_c_compressionLevel]: LEVEL, [constants.ZSTD_c_contentSizeFlag]: 1 },
  });
}

/** @throws RangeError where the bytes are no rest chunk. */
export function decodeRest(bytes: Uint8Array): Frame[] {
  const raw = unpack(bytes);
  const reader = new ByteReader(raw, 0, raw.length);
  const version = reader.unsigned();
  if (version !== VERSION) throw new RangeError(`a rest chunk of version ${version}, this program reads ${VERSION}`);
  const labels = times(reader.unsigned(), raw, () => {
    return Buffer.from(reader.take(reader.unsigned())).toString() as ConnectionId;
  });
  const count = reader.unsigned();
  const column = (read: () => number): number[] => times(count, raw, read);
  const sums = (read: () => number): number[] => {
    let sum = 0;
    return column(() => {
      sum += read();
      return sum;
    });
  };
  const seqs = sums(() => reader.unsigned());
  const connections = column(() => reader.unsigned());
  const kinds = column(() => reader.unsigned());
  const receivedAt = sums(() => reader.signed());
  const monotonicAt = sums(() => reader.signed());
  const lengths = column(() => reader.unsigned());
  return lengths.map((length, index) => {
    const connection = labels[connections[index]!];
    const kind = FRAME_KINDS[kinds[index]!];
    if (connection === undefined || kind === undefined)
      throw new RangeError("a frame of an unknown connection or kind");
    return {
      seq: seqs[index] as Seq,
      connection,
      kind,
      receivedAt: receivedAt[index] as UnixMicros,
      monotonicAt: monotonicAt[index] as MonotonicMicros,
      bytes: reader.take(length),
    };
  });
}

function unpack(bytes: Uint8Array): Buffer {
  try {
    return zstdDecompressSync(bytes, { maxOutputLength: MAX_RAW_BYTES });
  } catch (cause) {
    throw new RangeError("a rest chunk that zstd cannot read", { cause });
  }
}

/** A count that the bytes cannot hold is damage, and must not become memory. */
function times<T>(count: number, raw: Uint8Array, make: () => T): T[] {
  if (count > raw.length) throw new RangeError("a rest chunk that counts more than it holds");
  return Array.from({ length: count }, make);
}
