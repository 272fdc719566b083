import { constants, crc32, zstdCompressSync } from "node:zlib";
import { ColumnReader, ColumnWriter } from "./column.ts";
import { unpack } from "./unpack.ts";

/*
 * How columns lie in a chunk:
 *
 *   version u8 · form u8 · number of columns · for each: raw length × 4 + way, stored length · the stored bytes · crc32 u32le
 *
 * Numbers are varints. Ways: 0 as it is (no stored length), 1 one zstd frame, 2 one byte that is repeated (no stored
 * length: it is 1). Each column is packed for itself: columns differ in statistics, and one frame for all costs a tenth
 * more; a reader unpacks only those it needs.
 */

export const VERSION = 1;
/** How the chunk is made: by columns, or everything as plain text because the columns could not hold it exactly. */
export const FORM = { columns: 0, plain: 1 } as const;
export type Form = (typeof FORM)[keyof typeof FORM];

/** No column of a sound chunk is longer; a damaged length must not make us reserve more. */
const MAX_COLUMN_BYTES = 1 << 28;
const CRC_BYTES = 4;
const WAY = { plain: 0, zstd: 1, repeated: 2 } as const;
/** Below this zstd's own header eats what it saves. */
const WORTH_PACKING = 24;

/** Decoding does not get slower with the level; encoding is fast enough on columns of a few kilobytes. */
const PACKING = { params: { [constants.ZSTD_c_compressionLevel]: 19, [constants.ZSTD_c_checksumFlag]: 0 } };

/** @throws RangeError where a column is too long to be read back. */
export function joinColumns(form: Form, columns: readonly ColumnWriter[]): Uint8Array {
  const head = new ColumnWriter();
  head.byte(VERSION);
  head.byte(form);
  head.unsigned(columns.length);
  const stored: Uint8Array[] = [];
  for (const { written } of columns) {
    const { way, bytes } = packed(written);
    head.unsigned(written.length * 4 + way);
    if (way === WAY.zstd) head.unsigned(bytes.length);
    stored.push(bytes);
  }
  const crc = Buffer.alloc(CRC_BYTES);
  const body = Buffer.concat([head.written, ...stored, crc]);
  body.writeUInt32LE(crc32(body.subarray(0, -CRC_BYTES)), body.length - CRC_BYTES);
  return body;
}

function packed(column: Uint8Array): { way: number; bytes: Uint8Array } {
  const { length } = column;
  if (length > MAX_COLUMN_BYTES) throw new RangeError(`a chunk's column has ${length} bytes: too many`);
  const [first] = column;
  if (length > 1 && column.every((byte) => byte === first)) return { way: WAY.repeated, bytes: column.subarray(0, 1) };
  const bytes = length < WORTH_PACKING ? column : zstdCompressSync(column, PACKING);
  return bytes.length < length ? { way: WAY.zstd, bytes } : { way: WAY.plain, bytes: column };
}

interface StoredColumn {
  readonly from: number;
  readonly stored: number;
  readonly raw: number;
  readonly way: number;
}

/** The columns of a chunk, each unpacked when it is first asked for. */
export class Sections {
  readonly form: Form;
  readonly #bytes: Uint8Array;
  readonly #columns: readonly StoredColumn[];
  readonly #unpacked: (Uint8Array | undefined)[] = [];

  /** @throws RangeError where the bytes are no whole chunk of this version. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    const [version, form] = bytes;
    if (version === undefined) throw new RangeError("damaged chunk: it is empty");
    if (version !== VERSION)
      throw new RangeError(`this chunk is of version ${version}, and this program reads version ${VERSION}`);
    const end = bytes.length - CRC_BYTES;
    if (end < 3) throw new RangeError("damaged chunk: it ends early");
    const stored = Buffer.from(bytes.buffer, bytes.byteOffset + end, CRC_BYTES).readUInt32LE();
    if (crc32(bytes.subarray(0, end)) !== stored) throw new RangeError("damaged chunk: its checksum does not fit");
    if (form !== FORM.columns && form !== FORM.plain) throw new RangeError(`damaged chunk: unknown form ${form}`);
    this.form = form;
    this.#columns = directory(bytes, end);
  }

  get count(): number {
    return this.#columns.length;
  }

  /** A fresh reader from the column's start. @throws RangeError where it is missing or damaged. */
  column(index: number): ColumnReader {
    this.#unpacked[index] ??= this.#unpack(this.#columns[index]);
    return new ColumnReader(this.#unpacked[index]);
  }

  /** Stored length, for who counts bytes. */
  storedBytes(index: number): number {
    return this.#columns[index]?.stored ?? 0;
  }

  #unpack(column: StoredColumn | undefined): Uint8Array {
    if (column === undefined) throw new RangeError("damaged chunk: a column is missing");
    const { from, stored, raw, way } = column;
    const bytes = this.#bytes.subarray(from, from + stored);
    if (way === WAY.plain) return bytes;
    if (way === WAY.repeated) return new Uint8Array(raw).fill(bytes[0] as number);
    let out: Uint8Array;
    try {
      out = unpack(bytes, raw);
    } catch (cause) {
      throw new RangeError("damaged chunk: a column does not unpack", { cause });
    }
    if (out.length !== raw) throw new RangeError("damaged chunk: a column unpacks to another length");
    return out;
  }
}

function directory(bytes: Uint8Array, end: number): StoredColumn[] {
  const head = new ColumnReader(bytes.subarray(2, end));
  const count = head.unsigned();
  const lengths: { raw: number; stored: number; way: number }[] = [];
  let total = 0;
  for (let index = 0; index < count; index++) {
    const word = head.unsigned();
    const way = word % 4;
    const raw = (word - way) / 4;
    if (raw > MAX_COLUMN_BYTES || way > WAY.repeated) throw new RangeError("damaged chunk: an impossible column");
    const stored = way === WAY.zstd ? head.unsigned() : way === WAY.repeated ? 1 : raw;
    total += stored;
    lengths.push({ raw, stored, way });
  }
  let from = end - total;
  if (from < 2 || from - 2 !== head.position) throw new RangeError("damaged chunk: its columns do not fill it");
  return lengths.map((length) => {
    const column = { from, ...length };
    from += length.stored;
    return column;
  });
}
