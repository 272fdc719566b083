import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Seq, UnixMicros } from "#model";
import { type FileSystem, writeWhole } from "./file-system.ts";
import {
  type BlockGroup,
  type BlockHeader,
  decodeBlockHeader,
  encodeFooter,
  encodeSegmentHeader,
  SALT_BYTES,
  SEGMENT_HEADER_BYTES,
  type SegmentFooter,
  stampBlock,
} from "./layout.ts";
import { MarkWriter } from "./mark.ts";
import { segmentName } from "./segments.ts";

/**
 * Space is taken ahead in steps of this: a write into space that is there needs no change of metadata at fdatasync,
 * which is then a third faster. The fdatasync after a step pays for it, so a step should not be large.
 */
const AHEAD_BYTES = 256 * 1024;
const AHEAD_LEFT = 64 * 1024;
/** Neighbouring blocks share an entry of the footer until they span this. */
const GROUP_SPAN = 64 * 1024;

/** Collects what a footer says while blocks go by; for the writer, and for whoever walks a segment without a footer. */
export class FooterBuilder {
  readonly #groups: BlockGroup[] = [];
  #blocks = 0;
  #frames = 0;
  #min = Number.MAX_SAFE_INTEGER;
  #max = Number.MIN_SAFE_INTEGER;
  #nextSeq: Seq;

  constructor(firstSeq: Seq) {
    this.#nextSeq = firstSeq;
  }

  add(offset: number, header: BlockHeader): void {
    const last = this.#groups.at(-1);
    if (last === undefined || offset - last.offset >= GROUP_SPAN) {
      const { firstSeq, minReceivedAt, maxReceivedAt } = header;
      this.#groups.push({ offset, firstSeq, minReceivedAt, maxReceivedAt });
    } else {
      this.#groups[this.#groups.length - 1] = {
        ...last,
        minReceivedAt: Math.min(last.minReceivedAt, header.minReceivedAt) as UnixMicros,
        maxReceivedAt: Math.max(last.maxReceivedAt, header.maxReceivedAt) as UnixMicros,
      };
    }
    this.#blocks++;
    this.#frames += header.count;
    this.#min = Math.min(this.#min, header.minReceivedAt);
    this.#max = Math.max(this.#max, header.maxReceivedAt);
    this.#nextSeq = (header.firstSeq + header.count) as Seq;
  }

  get blocks(): number {
    return this.#blocks;
  }

  footer(): SegmentFooter {
    return {
      groups: [...this.#groups],
      nextSeq: this.#nextSeq,
      frames: this.#frames,
      blocks: this.#blocks,
      minReceivedAt: this.#min as UnixMicros,
      maxReceivedAt: this.#max as UnixMicros,
    };
  }
}

interface OpenSegment {
  readonly file: number;
  readonly firstSeq: Seq;
  readonly salt: Buffer;
  readonly footer: FooterBuilder;
  /** Where the durable blocks end. */
  end: number;
  /** Up to where the file holds bytes, zeros included. */
  allocated: number;
}

export interface SegmentWriterOptions {
  readonly directory: string;
  readonly disk: FileSystem;
  readonly maxSegmentBytes: number;
  /** What is due next; differs from `firstSeq` only where frames before it were lost (recovery). */
  readonly follows: Seq;
  /** A segment file without frames, left by a writer that was killed: its name is needed again. */
  readonly empty: string | null;
}

/**
 * Writes blocks into segments, durably. Whatever the disk refuses is thrown, and the segment is left behind as it was
 * after its last durable block: the same block may then be given again and goes into a new segment. That is also what
 * makes a failed fdatasync safe: the system may have dropped the pages and call the next one a success.
 */
export class SegmentWriter {
  readonly #directory: string;
  readonly #disk: FileSystem;
  readonly #maxSegmentBytes: number;
  readonly #mark: MarkWriter;
  #follows: Seq;
  #segment: OpenSegment | undefined;
  /** A segment file that failed before it held anything: its name is needed again. */
  #empty: string | null;

  constructor(options: SegmentWriterOptions) {
    this.#directory = options.directory;
    this.#disk = options.disk;
    this.#maxSegmentBytes = options.maxSegmentBytes;
    this.#follows = options.follows;
    this.#empty = options.empty;
    this.#mark = new MarkWriter(options.disk, options.directory);
  }

