import type { Frame, FrameRange, MarketId } from "#model";
import type { PackFile } from "./pack-file.ts";
import type { ChunkEntry } from "./pack-layout.ts";

/** Frames of a batch: enough to make the crossing from one await to the next cheap. */
const BATCH = 1_024;

export interface PackRange extends Omit<FrameRange, "instruments"> {
  /** Only these markets' chunks, and the rest. */
  readonly markets?: ReadonlySet<MarketId>;
}

interface Cursor {
  readonly frames: readonly Frame[];
  at: number;
}

/**
 * The frames of a pack in the order of their seq. Chunks are opened when their first frame is due and dropped after their
 * last; how many overlap is bounded by the packer.
 */
export async function* packFrames(pack: PackFile, range: PackRange = {}): AsyncGenerator<readonly Frame[], void> {
  const due = entriesOf(pack, range).sort((a, b) => a.entry.firstSeq - b.entry.firstSeq);
  const cursors = new CursorHeap();
  let batch: Frame[] = [];
  for (let next = 0; next < due.length || cursors.size > 0; ) {
    const waiting = due[next];
    if (waiting && (cursors.size === 0 || waiting.entry.firstSeq <= cursors.firstSeq)) {
      const { entry, isRest } = waiting;
      cursors.add({ frames: isRest ? await pack.rest(entry) : (await pack.chunk(entry)).frames(), at: 0 });
      next++;
      continue;
    }
    const frame = cursors.take();
    if (isIn(range, frame)) batch.push(frame);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

function entriesOf(pack: PackFile, range: PackRange): { entry: ChunkEntry; isRest: boolean }[] {
  const { markets, rest } = pack.directory;
  const wanted = markets.filter(({ market }) => range.markets?.has(market) ?? true);
  const all = [
    ...wanted.flatMap(({ chunks }) => chunks.map((entry) => ({ entry, isRest: false }))),
    ...rest.map((entry) => ({ entry, isRest: true })),
  ];
  return all.filter(({ entry }) => entry.frames > 0 && overlaps(range, entry));
}

export function overlaps(
  { fromSeq, toSeq, fromTime, toTime }: PackRange,
  span: Pick<ChunkEntry, "firstSeq" | "lastSeq" | "firstReceivedAt" | "lastReceivedAt">,
): boolean {
  return (
    span.lastSeq >= (fromSeq ?? Number.NEGATIVE_INFINITY) &&
    span.firstSeq <= (toSeq ?? Number.POSITIVE_INFINITY) &&
    span.lastReceivedAt >= (fromTime ?? Number.NEGATIVE_INFINITY) &&
    span.firstReceivedAt <= (toTime ?? Number.POSITIVE_INFINITY)
  );
}

function isIn(range: PackRange, { seq, receivedAt }: Frame): boolean {
  return overlaps(range, { firstSeq: seq, lastSeq: seq, firstReceivedAt: receivedAt, lastReceivedAt: receivedAt });
}

/** Chunks being read, the one with the least seq first: a binary heap. */
class CursorHeap {
  readonly #cursors: Cursor[] = [];

  get size(): number {
    return this.#cursors.length;
  }

  get firstSeq(): number {
    return seqOf(this.#cursors[0]!);
  }

  add(cursor: Cursor): void {
    if (cursor.frames.length === 0) return;
    const cursors = this.#cursors;
    let index = cursors.length;
    cursors.push(cursor);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (seqOf(cursors[parent]!) <= seqOf(cursor)) break;
      cursors[index] = cursors[parent]!;
      index = parent;
    }
    cursors[index] = cursor;
  }

  take(): Frame {
    const first = this.#cursors[0]!;
    const frame = first.frames[first.at++]!;
    const moved = first.at < first.frames.length ? first : this.#cursors.pop()!;
    if (moved !== first || first.at < first.frames.length) this.#sink(moved);
    return frame;
  }

  /** Puts a cursor in at the top. */
  #sink(cursor: Cursor): void {
    const cursors = this.#cursors;
    let index = 0;
    for (;;) {
      let child = index * 2 + 1;
      if (child >= cursors.length) break;
      if (child + 1 < cursors.length && seqOf(cursors[child + 1]!) < seqOf(cursors[child]!)) child++;
      if (seqOf(cursors[child]!) >= seqOf(cursor)) break;
      cursors[index] = cursors[child]!;
      index = child;
    }
    cursors[index] = cursor;
  }
}

function seqOf({ frames, at }: Cursor): number {
  return frames[at]!.seq;
}
