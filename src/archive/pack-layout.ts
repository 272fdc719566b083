import { crc32c } from "#journal";
import type { InstrumentId, MarketId, Seq, UnixMicros } from "#model";
import { ArchiveDamaged, ArchiveTooNew } from "./errors.ts";

// A pack file: a header, sections back to back, a footer. Numbers are little-endian; docs/archive-format.md says the same
// for other readers. No byte of a pack is outside a checksum.
//
// header, 32 bytes
//    0 u32 magic "PPAK"   4 u16 version   6 u16 zero   8 u64 firstSeq   16 i64 receivedAt of that frame
//   24 u32 zero          28 u32 CRC-32C of bytes 0..28
// section, 16 bytes, then the body
//    0 u32 magic "PPAS"   4 u8 kind   5 u8, 6 u16 zero   8 u32 body length   12 u32 CRC-32C of bytes 0..12 and the body
// footer, 48 bytes
//    0 u32 magic "PPAE"   4 u16 version   6 u16 zero   8 u64 offset of the directory's section
//   16 u64 firstSeq      24 u64 lastSeq   32 u64 frames   40 u32 zero   44 u32 CRC-32C of bytes 0..44

export const PACK_VERSION = 1;
export const PACK_HEADER_BYTES = 32;
export const SECTION_HEADER_BYTES = 16;
export const PACK_FOOTER_BYTES = 48;
/** No body is longer. A chunk is some tens of kilobytes; the largest frame (16 MiB) must fit into a rest chunk. */
export const MAX_SECTION_BYTES = 512 * 1024 * 1024;

const HEADER_MAGIC = letters("PPAK");
const SECTION_MAGIC = letters("PPAS");
const FOOTER_MAGIC = letters("PPAE");

/**
 * - chunk: messages of one market, columns/
 * - rest: frames kept as they are, rest-chunk.ts
 * - carry: what the next pack goes on from, carry.ts; JSON, zstd
 * - proofs: what the prover found, JSON, zstd
 * - directory: where everything is, JSON, zstd
 */
export const SECTION_KINDS = ["chunk", "rest", "carry", "proofs", "directory"] as const;
export type SectionKind = (typeof SECTION_KINDS)[number];

/** Where a chunk lies and what is in it: enough to know whether to open it. */
export interface ChunkEntry {
  /** Of its section, header included. */
  readonly offset: number;
  readonly length: number;
  readonly firstSeq: Seq;
  readonly lastSeq: Seq;
  readonly firstReceivedAt: UnixMicros;
  readonly lastReceivedAt: UnixMicros;
  /** When its first and last message may be known; of a rest chunk the same as receivedAt. */
  readonly firstKnownAt: UnixMicros;
  readonly lastKnownAt: UnixMicros;
  readonly frames: number;
  readonly messages: number;
  readonly levelChanges: number;
  readonly rawMessages: number;
  readonly rawDigests: number;
  /** Bytes of its frames as they were received. */
  readonly frameBytes: number;
}

export interface MarketEntry {
  readonly market: MarketId;
  readonly instruments: readonly InstrumentId[];
  readonly chunks: readonly ChunkEntry[];
}

export interface SectionPlace {
  readonly offset: number;
  readonly length: number;
}

export interface PackDirectory {
  readonly markets: readonly MarketEntry[];
  readonly rest: readonly ChunkEntry[];
  readonly carry: SectionPlace;
  readonly proofs: SectionPlace;
}

export interface PackHeader {
  readonly firstSeq: Seq;
  readonly firstReceivedAt: UnixMicros;
}

export interface PackFooter {
  readonly directoryOffset: number;
  readonly firstSeq: Seq;
  readonly lastSeq: Seq;
  readonly frames: number;
}

export function encodePackHeader({ firstSeq, firstReceivedAt }: PackHeader): Buffer {
  const bytes = Buffer.alloc(PACK_HEADER_BYTES);
  bytes.writeUInt32LE(HEADER_MAGIC, 0);
  bytes.writeUInt16LE(PACK_VERSION, 4);
  bytes.writeBigUInt64LE(BigInt(firstSeq), 8);
  bytes.writeBigInt64LE(BigInt(firstReceivedAt), 16);
  bytes.writeUInt32LE(crc32c(bytes, 0, 28), 28);
  return bytes;
}

/** @throws ArchiveDamaged, ArchiveTooNew. */
export function decodePackHeader(file: string, bytes: Buffer): PackHeader {
  if (bytes.length < PACK_HEADER_BYTES || bytes.readUInt32LE(0) !== HEADER_MAGIC)
    throw new ArchiveDamaged(file, 0, "it does not begin as a pack does");
  // Before the checksum: a newer version may lay its header out in another way.
  checkVersion(file, bytes.readUInt16LE(4), 0);
  if (bytes.readUInt32LE(28) !== crc32c(bytes, 0, 28))
    throw new ArchiveDamaged(file, 0, "the header's checksum is wrong");
  return {
    firstSeq: Number(bytes.readBigUInt64LE(8)) as Seq,
    firstReceivedAt: Number(bytes.readBigInt64LE(16)) as UnixMicros,
  };
}

