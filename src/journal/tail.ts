import { type FSWatcher, watch } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import type { Frame, Seq } from "#model";
import { decodeBlock } from "./block.ts";
import type { Damage } from "./errors.ts";
import { BLOCK_HEADER_BYTES, SEGMENT_HEADER_BYTES } from "./layout.ts";
import { type DurableMark, MARK_NAME, readMark } from "./mark.ts";
import { readSegmentHeader, scanSegment } from "./scan.ts";
import { listSegments, type SegmentFile } from "./segments.ts";
import { summarize } from "./summary.ts";

export interface TailOptions {
  readonly fromSeq: Seq;
  readonly signal: AbortSignal;
  readonly onDamage: (damage: Damage) => void;
}

/** Follows a journal: from a seq on, block by block, as its mark moves; through new segments and new writers. */
export async function* tailJournal(directory: string, options: TailOptions): AsyncGenerator<readonly Frame[], void> {
  const { signal, onDamage } = options;
  const bell = new Bell(join(directory, MARK_NAME), signal);
  let next = options.fromSeq;
  let cursor: Cursor | undefined;
  try {
    while (!signal.aborted) {
      // Listened for before looking: a commit during the look ends the wait after it.
      const rung = bell.next();
      const read = await readMark(directory);
      const mark = read.kind === "mark" ? read.mark : null;
      let moved = false;
      if (mark === null || mark.nextSeq > next) {
        cursor ??= await findPlace(directory, next, mark, onDamage);
        for await (const frames of cursor?.readTo(mark, onDamage) ?? []) {
          if (signal.aborted) return;
          const wanted = frames[0]!.seq >= next ? frames : frames.filter((frame) => frame.seq >= next);
          if (wanted.length > 0) yield wanted;
          next = Math.max(next, frames.at(-1)!.seq + 1) as Seq;
          moved = true;
        }
        const onward: Cursor | undefined = cursor && (await moveOn(directory, cursor, mark, onDamage));
        if (onward !== undefined) {
          await cursor?.close();
          cursor = onward;
          moved = true;
        }
      }
      if (!moved) await rung;
    }
  } finally {
    bell.close();
    await cursor?.close();
  }
}

interface Place {
  readonly salt: Buffer | null;
  readonly due: Seq;
  readonly offset: number;
}

/** A place in an open segment. */
class Cursor {
  readonly segment: SegmentFile;
  readonly #directory: string;
  readonly #handle: FileHandle;
  readonly #salt: Buffer | null;
  /** The seq due here; after readTo, the one due next. */
  due: Seq;
  #offset: number;

  constructor(directory: string, segment: SegmentFile, handle: FileHandle, place: Place) {
    this.#directory = directory;
    this.segment = segment;
    this.#handle = handle;
    this.#salt = place.salt;
    this.due = place.due;
    this.#offset = place.offset;
  }

  /** The frames from here to what the mark says is durable. */
  async *readTo(mark: DurableMark | null, onDamage: (damage: Damage) => void): AsyncGenerator<Frame[], void> {
    const writing = mark !== null && mark.segment === this.segment.firstSeq;
    const limit = writing ? mark.offset : (await this.#handle.stat()).size;
    const file = this.segment.name;
    const range = { from: this.#offset, limit, nextSeq: this.due, salt: this.#salt };
    for await (const item of scanSegment(this.#handle, range)) {
      if (item.kind === "footer") return;
      if (item.kind === "block") {
        if (mark !== null && item.header.firstSeq >= mark.nextSeq) return;
        this.due = (item.header.firstSeq + item.header.count) as Seq;
        this.#offset = item.offset + item.bytes.length;
        yield decodeBlock(item.header, item.bytes.subarray(BLOCK_HEADER_BYTES));
      } else if (item.kind === "damage" || writing) {
        // Without a mark this was read as a file that nobody writes. If one began meanwhile, look again by its mark.
        if (mark === null && (await readMark(this.#directory)).kind === "mark") return;
        const { offset, length } = item;
        this.#offset = offset + length;
        onDamage({ file, offset, length, reason: "bytes that are no whole block", lost: null });
      }
    }
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** Opens the journal where `next` is, or at its oldest frame where that is gone. */
async function findPlace(
  directory: string,
  next: Seq,
  mark: DurableMark | null,
  onDamage: (damage: Damage) => void,
): Promise<Cursor | undefined> {
  const segments = await listSegments(directory);
  const holding = segments.findLast((segment) => segment.firstSeq <= next);
  const segment = holding ?? segments[0];
  if (segment === undefined) return undefined;
  if (segment.firstSeq > next) {
    const lost = { from: next, to: segment.firstSeq };
    onDamage({ file: segment.name, offset: 0, length: 0, reason: "the journal begins later", lost });
  }
  const { groups, salt } = await summarize(directory, segment, mark);
  const group = groups.findLast((candidate) => candidate.firstSeq <= next);
  const place = { salt, due: group?.firstSeq ?? segment.firstSeq, offset: group?.offset ?? SEGMENT_HEADER_BYTES };
  return new Cursor(directory, segment, await open(join(directory, segment.name), "r"), place);
}

/** The beginning of the next segment, once the writer has gone there. */
async function moveOn(
  directory: string,
  cursor: Cursor,
  mark: DurableMark | null,
  onDamage: (damage: Damage) => void,
): Promise<Cursor | undefined> {
  if (mark !== null && mark.segment <= cursor.segment.firstSeq) return undefined;
  const segments = await listSegments(directory);
  const segment = segments.find((candidate) => candidate.firstSeq > cursor.segment.firstSeq);
  if (segment === undefined) return undefined;
  const handle = await open(join(directory, segment.name), "r");
  const header = await readSegmentHeader(handle);
  const follows = header?.follows ?? segment.firstSeq;
  if (follows > cursor.due) {
    const lost = { from: cursor.due, to: follows };
    onDamage({ file: segment.name, offset: 0, length: 0, reason: "frames before this segment are missing", lost });
  }
  const place = { salt: header?.salt ?? null, due: segment.firstSeq, offset: SEGMENT_HEADER_BYTES };
  return new Cursor(directory, segment, handle, place);
}

/** Notices of the file system may be missed (network disks send none), so a tail also looks by itself this often. */
const LOOK_MILLIS = 100;

/** Rings when the mark may have moved. */
class Bell {
  readonly #path: string;
  readonly #signal: AbortSignal;
  readonly #onAbort = () => this.#ring();
  #watcher: FSWatcher | undefined;
  #rung = Promise.withResolvers<void>();
  #timer: NodeJS.Timeout | undefined;

  constructor(path: string, signal: AbortSignal) {
    this.#path = path;
    this.#signal = signal;
    signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** Resolves at the next ring after this call. */
  next(): Promise<void> {
    this.#rung = Promise.withResolvers<void>();
    this.#watcher ??= this.#watch();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ring(), LOOK_MILLIS);
    if (this.#signal.aborted) this.#ring();
    return this.#rung.promise;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#watcher?.close();
    this.#signal.removeEventListener("abort", this.#onAbort);
  }

  #ring(): void {
    this.#rung.resolve();
  }

  /** undefined where the mark is not there yet, or the system has no notices left to give: then the timer does. */
  #watch(): FSWatcher | undefined {
    try {
      const watcher = watch(this.#path, () => this.#ring());
      watcher.on("error", () => {
        watcher.close();
        this.#watcher = undefined;
      });
      return watcher;
    } catch {
      return undefined;
    }
  }
}
