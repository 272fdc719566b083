import { type FileSystem, writeWhole } from "#journal";
import type { Seq } from "#model";
import { deflate } from "./pack-json.ts";
import {
  encodePackFooter,
  encodePackHeader,
  encodeSection,
  type PackDirectory,
  type PackHeader,
  type SectionKind,
  type SectionPlace,
} from "./pack-layout.ts";

/** Writes a pack file from its first byte to its last. Any error of the disk is thrown; the file is then worth nothing. */
export class PackWriter {
  readonly #disk: FileSystem;
  readonly #file: number;
  readonly #header: PackHeader;
  #position = 0;
  #isOpen = true;

  constructor(disk: FileSystem, path: string, header: PackHeader) {
    this.#disk = disk;
    this.#header = header;
    this.#file = disk.open(path, "w+");
    this.#write(encodePackHeader(header));
  }

  get bytes(): number {
    return this.#position;
  }

  section(kind: SectionKind, body: Uint8Array): SectionPlace {
    const offset = this.#position;
    this.#write(encodeSection(kind, body));
    return { offset, length: this.#position - offset };
  }

  /** Directory and footer, then everything is on the disk. */
  finish(directory: PackDirectory, { lastSeq, frames }: { lastSeq: Seq; frames: number }): void {
    const { offset } = this.section("directory", deflate(directory));
    const { firstSeq } = this.#header;
    this.#write(encodePackFooter({ directoryOffset: offset, firstSeq, lastSeq, frames }));
    this.#disk.sync(this.#file);
    this.close();
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#disk.close(this.#file);
  }

  #write(bytes: Uint8Array): void {
    writeWhole(this.#disk, this.#file, bytes, this.#position);
    this.#position += bytes.length;
  }
}
