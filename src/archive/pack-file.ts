import { type FileHandle, open } from "node:fs/promises";
import { basename } from "node:path";
import type { Frame } from "#model";
import { type Carry, parseCarry } from "./carry.ts";
import type { Chunk } from "./chunk.ts";
import { openChunk } from "./codec.ts";
import { ArchiveDamaged } from "./errors.ts";
import type { PackProofs } from "./pack-builder.ts";
import { inflate } from "./pack-json.ts";
import {
  decodePackFooter,
  decodePackHeader,
  decodeSection,
  PACK_FOOTER_BYTES,
  PACK_HEADER_BYTES,
  type PackDirectory,
  type PackFooter,
  type PackHeader,
  SECTION_HEADER_BYTES,
  type SectionKind,
  type SectionPlace,
  sectionLength,
} from "./pack-layout.ts";
import { decodeRest } from "./rest-chunk.ts";

/** A pack file, open to be read. Each section is one read of the file and one checksum. */
export class PackFile {
  readonly file: string;
  readonly bytes: number;
  readonly header: PackHeader;
  readonly footer: PackFooter;
  readonly directory: PackDirectory;
  readonly #handle: FileHandle;

  private constructor(
    handle: FileHandle,
    what: { file: string; bytes: number; header: PackHeader; footer: PackFooter; directory: PackDirectory },
  ) {
    this.#handle = handle;
    this.file = what.file;
    this.bytes = what.bytes;
    this.header = what.header;
    this.footer = what.footer;
    this.directory = what.directory;
  }

  /** @throws ArchiveDamaged, ArchiveTooNew, or Node's error where the file cannot be read. */
  static async open(path: string): Promise<PackFile> {
    const file = basename(path);
    const handle = await open(path, "r");
    try {
      const bytes = (await handle.stat()).size;
      const header = decodePackHeader(file, await readAt(handle, 0, PACK_HEADER_BYTES));
      const footerAt = Math.max(0, bytes - PACK_FOOTER_BYTES);
      const footer = decodePackFooter(file, footerAt, await readAt(handle, footerAt, PACK_FOOTER_BYTES));
      const place = { offset: footer.directoryOffset, length: footerAt - footer.directoryOffset };
      const text = inflate(file, place.offset, await readBody(handle, file, place, "directory"));
      return new PackFile(handle, { file, bytes, header, footer, directory: parse(file, place.offset, text) });
    } catch (cause) {
      await handle.close();
      throw cause;
    }
  }

  async chunk(place: SectionPlace): Promise<Chunk> {
    const body = await this.body(place, "chunk");
    return this.#unpack(place, () => openChunk(body));
  }

  async rest(place: SectionPlace): Promise<Frame[]> {
    const body = await this.body(place, "rest");
    return this.#unpack(place, () => decodeRest(body));
  }

  async carry(): Promise<Carry> {
    const { carry } = this.directory;
    return parseCarry(inflate(this.file, carry.offset, await this.body(carry, "carry")));
  }

  async proofs(): Promise<PackProofs> {
    const { proofs } = this.directory;
    const text = inflate(this.file, proofs.offset, await this.body(proofs, "proofs"));
    return JSON.parse(text) as PackProofs;
  }

  body(place: SectionPlace, kind: SectionKind): Promise<Buffer> {
    return readBody(this.#handle, this.file, place, kind);
  }

  /** Every section from the first to the directory, by what the file itself says. */
  async *sections(): AsyncGenerator<SectionPlace & { readonly kind: SectionKind }> {
    const end = this.bytes - PACK_FOOTER_BYTES;
    for (let offset = PACK_HEADER_BYTES; offset < end; ) {
      const length = sectionLength(this.file, offset, await readAt(this.#handle, offset, SECTION_HEADER_BYTES));
      if (offset + length > end) throw new ArchiveDamaged(this.file, offset, "a section reaches past the end");
      const { kind } = decodeSection(this.file, offset, await readAt(this.#handle, offset, length));
      yield { kind, offset, length };
      offset += length;
    }
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  #unpack<T>({ offset }: SectionPlace, unpack: () => T): T {
    try {
      return unpack();
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      throw new ArchiveDamaged(this.file, offset, cause.message, { cause });
    }
  }
}

async function readBody(
  handle: FileHandle,
  file: string,
  { offset, length }: SectionPlace,
  expected: SectionKind,
): Promise<Buffer> {
  const { kind, body } = decodeSection(file, offset, await readAt(handle, offset, Math.max(0, length)));
  if (kind !== expected)
    throw new ArchiveDamaged(file, offset, `a section of kind ${kind} where ${expected} should be`);
  return body;
}

/** Fewer bytes than asked for where the file ends early. */
async function readAt(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  const { bytesRead } = await handle.read(bytes, 0, length, offset);
  return bytes.subarray(0, bytesRead);
}

function parse(file: string, offset: number, text: string): PackDirectory {
  try {
    return JSON.parse(text) as PackDirectory;
  } catch (cause) {
    throw new ArchiveDamaged(file, offset, "the directory is no JSON", { cause });
  }
}
