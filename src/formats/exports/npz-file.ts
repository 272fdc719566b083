import { appendFile, type FileHandle, open, stat, writeFile } from "node:fs/promises";
import { Zip, ZipDeflate } from "fflate";
import { FormatError } from "../format-error.ts";
import { RECORD_BYTES, RECORD_DTYPE } from "./hft-events.ts";

/** Zip without its 64-bit extension ends here. */
const MOST_BYTES = 0xffff_ffff - 1_024;
const DEFLATE_LEVEL = 6;
const LOCAL_TIME_OFFSET = 16;
/** Zip cannot say that it has no date. */
const NO_DATE = new Date(1980, 0, 1);
const PIECE_BYTES = 1 << 20;

/** The head of an .npy file, version 1.0: a Python dict in text, padded so that the data begins at a multiple of 64. */
export function npyHead(records: number): Uint8Array {
  const dict = `{'descr': ${RECORD_DTYPE}, 'fortran_order': False, 'shape': (${records},), }`;
  const before = 10;
  const length = Math.ceil((before + dict.length + 1) / 64) * 64 - before;
  const head = Buffer.alloc(before + length, " ");
  head.write("\x93NUMPY\x01\x00", 0, "latin1");
  head.writeUInt16LE(length, 8);
  head.write(dict, before, "latin1");
  head[head.length - 1] = 0x0a;
  return head;
}

/**
 * Packs raw records as `np.savez_compressed(path, data=…)` does, adding `shift` nanoseconds to each local_ts. Reads and
 * writes a piece at a time. Returns how many records.
 * @throws FormatError where they are more than a zip holds; Error of the file system.
 */
export async function packNpz(records: string, path: string, shift: bigint): Promise<number> {
  const { size } = await stat(records);
  if (size > MOST_BYTES)
    throw new FormatError(
      `${path} would have ${(size / RECORD_BYTES).toLocaleString("en")} events, more than one npz file holds: narrow --from and --to`,
    );
  await writeFile(path, "", { flag: "wx" });
  let packed: Uint8Array[] = [];
  const zip = new Zip((error, part) => {
    if (error) throw error;
    packed.push(part);
  });
  const entry = new ZipDeflate("data.npy", { level: DEFLATE_LEVEL });
  entry.mtime = NO_DATE;
  zip.add(entry);
  const write = async (): Promise<void> => {
    const bytes = Buffer.concat(packed);
    packed = [];
    if (bytes.length > 0) await appendFile(path, bytes);
  };
  entry.push(npyHead(size / RECORD_BYTES));
  const file = await open(records);
  try {
    for (let at = 0; at < size; at += PIECE_BYTES) {
      entry.push(shifted(await piece(file, at, Math.min(PIECE_BYTES, size - at)), shift));
      await write();
    }
  } finally {
    await file.close();
  }
  entry.push(new Uint8Array(0), true);
  zip.end();
  await write();
  return size / RECORD_BYTES;
}

async function piece(file: FileHandle, at: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let had = 0; had < length; ) {
    const { bytesRead } = await file.read(bytes, had, length - had, at + had);
    if (bytesRead === 0) throw new Error("the records on their way into an npz file were cut short by somebody");
    had += bytesRead;
  }
  return bytes;
}

/** Pieces are whole records: their length is a multiple of a record's. */
function shifted(bytes: Uint8Array, shift: bigint): Uint8Array {
  if (shift === 0n) return bytes;
  const view = new DataView(bytes.buffer);
  for (let at = LOCAL_TIME_OFFSET; at < bytes.length; at += RECORD_BYTES)
    view.setBigInt64(at, view.getBigInt64(at, true) + shift, true);
  return bytes;
}
