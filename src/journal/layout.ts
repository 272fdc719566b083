import type { Seq, UnixMicros } from "#model";
import { crc32c } from "./crc32c.ts";

// The fixed parts of a segment file: one segment header, blocks back to back, and, once it is sealed, one footer.
// All numbers are little-endian; u64 and i64 hold safe integers. docs/journal-format.md says the same for other readers.
//
// segment header, 40 bytes
//    0 u32 magic "PPJS"   4 u8 version   5 u8 zero   6 u16 header length
//    8 salt, 8 bytes      chance; repeated in each block, so that journal bytes inside a frame never pass for a block
//   16 u64 firstSeq      24 u64 follows: the seq that was due next when this segment began. Equal to firstSeq, unless
//                         the frames between were lost and that loss was already told (repair, recovery)
//   32 u32 zero          36 u32 CRC-32C of bytes 0..36
// block header, 64 bytes, then the body
//    0 u32 magic "PPJB"   4 u8 version   5 u8 encoding (0 raw, 1 zstd)   6 u16 header length
//    8 salt              16 u64 firstSeq   24 u32 count   28 u32 body length
//   32 i64 min receivedAt                  40 i64 max receivedAt
//   48 u32 raw length    52 u32 payload length   56 u32 zero   60 u32 CRC-32C of bytes 0..60 and the body
// footer, 64 bytes, then 32 bytes for each group of blocks, then 12 bytes
//    0 u32 magic "PPJF"   4 u8 version   5 u8 zero   6 u16 header length
//    8 salt              16 u32 groups   20 u32 footer length, all of it
//   24 u64 nextSeq       32 i64 min receivedAt   40 i64 max receivedAt   48 u64 frames   56 u32 blocks   60 u32 zero
//   group: u64 offset of its first block, u64 firstSeq, i64 min receivedAt, i64 max receivedAt
//   end:   u32 CRC-32C of all before it, u32 footer length, u32 magic "PPJE"

export const FORMAT_VERSION = 1;
export const SEGMENT_HEADER_BYTES = 40;
export const BLOCK_HEADER_BYTES = 64;
export const FOOTER_HEADER_BYTES = 64;
export const GROUP_BYTES = 32;
export const FOOTER_END_BYTES = 12;
export const SALT_BYTES = 8;

const SEGMENT_MAGIC = fourLetters("PPJS");
export const BLOCK_MAGIC_BYTES = Buffer.from("PPJB", "latin1");
const BLOCK_MAGIC = fourLetters("PPJB");
const FOOTER_MAGIC = fourLetters("PPJF");
const FOOTER_END_MAGIC = fourLetters("PPJE");

/** Largest frame: an HTTP answer may be large, a runaway must not be. */
export const MAX_FRAME_BYTES = 16 * 1024 * 1024;
/** No body is longer: the largest frame, its line of the table, and its connection's label. */
export const MAX_BODY_BYTES = MAX_FRAME_BYTES + 1024 * 1024;

export type Encoding = "raw" | "zstd";

export interface SegmentHeader {
  readonly salt: Buffer;
  readonly firstSeq: Seq;
  readonly follows: Seq;
}

export interface BlockHeader {
  readonly firstSeq: Seq;
  readonly count: number;
  readonly encoding: Encoding;
  readonly bodyLength: number;
  readonly rawLength: number;
  readonly payloadLength: number;
  readonly minReceivedAt: UnixMicros;
  readonly maxReceivedAt: UnixMicros;
}

/** Some neighbouring blocks: how far a reader must look without opening them. */
export interface BlockGroup {
  readonly offset: number;
  readonly firstSeq: Seq;
  readonly minReceivedAt: UnixMicros;
  readonly maxReceivedAt: UnixMicros;
}

export interface SegmentFooter {
  readonly groups: readonly BlockGroup[];
  readonly nextSeq: Seq;
  readonly frames: number;
  readonly blocks: number;
  readonly minReceivedAt: UnixMicros;
  readonly maxReceivedAt: UnixMicros;
}

function fourLetters(text: string): number {
  return Buffer.from(text, "latin1").readUInt32LE(0);
}

