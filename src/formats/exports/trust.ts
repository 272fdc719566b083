import type { Gap, InstrumentId, UnixMicros } from "#model";

/**
 * Whether a book may be believed at a moment: no gap covers it, neither one that was recorded nor one found on the way,
 * and its stream was not cut since its last whole book.
 */
export class Trust {
  readonly #ofAll: Gap[];
  readonly #gaps = new Map<InstrumentId, Map<string, Gap>>();
  readonly #cutAt = new Map<InstrumentId, UnixMicros>();

  /** Contradictions that a recorder saw on one socket may be whole in the merged stream: those found now stand for them. */
  constructor(recorded: readonly Gap[]) {
    const counted = recorded.filter(({ cause }) => cause !== "contradiction");
    this.#ofAll = counted.filter(({ instruments }) => instruments.length === 0);
    for (const gap of counted) this.learn(gap);
  }

  /** Takes a gap in its present state. */
  learn(gap: Gap): void {
    for (const instrument of gap.instruments) {
      const own = this.#gaps.get(instrument) ?? new Map<string, Gap>();
      this.#gaps.set(instrument, own.set(gap.id, gap));
    }
  }

  cut(instrument: InstrumentId, at: UnixMicros): void {
    if (!this.#cutAt.has(instrument)) this.#cutAt.set(instrument, at);
  }

  /** A whole book came, or a digest agreed. */
  heal(instrument: InstrumentId): void {
    this.#cutAt.delete(instrument);
  }

  at(instrument: InstrumentId, at: UnixMicros): boolean {
    const cut = this.#cutAt.get(instrument);
    if (cut !== undefined && at >= cut) return false;
    for (const gap of this.#concerning(instrument)) if (at > gap.from && (gap.to === null || at < gap.to)) return false;
    return true;
  }

  /** Where belief in the book was first lost within (after, upTo]; null where it was not. */
  lostWithin(instrument: InstrumentId, after: UnixMicros, upTo: UnixMicros): UnixMicros | null {
    let first: UnixMicros | null = null;
    const consider = (at: UnixMicros): void => {
      if (at >= after && at <= upTo && (first === null || at < first)) first = at;
    };
    for (const gap of this.#concerning(instrument)) if (gap.from < upTo) consider(gap.from);
    const cut = this.#cutAt.get(instrument);
    if (cut !== undefined) consider(cut);
    return first;
  }

  /** Every gap in its last state. */
  all(): readonly Gap[] {
    const byId = new Map(this.#ofAll.map((gap) => [gap.id, gap]));
    for (const own of this.#gaps.values()) for (const gap of own.values()) byId.set(gap.id, gap);
    return [...byId.values()].sort((a, b) => a.from - b.from);
  }

  *#concerning(instrument: InstrumentId): Iterable<Gap> {
    yield* this.#ofAll;
    yield* this.#gaps.get(instrument)?.values() ?? [];
  }
}
