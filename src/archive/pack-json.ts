import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { ArchiveDamaged } from "./errors.ts";
import { MAX_SECTION_BYTES } from "./pack-layout.ts";

/** A document of a pack: JSON in UTF-8, one zstd frame. */
export function deflate(document: unknown): Buffer {
  return zstdCompressSync(JSON.stringify(document));
}

/** @throws ArchiveDamaged where the bytes are none. */
export function inflate(file: string, offset: number, bytes: Uint8Array): string {
  try {
    return zstdDecompressSync(bytes, { maxOutputLength: MAX_SECTION_BYTES }).toString();
  } catch (cause) {
    throw new ArchiveDamaged(file, offset, "a document that cannot be unpacked", { cause });
  }
}
