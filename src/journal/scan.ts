import type { FileHandle } from "node:fs/promises";
import type { Seq } from "#model";
import {
  BLOCK_HEADER_BYTES,
  BLOCK_MAGIC_BYTES,
  type BlockHeader,
  blockIsWhole,
  decodeBlockHeader,
  decodeFooter,
  decodeSegmentHeader,
  FOOTER_END_BYTES,
  footerLength,
  SEGMENT_HEADER_BYTES,
  type SegmentFooter,
  type SegmentHeader,
  startsFooter,
} from "./layout.ts";

/** What lies in a segment file, in order. Nothing between `from` and `limit` is left out. */
export type Scanned =
  | { readonly kind: "block"; readonly offset: number; readonly header: BlockHeader; readonly bytes: Buffer }
  /** Bytes that are no block, and a whole block or the footer after them; or, of length 0, frames missing between blocks. */
  | { readonly kind: "damage"; readonly offset: number; readonly length: number; readonly reason: string }
  | { readonly kind: "footer"; readonly offset: number; readonly footer: SegmentFooter }
  /** Bytes at the end that are no whole block: a write that did not finish, or damage; whoever asks must decide. */
  | { readonly kind: "tail"; readonly offset: number; readonly length: number; readonly zeros: boolean };

export interface ScanRange {
  /** Where to begin: a block's offset, or the end of the segment header. */
  readonly from: number;
  /** Where the file is to be taken as ending. */
  readonly limit: number;
  /** The seq due at `from`. */
  readonly nextSeq: Seq;
  /** null: the segment header could not be read, so any whole block is believed and the next must match it. */
  readonly salt: Buffer | null;
}

const WINDOW_BYTES = 256 * 1024;
const RESYNC_STEP = 1024 * 1024;

/** Reads a file through a window that slides forward. Each window is a buffer of its own: blocks may be kept. */
export class FileWindow {
  readonly #handle: FileHandle;
  readonly limit: number;
  #start = 0;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(handle: FileHandle, limit: number) {
    this.#handle = handle;
    this.limit = limit;
  }

  /** Bytes at `offset` that are at hand without reading; undefined where fewer than `length` are. */
  peek(offset: number, length: number): Buffer | undefined {
    const from = offset - this.#start;
    if (from < 0 || from + length > this.#bytes.length) return undefined;
    return this.#bytes.subarray(from, from + length);
  }

  /** Up to `length` bytes at `offset`: fewer only where the file ends. */
  async read(offset: number, length: number): Promise<Buffer> {
    const ready = this.peek(offset, length);
    if (ready) return ready;
    const wanted = Math.max(0, Math.min(Math.max(length, WINDOW_BYTES), this.limit - offset));
    const buffer = Buffer.allocUnsafeSlow(wanted);
    let filled = 0;
    while (filled < wanted) {
      const { bytesRead } = await this.#handle.read(buffer, filled, wanted - filled, offset + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    this.#start = offset;
    this.#bytes = buffer.subarray(0, filled);
    return this.#bytes.subarray(0, length);
  }
}

/** undefined where the file does not begin as a segment of this format. */
export async function readSegmentHeader(handle: FileHandle): Promise<SegmentHeader | undefined> {
  const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES);
  const { bytesRead } = await handle.read(bytes, 0, SEGMENT_HEADER_BYTES, 0);
  return decodeSegmentHeader(bytes.subarray(0, bytesRead));
}

/** The footer of a sealed segment, by two small reads; undefined where there is none that is whole. */
export async function readFooter(
  handle: FileHandle,
  size: number,
  salt: Buffer | null,
): Promise<{ footer: SegmentFooter; offset: number } | undefined> {
  const end = Buffer.alloc(FOOTER_END_BYTES);
  if (size < SEGMENT_HEADER_BYTES + FOOTER_END_BYTES) return undefined;
  await handle.read(end, 0, FOOTER_END_BYTES, size - FOOTER_END_BYTES);
  const length = footerLength(end);
  if (length === undefined || length > size - SEGMENT_HEADER_BYTES) return undefined;
  const bytes = Buffer.alloc(length);
  await handle.read(bytes, 0, length, size - length);
  const footer = decodeFooter(bytes, salt);
  return footer && { footer, offset: size - length };
}

