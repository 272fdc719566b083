import { open } from "node:fs/promises";
import { join } from "node:path";
import type { Frame, Seq, UnixMicros } from "#model";
import { decodeBlock } from "./block.ts";
import { type Damage, JournalDamaged } from "./errors.ts";
import { BLOCK_HEADER_BYTES, type BlockHeader } from "./layout.ts";
import { type DurableMark, readMark } from "./mark.ts";
import { scanSegment } from "./scan.ts";
import { listSegments } from "./segments.ts";
import { type SegmentSummary, SummaryCache } from "./summary.ts";
import { tailJournal } from "./tail.ts";

export interface ReaderOptions {
  /**
   * Told of each damage met; reading then goes on after it. Without it, reading ends with JournalDamaged: a hole is
   * never passed over in silence.
   */
  readonly onDamage?: (damage: Damage) => void;
}

export interface ReadRange {
  readonly fromSeq?: Seq;
  /** Inclusive. */
  readonly toSeq?: Seq;
  /** By receivedAt, inclusive. Frames keep the order of their seq, also where the clock jumped. */
  readonly fromTime?: UnixMicros;
  readonly toTime?: UnixMicros;
}

export interface JournalSpan {
  readonly firstSeq: Seq;
  readonly lastSeq: Seq;
  /** The earliest and latest receivedAt of all frames; where the clock jumped not those of the first and last. */
  readonly firstReceivedAt: UnixMicros;
  readonly lastReceivedAt: UnixMicros;
  readonly frames: number;
}

export interface JournalReader {
  /** What is durable, as of opening or the latest read; null in a journal without frames. */
  readonly span: JournalSpan | null;
  /**
   * The durable frames of a range, a block's worth at a time. A frame's bytes are a view of its block (some 256 KiB):
   * copy those that are kept for long.
   */
  read(range?: ReadRange): AsyncIterable<readonly Frame[]>;
  /** What is durable from a seq on, then what becomes durable, until the signal aborts. Also across writers. */
  tail(range: { readonly fromSeq: Seq; readonly signal: AbortSignal }): AsyncIterable<readonly Frame[]>;
  close(): Promise<void>;
}

/**
 * Any number may read beside a writer, in any process. @throws JournalMissing where there is no such directory.
 */
export async function openJournalReader(directory: string, options: ReaderOptions = {}): Promise<JournalReader> {
  const reader = new SegmentReader(directory, options);
  await reader.refresh();
  return reader;
}

class SegmentReader implements JournalReader {
  readonly #directory: string;
  readonly #onDamage: (damage: Damage) => void;
  readonly #summaries: SummaryCache;
  readonly #closed = new AbortController();
  #span: JournalSpan | null = null;

  constructor(directory: string, options: ReaderOptions) {
    this.#directory = directory;
    this.#summaries = new SummaryCache(directory);
    this.#onDamage =
      options.onDamage ??
      ((damage) => {
        throw new JournalDamaged(damage);
      });
  }

  get span(): JournalSpan | null {
    return this.#span;
  }

  async *read(range: ReadRange = {}): AsyncGenerator<readonly Frame[], void> {
    const { summaries, mark } = await this.refresh();
    const lastDurable = mark === null ? Number.MAX_SAFE_INTEGER : mark.nextSeq - 1;
    const bounds: Bounds = {
      fromSeq: range.fromSeq ?? 0,
      toSeq: Math.min(range.toSeq ?? Number.MAX_SAFE_INTEGER, lastDurable),
      fromTime: range.fromTime ?? Number.MIN_SAFE_INTEGER,
      toTime: range.toTime ?? Number.MAX_SAFE_INTEGER,
    };
    let due: Seq | null = null;
    for (const summary of summaries) {
      this.#tellMissing(summary, due, bounds);
      due = summary.nextSeq;
      if (overlaps(bounds, summary)) yield* this.#readSegment(summary, bounds);
    }
  }

