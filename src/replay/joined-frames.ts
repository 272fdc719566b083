import { type Damage, JournalDamaged, type JournalReader } from "#journal";
import type { Frame, FrameRange, FrameSource, Seq, UnixMicros } from "#model";
import type { ArchivedHours, SeqSpan } from "./archived-hours.ts";

/*
 * One recording lies in two places: closed hours in the archive, the rest in the journal. Hours move from the one to the
 * other while somebody reads, and the journal's segments go once the archive has them. So reading goes by seq alone: what
 * the archive has comes from it, the rest from the journal, and where the journal turns out to lack something, the archive
 * is looked at again before it counts as lost.
 */
export class JoinedFrames implements FrameSource {
  readonly #archive: ArchivedHours | null;
  readonly #journal: JournalReader | null;
  readonly #onDamage: (damage: Damage) => void;
  /** What the journal told and the archive may yet make good. */
  #told: Damage[] = [];

  /** The journal's reader must have been opened with `onDamage` calling `learnDamage` of this. */
  constructor(parts: {
    readonly archive: ArchivedHours | null;
    readonly journal: JournalReader | null;
    /** Without it, reading ends with JournalDamaged. */
    readonly onDamage?: ((damage: Damage) => void) | undefined;
  }) {
    this.#archive = parts.archive;
    this.#journal = parts.journal;
    this.#onDamage =
      parts.onDamage ??
      ((damage) => {
        throw new JournalDamaged(damage);
      });
  }

  learnDamage(damage: Damage): void {
    this.#told.push(damage);
  }

  get span(): SeqSpan | null {
    const packed = this.#archive?.span ?? null;
    const rest = this.#journal?.span ?? null;
    if (packed === null || rest === null) return packed ?? rest;
    const beyond = rest.lastSeq - Math.max(rest.firstSeq - 1, packed.lastSeq);
    return {
      firstSeq: Math.min(packed.firstSeq, rest.firstSeq) as Seq,
      lastSeq: Math.max(packed.lastSeq, rest.lastSeq) as Seq,
      firstReceivedAt: Math.min(packed.firstReceivedAt, rest.firstReceivedAt) as UnixMicros,
      lastReceivedAt: Math.max(packed.lastReceivedAt, rest.lastReceivedAt) as UnixMicros,
      frames: packed.frames + Math.max(0, beyond),
    };
  }

  /** Everything durable in the range, by seq; what becomes durable meanwhile may be in it. */
  async *read(range: FrameRange = {}): AsyncGenerator<readonly Frame[], void> {
    const place = { next: (range.fromSeq ?? 0) as Seq };
    for (;;) {
      await this.#archive?.refresh();
      yield* this.#fromArchive(range, place);
      const vanished = yield* this.#fromJournal(this.#journal?.read({ ...range, fromSeq: place.next }), range, place);
      await this.#archive?.refresh();
      if (place.next > (range.toSeq ?? Number.MAX_SAFE_INTEGER) || !this.#isArchived(place.next)) {
        this.#tellDamage();
        if (vanished !== null) throw vanished;
        return;
      }
    }
  }