function writeInt64(bytes: Buffer, value: number, at: number): void {
  const high = Math.floor(value / 0x1_0000_0000);
  bytes.writeUInt32LE(value - high * 0x1_0000_0000, at);
  bytes.writeInt32LE(high, at + 4);
}

/** NaN where the number is no safe integer: it compares as false, so that a check refuses it. */
function readInt64(bytes: Buffer, at: number): number {
  const value = bytes.readInt32LE(at + 4) * 0x1_0000_0000 + bytes.readUInt32LE(at);
  return Number.isSafeInteger(value) ? value : Number.NaN;
}

export function encodeSegmentHeader(header: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES);
  bytes.writeUInt32LE(SEGMENT_MAGIC, 0);
  bytes.writeUInt8(FORMAT_VERSION, 4);
  bytes.writeUInt16LE(SEGMENT_HEADER_BYTES, 6);
  header.salt.copy(bytes, 8);
  writeInt64(bytes, header.firstSeq, 16);
  writeInt64(bytes, header.follows, 24);
  bytes.writeUInt32LE(crc32c(bytes, 0, 36), 36);
  return bytes;
}

/** undefined where the bytes are no whole segment header of this version. */
export function decodeSegmentHeader(bytes: Buffer): SegmentHeader | undefined {
  if (bytes.length < SEGMENT_HEADER_BYTES || bytes.readUInt32LE(0) !== SEGMENT_MAGIC) return undefined;
  if (bytes.readUInt32LE(36) !== crc32c(bytes, 0, 36) || bytes[4] !== FORMAT_VERSION) return undefined;
  return {
    salt: Buffer.from(bytes.subarray(8, 16)),
    firstSeq: readInt64(bytes, 16) as Seq,
    follows: readInt64(bytes, 24) as Seq,
  };
}

/** Writes the header into the first bytes of a block whose body is already in place; `stampBlock` completes it. */
export function encodeBlockHeader(block: Buffer, header: BlockHeader): void {
  block.writeUInt32LE(BLOCK_MAGIC, 0);
  block.writeUInt8(FORMAT_VERSION, 4);
  block.writeUInt8(header.encoding === "zstd" ? 1 : 0, 5);
  block.writeUInt16LE(BLOCK_HEADER_BYTES, 6);
  writeInt64(block, header.firstSeq, 16);
  block.writeUInt32LE(header.count, 24);
  block.writeUInt32LE(header.bodyLength, 28);
  writeInt64(block, header.minReceivedAt, 32);
  writeInt64(block, header.maxReceivedAt, 40);
  block.writeUInt32LE(header.rawLength, 48);
  block.writeUInt32LE(header.payloadLength, 52);
  block.writeUInt32LE(0, 56);
}

/** Binds a block to its segment: the salt, then the checksum over everything. */
export function stampBlock(block: Buffer, salt: Buffer): void {
  salt.copy(block, 8);
  block.writeUInt32LE(crc32c(block, BLOCK_HEADER_BYTES, block.length, crc32c(block, 0, 60)), 60);
}

/** What a block header says, before its checksum is checked; undefined where it cannot be one of this segment. */
export function decodeBlockHeader(bytes: Buffer, salt: Buffer | null): BlockHeader | undefined {
  if (bytes.length < BLOCK_HEADER_BYTES || bytes.readUInt32LE(0) !== BLOCK_MAGIC) return undefined;
  if (bytes[4] !== FORMAT_VERSION || bytes[5]! > 1 || bytes.readUInt16LE(6) !== BLOCK_HEADER_BYTES) return undefined;
  if (salt !== null && salt.compare(bytes, 8, 16) !== 0) return undefined;
  const bodyLength = bytes.readUInt32LE(28);
  if (bodyLength > MAX_BODY_BYTES) return undefined;
  return {
    firstSeq: readInt64(bytes, 16) as Seq,
    count: bytes.readUInt32LE(24),
    encoding: bytes[5] === 1 ? "zstd" : "raw",
    bodyLength,
    minReceivedAt: readInt64(bytes, 32) as UnixMicros,
    maxReceivedAt: readInt64(bytes, 40) as UnixMicros,
    rawLength: bytes.readUInt32LE(48),
    payloadLength: bytes.readUInt32LE(52),
  };
}