  /** Returns when the block is durable and readers may see it. @throws what the disk says. */
  write(block: Buffer): void {
    const header = decodeBlockHeader(block, null);
    if (header === undefined) throw new TypeError("not a block");
    if (this.#segment && this.#isFull(this.#segment, block.length)) this.seal();
    this.#segment ??= this.#guard(() => this.#create(header.firstSeq));
    const segment = this.#segment;
    stampBlock(block, segment.salt);
    this.#guard(() => {
      writeWhole(this.#disk, segment.file, block, segment.end);
      this.#disk.datasync(segment.file);
      const nextSeq = (header.firstSeq + header.count) as Seq;
      this.#mark.write({ nextSeq, segment: segment.firstSeq, offset: segment.end + block.length });
      segment.footer.add(segment.end, header);
      segment.end += block.length;
      this.#follows = nextSeq;
    });
  }

  /** Takes space ahead, where it is short. To be called when nobody waits. A full disk refuses, and that is no error yet. */
  takeSpaceAhead(): void {
    const segment = this.#segment;
    if (segment === undefined || segment.allocated - segment.end >= AHEAD_LEFT) return;
    const from = Math.max(segment.end, segment.allocated);
    const zeros = Buffer.alloc(Math.min(AHEAD_BYTES, Math.max(0, this.#maxSegmentBytes - from)));
    try {
      writeWhole(this.#disk, segment.file, zeros, from);
      segment.allocated = from + zeros.length;
    } catch {
      // The next block's write tells whether there is room for it.
    }
  }

  /** Ends the segment being written, if any, with its footer. The next block begins a new one. */
  seal(): void {
    const segment = this.#segment;
    if (segment === undefined) return;
    this.#guard(() => {
      const footer = encodeFooter(segment.footer.footer(), segment.salt);
      this.#disk.truncate(segment.file, segment.end);
      writeWhole(this.#disk, segment.file, footer, segment.end);
      this.#disk.sync(segment.file);
      this.#disk.close(segment.file);
      this.#segment = undefined;
    });
  }

  /** Leaves the segment without ceremony; for the end after a failure. */
  close(): void {
    this.#abandon();
    this.#mark.close();
  }

  #isFull(segment: OpenSegment, more: number): boolean {
    return segment.footer.blocks > 0 && segment.end + more > this.#maxSegmentBytes;
  }

  #create(firstSeq: Seq): OpenSegment {
    const name = segmentName(firstSeq);
    const path = join(this.#directory, name);
    if (this.#empty !== null) {
      this.#disk.unlink(join(this.#directory, this.#empty));
      this.#empty = null;
    }
    const file = this.#disk.open(path, "wx+");
    const salt = randomBytes(SALT_BYTES);
    this.#segment = {
      file,
      firstSeq,
      salt,
      footer: new FooterBuilder(firstSeq),
      end: SEGMENT_HEADER_BYTES,
      allocated: 0,
    };
    writeWhole(this.#disk, file, encodeSegmentHeader({ salt, firstSeq, follows: this.#follows }), 0);
    this.#disk.sync(file);
    this.#disk.syncDirectory(this.#directory);
    return this.#segment;
  }

  #guard<T>(work: () => T): T {
    try {
      return work();
    } catch (cause) {
      this.#abandon();
      throw cause;
    }
  }

  #abandon(): void {
    const segment = this.#segment;
    if (segment === undefined) return;
    this.#segment = undefined;
    // Best effort: if the disk refuses this too, the bytes that stay behind are void, because the next segment begins
    // with the same seq and a segment ends where the next one begins.
    ignoringErrors(() => this.#disk.truncate(segment.file, segment.end));
    ignoringErrors(() => this.#disk.close(segment.file));
    if (segment.footer.blocks === 0) {
      const name = segmentName(segment.firstSeq);
      this.#empty = name;
      ignoringErrors(() => {
        this.#disk.unlink(join(this.#directory, name));
        this.#empty = null;
      });
    }
    ignoringErrors(() => this.#mark.close());
  }
}

function ignoringErrors(work: () => void): void {
  try {
    work();
  } catch {
    // The failure that led here is the one that gets told.
  }
}