  /** What is durable from a seq on, then what becomes durable, until the signal aborts. Holds one block at a time. */
  async *tail({ fromSeq, signal }: { fromSeq: Seq; signal: AbortSignal }): AsyncGenerator<readonly Frame[], void> {
    const place = { next: fromSeq };
    while (!signal.aborted) {
      await this.#archive?.refresh();
      yield* this.#fromArchive({}, place, signal);
      if (this.#journal === null) return;
      const vanished = yield* this.#fromJournal(this.#journal.tail({ fromSeq: place.next, signal }), {}, place);
      if (vanished === null) return;
      await this.#archive?.refresh();
      if (!this.#isArchived(place.next)) throw vanished;
    }
  }

  /** The range's past, then what becomes durable, as one source: its `read` ends only when the signal aborts. */
  live(signal: AbortSignal): FrameSource {
    const joined = this;
    return {
      get span() {
        return joined.span;
      },
      read: (range) => joined.#readOn(range ?? {}, signal),
    };
  }

  async *#readOn({ toSeq, toTime, ...range }: FrameRange, signal: AbortSignal): AsyncGenerator<readonly Frame[], void> {
    const fromTime = range.fromTime ?? 0;
    let next = range.fromSeq ?? 0;
    for await (const frames of this.read(range)) {
      if (signal.aborted) return;
      next = frames.at(-1)!.seq + 1;
      yield frames;
    }
    if (next === 0) next = (this.span?.lastSeq ?? -1) + 1;
    for await (const frames of this.tail({ fromSeq: next as Seq, signal })) {
      const wanted = frames.filter(({ receivedAt }) => receivedAt >= fromTime);
      if (wanted.length > 0) yield wanted;
    }
  }

  async close(): Promise<void> {
    await this.#journal?.close();
    await this.#archive?.close();
  }

  #isArchived(seq: Seq): boolean {
    const span = this.#archive?.span ?? null;
    return span !== null && seq <= span.lastSeq;
  }

  async *#fromArchive(range: FrameRange, place: Place, signal?: AbortSignal): AsyncGenerator<readonly Frame[], void> {
    const span = this.#archive?.span ?? null;
    if (this.#archive === null || span === null || place.next > span.lastSeq) return;
    const isAfter = (range.fromTime ?? 0) > span.lastReceivedAt;
    const toSeq = Math.min(range.toSeq ?? span.lastSeq, span.lastSeq) as Seq;
    if (!isAfter) {
      for await (const frames of this.#archive.read({ ...range, fromSeq: place.next, toSeq })) {
        if (signal?.aborted) return;
        if (frames.length > 0) yield frames;
      }
    }
    place.next = (toSeq + 1) as Seq;
  }

  /** Returns why a file of the journal could not be opened, where somebody took it away meanwhile. */
  async *#fromJournal(
    batches: AsyncIterable<readonly Frame[]> | undefined,
    range: FrameRange,
    place: Place,
  ): AsyncGenerator<readonly Frame[], Error | null> {
    if (batches === undefined) return null;
    const begin = place.next;
    const { toSeq, ...rest } = range;
    try {
      for await (const frames of batches) {
        const first = frames[0]!.seq;
        if (first > place.next && (await this.#hasNow(place.next))) {
          yield* this.#fromArchive({ ...rest, toSeq: (first - 1) as Seq }, place);
        } else if (place.next === begin && isWhole(range)) this.#tellSeam(place.next, first);
        this.#tellDamage();
        const fresh = frames.filter((frame) => frame.seq >= place.next);
        place.next = Math.max(place.next, frames.at(-1)!.seq + 1) as Seq;
        if (fresh.length > 0) yield fresh;
      }
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
      return cause as Error;
    }
    return null;
  }

  async #hasNow(seq: Seq): Promise<boolean> {
    await this.#archive?.refresh();
    return this.#isArchived(seq);
  }

  /** Between archive and journal something is missing: the journal's budget ran out before the hour was packed. */
  #tellSeam(due: Seq, first: Seq): void {
    const span = this.#archive?.span ?? null;
    if (span === null || due !== span.lastSeq + 1 || first <= due) return;
    const reason = "frames between the archive and the journal are missing";
    this.#onDamage({ file: "journal", offset: 0, length: 0, reason, lost: { from: due, to: first } });
  }

  /** Tells what was met, but for frames that the journal lacks because the archive has them. */
  #tellDamage(): void {
    if (this.#told.length === 0) return;
    const told = this.#told;
    this.#told = [];
    for (const damage of told) {
      const moved = damage.length === 0 && damage.lost !== null && this.#isArchived((damage.lost.to - 1) as Seq);
      if (!moved) this.#onDamage(damage);
    }
  }
}

interface Place {
  next: Seq;
}

/** Whether a seq that does not come is a seq that is not there. */
function isWhole({ fromTime, toTime }: FrameRange): boolean {
  return fromTime === undefined && toTime === undefined;
}