/** Walks a segment, checking every byte. Frames are never made up: only blocks whose checksum is right come out. */
export async function* scanSegment(handle: FileHandle, range: ScanRange): AsyncGenerator<Scanned, void> {
  const window = new FileWindow(handle, range.limit);
  let { from: offset, nextSeq, salt } = range;
  while (offset < range.limit) {
    const block = await blockAt(window, offset, salt);
    if (block !== undefined && block.header.firstSeq >= nextSeq) {
      if (block.header.firstSeq > nextSeq) yield missing(offset, nextSeq, block.header.firstSeq);
      yield { kind: "block", offset, ...block };
      salt ??= Buffer.from(block.bytes.subarray(8, 16));
      offset += block.bytes.length;
      nextSeq = (block.header.firstSeq + block.header.count) as Seq;
      continue;
    }
    const footer = await footerAt(window, offset, salt);
    if (footer !== undefined) {
      yield { kind: "footer", offset, footer };
      return;
    }
    const found = await findNext(window, offset + 1, nextSeq, salt);
    if (found === undefined) {
      yield await tailAt(window, offset);
      return;
    }
    yield { kind: "damage", offset, length: found - offset, reason: "bytes that are no whole block" };
    offset = found;
  }
}

function missing(offset: number, nextSeq: Seq, found: Seq): Scanned {
  return { kind: "damage", offset, length: 0, reason: `frames ${nextSeq} to ${found - 1} are missing` };
}

async function blockAt(
  window: FileWindow,
  offset: number,
  salt: Buffer | null,
): Promise<{ header: BlockHeader; bytes: Buffer } | undefined> {
  // Awaiting costs more than a small block's checksum, so only a window that must be read is waited for.
  const head = window.peek(offset, BLOCK_HEADER_BYTES) ?? (await window.read(offset, BLOCK_HEADER_BYTES));
  const header = decodeBlockHeader(head, salt);
  if (header === undefined) return undefined;
  const length = BLOCK_HEADER_BYTES + header.bodyLength;
  if (offset + length > window.limit) return undefined;
  const bytes = window.peek(offset, length) ?? (await window.read(offset, length));
  return bytes.length === length && blockIsWhole(bytes) ? { header, bytes } : undefined;
}

/** A footer that fills the rest of the file. */
async function footerAt(window: FileWindow, offset: number, salt: Buffer | null): Promise<SegmentFooter | undefined> {
  if (!startsFooter(await window.read(offset, 4))) return undefined;
  return decodeFooter(await window.read(offset, window.limit - offset), salt);
}

/** The next offset from `from` on where a whole block or the footer begins. */
async function findNext(
  window: FileWindow,
  from: number,
  nextSeq: Seq,
  salt: Buffer | null,
): Promise<number | undefined> {
  const overlap = BLOCK_MAGIC_BYTES.length - 1;
  for (let start = from; start < window.limit; start += RESYNC_STEP) {
    // A copy: trying a candidate may slide the window away.
    const bytes = Buffer.from(await window.read(start, RESYNC_STEP + overlap));
    for (let at = bytes.indexOf(BLOCK_MAGIC_BYTES); at >= 0; at = bytes.indexOf(BLOCK_MAGIC_BYTES, at + 1)) {
      const block = await blockAt(window, start + at, salt);
      if (block !== undefined && block.header.firstSeq >= nextSeq) return start + at;
    }
  }
  const end = await window.read(Math.max(from, window.limit - FOOTER_END_BYTES), FOOTER_END_BYTES);
  const length = footerLength(end);
  if (length === undefined || length > window.limit - from) return undefined;
  const footer = decodeFooter(await window.read(window.limit - length, length), salt);
  return footer && window.limit - length;
}

async function tailAt(window: FileWindow, offset: number): Promise<Scanned> {
  let zeros = true;
  for (let at = offset; zeros && at < window.limit; at += WINDOW_BYTES) {
    zeros = (await window.read(at, Math.min(WINDOW_BYTES, window.limit - at))).every((byte) => byte === 0);
  }
  return { kind: "tail", offset, length: window.limit - offset, zeros };
}