export function encodeSection(kind: SectionKind, body: Uint8Array): Buffer {
  if (body.length > MAX_SECTION_BYTES) throw new RangeError(`a section of ${body.length} bytes is too long`);
  const bytes = Buffer.allocUnsafe(SECTION_HEADER_BYTES + body.length);
  bytes.writeUInt32LE(SECTION_MAGIC, 0);
  bytes.writeUInt32LE(SECTION_KINDS.indexOf(kind), 4);
  bytes.writeUInt32LE(body.length, 8);
  bytes.set(body, SECTION_HEADER_BYTES);
  bytes.writeUInt32LE(sectionChecksum(bytes), 12);
  return bytes;
}

/** Length of a section from its header, header included. @throws ArchiveDamaged where no section begins there. */
export function sectionLength(file: string, offset: number, header: Buffer): number {
  const length = header.length < SECTION_HEADER_BYTES ? 0 : header.readUInt32LE(8);
  if (header.length < SECTION_HEADER_BYTES || header.readUInt32LE(0) !== SECTION_MAGIC || length > MAX_SECTION_BYTES)
    throw new ArchiveDamaged(file, offset, "no section begins here");
  return SECTION_HEADER_BYTES + length;
}

/** The body of a whole section. @throws ArchiveDamaged where it is not what was written. */
export function decodeSection(file: string, offset: number, bytes: Buffer): { kind: SectionKind; body: Buffer } {
  if (sectionLength(file, offset, bytes) !== bytes.length)
    throw new ArchiveDamaged(file, offset, "the section has another length than it should");
  if (bytes.readUInt32LE(12) !== sectionChecksum(bytes))
    throw new ArchiveDamaged(file, offset, "the section's checksum is wrong");
  const kind = SECTION_KINDS[bytes.readUInt32LE(4)];
  if (kind === undefined) throw new ArchiveDamaged(file, offset, "a section of a kind that this version does not know");
  return { kind, body: bytes.subarray(SECTION_HEADER_BYTES) };
}

export function encodePackFooter({ directoryOffset, firstSeq, lastSeq, frames }: PackFooter): Buffer {
  const bytes = Buffer.alloc(PACK_FOOTER_BYTES);
  bytes.writeUInt32LE(FOOTER_MAGIC, 0);
  bytes.writeUInt16LE(PACK_VERSION, 4);
  bytes.writeBigUInt64LE(BigInt(directoryOffset), 8);
  bytes.writeBigUInt64LE(BigInt(firstSeq), 16);
  bytes.writeBigUInt64LE(BigInt(lastSeq), 24);
  bytes.writeBigUInt64LE(BigInt(frames), 32);
  bytes.writeUInt32LE(crc32c(bytes, 0, 44), 44);
  return bytes;
}

/** @throws ArchiveDamaged, ArchiveTooNew. */
export function decodePackFooter(file: string, offset: number, bytes: Buffer): PackFooter {
  if (bytes.length < PACK_FOOTER_BYTES || bytes.readUInt32LE(0) !== FOOTER_MAGIC)
    throw new ArchiveDamaged(file, offset, "it does not end as a pack does");
  checkVersion(file, bytes.readUInt16LE(4), offset);
  if (bytes.readUInt32LE(44) !== crc32c(bytes, 0, 44))
    throw new ArchiveDamaged(file, offset, "the footer's checksum is wrong");
  return {
    directoryOffset: Number(bytes.readBigUInt64LE(8)),
    firstSeq: Number(bytes.readBigUInt64LE(16)) as Seq,
    lastSeq: Number(bytes.readBigUInt64LE(24)) as Seq,
    frames: Number(bytes.readBigUInt64LE(32)),
  };
}

function checkVersion(file: string, version: number, offset: number): void {
  if (version > PACK_VERSION)
    throw new ArchiveTooNew(`${file} is of version ${version}, this program reads up to ${PACK_VERSION}: update it`);
  if (version !== PACK_VERSION) throw new ArchiveDamaged(file, offset, `there is no version ${version}`);
}

function sectionChecksum(bytes: Buffer): number {
  return crc32c(bytes, SECTION_HEADER_BYTES, bytes.length, crc32c(bytes, 0, 12));
}

function letters(text: string): number {
  return Buffer.from(text, "latin1").readUInt32LE(0);
}