/** Whether a whole block, header and body, is what was written. */
export function blockIsWhole(block: Buffer): boolean {
  return block.readUInt32LE(60) === crc32c(block, BLOCK_HEADER_BYTES, block.length, crc32c(block, 0, 60));
}

export function encodeFooter(footer: SegmentFooter, salt: Buffer): Buffer {
  const length = FOOTER_HEADER_BYTES + footer.groups.length * GROUP_BYTES + FOOTER_END_BYTES;
  const bytes = Buffer.alloc(length);
  bytes.writeUInt32LE(FOOTER_MAGIC, 0);
  bytes.writeUInt8(FORMAT_VERSION, 4);
  bytes.writeUInt16LE(FOOTER_HEADER_BYTES, 6);
  salt.copy(bytes, 8);
  bytes.writeUInt32LE(footer.groups.length, 16);
  bytes.writeUInt32LE(length, 20);
  writeInt64(bytes, footer.nextSeq, 24);
  writeInt64(bytes, footer.minReceivedAt, 32);
  writeInt64(bytes, footer.maxReceivedAt, 40);
  writeInt64(bytes, footer.frames, 48);
  bytes.writeUInt32LE(footer.blocks, 56);
  let at = FOOTER_HEADER_BYTES;
  for (const group of footer.groups) {
    writeInt64(bytes, group.offset, at);
    writeInt64(bytes, group.firstSeq, at + 8);
    writeInt64(bytes, group.minReceivedAt, at + 16);
    writeInt64(bytes, group.maxReceivedAt, at + 24);
    at += GROUP_BYTES;
  }
  bytes.writeUInt32LE(crc32c(bytes, 0, at), at);
  bytes.writeUInt32LE(length, at + 4);
  bytes.writeUInt32LE(FOOTER_END_MAGIC, at + 8);
  return bytes;
}

/** Reads a footer that must fill `bytes` exactly; undefined where it does not, or is damaged. */
export function decodeFooter(bytes: Buffer, salt: Buffer | null): SegmentFooter | undefined {
  if (bytes.length < FOOTER_HEADER_BYTES + FOOTER_END_BYTES || !startsFooter(bytes)) return undefined;
  const count = bytes.readUInt32LE(16);
  const end = bytes.length - FOOTER_END_BYTES;
  if (end !== FOOTER_HEADER_BYTES + count * GROUP_BYTES || bytes.readUInt32LE(20) !== bytes.length) return undefined;
  if (footerLength(bytes.subarray(end)) !== bytes.length || bytes.readUInt32LE(end) !== crc32c(bytes, 0, end)) {
    return undefined;
  }
  if (salt !== null && salt.compare(bytes, 8, 16) !== 0) return undefined;
  const groups: BlockGroup[] = [];
  for (let at = FOOTER_HEADER_BYTES; at < end; at += GROUP_BYTES) {
    groups.push({
      offset: readInt64(bytes, at),
      firstSeq: readInt64(bytes, at + 8) as Seq,
      minReceivedAt: readInt64(bytes, at + 16) as UnixMicros,
      maxReceivedAt: readInt64(bytes, at + 24) as UnixMicros,
    });
  }
  return {
    groups,
    nextSeq: readInt64(bytes, 24) as Seq,
    minReceivedAt: readInt64(bytes, 32) as UnixMicros,
    maxReceivedAt: readInt64(bytes, 40) as UnixMicros,
    frames: readInt64(bytes, 48),
    blocks: bytes.readUInt32LE(56),
  };
}

export function startsFooter(bytes: Buffer): boolean {
  return bytes.length >= 4 && bytes.readUInt32LE(0) === FOOTER_MAGIC;
}

/** Length of the footer that these last 12 bytes of a file end; undefined where they end none. */
export function footerLength(end: Buffer): number | undefined {
  if (end.length < FOOTER_END_BYTES || end.readUInt32LE(8) !== FOOTER_END_MAGIC) return undefined;
  return end.readUInt32LE(4);
}
