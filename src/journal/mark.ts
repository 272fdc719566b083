import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Seq } from "#model";
import { crc32c } from "./crc32c.ts";
import { type FileSystem, writeWhole } from "./file-system.ts";

// The file "durable" says how far the journal is on the disk. The writer rewrites its 40 bytes in place after each
// fdatasync of a block, without syncing them: after a power cut it may be older than the truth, never newer.
// Readers show nothing beyond it. A block may be whole and not synced; shown, it could be gone after a power cut, its
// numbers given to other frames, and whoever had copied it would disagree with the journal for ever.
//
//   0 u32 magic "PPJD"   4 u32 zero   8 u64 nextSeq: the first seq that is not durable
//  16 u64 firstSeq of the segment being written   24 u64 where its durable bytes end   32 u32 zero   36 u32 CRC-32C of 0..36

export const MARK_NAME = "durable";
const MARK_BYTES = 40;
const MAGIC = Buffer.from("PPJD", "latin1").readUInt32LE(0);

export interface DurableMark {
  readonly nextSeq: Seq;
  readonly segment: Seq;
  readonly offset: number;
}

export function encodeMark(mark: DurableMark): Buffer {
  const bytes = Buffer.alloc(MARK_BYTES);
  bytes.writeUInt32LE(MAGIC, 0);
  bytes.writeBigUInt64LE(BigInt(mark.nextSeq), 8);
  bytes.writeBigUInt64LE(BigInt(mark.segment), 16);
  bytes.writeBigUInt64LE(BigInt(mark.offset), 24);
  bytes.writeUInt32LE(crc32c(bytes, 0, 36), 36);
  return bytes;
}

export function decodeMark(bytes: Buffer): DurableMark | undefined {
  if (bytes.length !== MARK_BYTES || bytes.readUInt32LE(0) !== MAGIC) return undefined;
  if (bytes.readUInt32LE(36) !== crc32c(bytes, 0, 36)) return undefined;
  return {
    nextSeq: Number(bytes.readBigUInt64LE(8)) as Seq,
    segment: Number(bytes.readBigUInt64LE(16)) as Seq,
    offset: Number(bytes.readBigUInt64LE(24)),
  };
}

export type MarkRead =
  | { readonly kind: "mark"; readonly mark: DurableMark }
  | { readonly kind: "absent" }
  | { readonly kind: "unreadable" };

const ATTEMPTS = 5;

/** Reads the mark. A read may fall into a write of it, so a mark that makes no sense is read again before it is believed. */
export async function readMark(directory: string): Promise<MarkRead> {
  for (let attempt = 1; ; attempt++) {
    let bytes: Buffer;
    try {
      bytes = await readFile(join(directory, MARK_NAME));
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "ENOENT") return { kind: "absent" };
      throw cause;
    }
    const mark = decodeMark(bytes);
    if (mark) return { kind: "mark", mark };
    if (attempt === ATTEMPTS) return { kind: "unreadable" };
  }
}

/** Keeps the mark's file open for the writer's life. */
export class MarkWriter {
  readonly #disk: FileSystem;
  readonly #path: string;
  #file: number | undefined;

  constructor(disk: FileSystem, directory: string) {
    this.#disk = disk;
    this.#path = join(directory, MARK_NAME);
  }

  write(mark: DurableMark): void {
    this.#file ??= this.#open();
    writeWhole(this.#disk, this.#file, encodeMark(mark), 0);
  }

  close(): void {
    if (this.#file !== undefined) this.#disk.close(this.#file);
    this.#file = undefined;
  }

  #open(): number {
    try {
      return this.#disk.open(this.#path, "r+");
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
      return this.#disk.open(this.#path, "wx+");
    }
  }
}