  tail({ fromSeq, signal }: { fromSeq: Seq; signal: AbortSignal }): AsyncGenerator<readonly Frame[], void> {
    const either = AbortSignal.any([signal, this.#closed.signal]);
    return tailJournal(this.#directory, { fromSeq, signal: either, onDamage: this.#onDamage });
  }

  async close(): Promise<void> {
    this.#closed.abort();
  }

  async refresh(): Promise<{ summaries: SegmentSummary[]; mark: DurableMark | null }> {
    const read = await readMark(this.#directory);
    const mark = read.kind === "mark" ? read.mark : null;
    const summaries: SegmentSummary[] = [];
    const segments = await listSegments(this.#directory);
    this.#summaries.keep(segments);
    for (const segment of segments) {
      if (mark !== null && segment.firstSeq >= mark.nextSeq) break;
      try {
        summaries.push(await this.#summaries.summarize(segment, mark));
      } catch (cause) {
        // The writer's budget may delete a segment between listing and opening it.
        if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
      }
    }
    this.#span = spanOf(summaries);
    return { summaries, mark };
  }

  #tellMissing(summary: SegmentSummary, due: Seq | null, bounds: Bounds): void {
    if (due === null || summary.follows <= due) return;
    if (due > bounds.toSeq || summary.follows <= bounds.fromSeq) return;
    const lost = { from: due, to: summary.follows };
    const reason = "frames before this segment are missing";
    this.#onDamage({ file: summary.segment.name, offset: 0, length: 0, reason, lost });
  }

  async *#readSegment(summary: SegmentSummary, bounds: Bounds): AsyncGenerator<readonly Frame[], void> {
    const file = summary.segment.name;
    for (const damage of summary.damage) this.#onDamage(damage);
    const handle = await open(join(this.#directory, file), "r");
    try {
      for (const { from, limit, nextSeq } of stretches(summary, bounds)) {
        const scan = scanSegment(handle, { from, limit, nextSeq, salt: summary.salt });
        for await (const item of scan) {
          if (item.kind === "block") {
            const past = summary.segment.endsBefore !== null && item.header.firstSeq >= summary.segment.endsBefore;
            const frames = past ? [] : this.#decode(item, bounds, file);
            if (frames.length > 0) yield frames;
          } else if (item.kind !== "footer" && summary.sealed) {
            // Of a segment that had to be walked, damage was told by its summary.
            const { offset, length } = item;
            this.#onDamage({ file, offset, length, reason: "bytes that are no whole block", lost: null });
          }
        }
      }
    } finally {
      await handle.close();
    }
  }

  #decode(block: { offset: number; header: BlockHeader; bytes: Buffer }, bounds: Bounds, file: string): Frame[] {
    const { header, bytes, offset } = block;
    const lastSeq = header.firstSeq + header.count - 1;
    if (header.firstSeq > bounds.toSeq || lastSeq < bounds.fromSeq) return [];
    if (header.minReceivedAt > bounds.toTime || header.maxReceivedAt < bounds.fromTime) return [];
    try {
      return cut(decodeBlock(header, bytes.subarray(BLOCK_HEADER_BYTES)), header, bounds);
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      const lost = { from: header.firstSeq, to: (lastSeq + 1) as Seq };
      this.#onDamage({ file, offset, length: bytes.length, reason: cause.message, lost });
      return [];
    }
  }
}

interface Bounds {
  readonly fromSeq: number;
  readonly toSeq: number;
  readonly fromTime: number;
  readonly toTime: number;
}

function overlaps(bounds: Bounds, { segment, nextSeq, receivedAt, damage }: SegmentSummary): boolean {
  if (segment.firstSeq > bounds.toSeq || nextSeq <= bounds.fromSeq) return false;
  if (receivedAt === null) return damage.length > 0;
  return receivedAt.min <= bounds.toTime && receivedAt.max >= bounds.fromTime;
}

/** The parts of a segment that a range can be in: neighbouring groups joined. */
function stretches(summary: SegmentSummary, bounds: Bounds): { from: number; limit: number; nextSeq: Seq }[] {
  const found: { from: number; limit: number; nextSeq: Seq }[] = [];
  for (const [index, group] of summary.groups.entries()) {
    const next = summary.groups[index + 1];
    if (group.firstSeq > bounds.toSeq || (next?.firstSeq ?? summary.nextSeq) <= bounds.fromSeq) continue;
    if (group.minReceivedAt > bounds.toTime || group.maxReceivedAt < bounds.fromTime) continue;
    const limit = next?.offset ?? summary.end;
    const last = found.at(-1);
    if (last?.limit === group.offset) last.limit = limit;
    else found.push({ from: group.offset, limit, nextSeq: group.firstSeq });
  }
  return found;
}

function cut(frames: Frame[], header: BlockHeader, bounds: Bounds): Frame[] {
  const whole =
    header.firstSeq >= bounds.fromSeq &&
    header.firstSeq + header.count - 1 <= bounds.toSeq &&
    header.minReceivedAt >= bounds.fromTime &&
    header.maxReceivedAt <= bounds.toTime;
  if (whole) return frames;
  return frames.filter(
    ({ seq, receivedAt }) =>
      seq >= bounds.fromSeq && seq <= bounds.toSeq && receivedAt >= bounds.fromTime && receivedAt <= bounds.toTime,
  );
}

function spanOf(summaries: readonly SegmentSummary[]): JournalSpan | null {
  const filled = summaries.filter((summary) => summary.receivedAt !== null);
  const first = filled[0];
  const last = filled.at(-1);
  if (first === undefined || last === undefined) return null;
  return {
    firstSeq: first.groups[0]?.firstSeq ?? first.segment.firstSeq,
    lastSeq: (last.nextSeq - 1) as Seq,
    firstReceivedAt: Math.min(...filled.map((summary) => summary.receivedAt!.min)) as UnixMicros,
    lastReceivedAt: Math.max(...filled.map((summary) => summary.receivedAt!.max)) as UnixMicros,
    frames: filled.reduce((sum, summary) => sum + summary.frames, 0),
  };
}
