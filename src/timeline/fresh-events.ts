import type { InstrumentId, PriceChange, UnixMicros, VenueEvent } from "#model";

/*
 * In a merged stream one socket's opening dump stands between changes that the other socket had already shown before it.
 * Venue time never runs backwards within an instrument (175,829 recorded books), so a change that is older than the
 * instrument's book is already in it: applying it would turn the book back.
 */
export class FreshEvents {
  readonly #newest: Map<InstrumentId, UnixMicros>;

  /** `newest`: from where another's stream goes on. */
  constructor(newest: Iterable<readonly [InstrumentId, UnixMicros]> = []) {
    this.#newest = new Map(newest);
  }

  /** The venue time of each instrument's newest event, to go on from. */
  newest(): Iterable<readonly [InstrumentId, UnixMicros]> {
    return this.#newest;
  }

  /** The event without what is older than the books it is about; undefined where nothing is left. */
  of(event: VenueEvent): VenueEvent | undefined {
    if (event.kind === "book") return this.#isFresh(event.instrument, event.sentAt) ? event : undefined;
    if (event.kind === "price_change") return this.#freshChanges(event);
    return event;
  }

  #freshChanges(event: PriceChange): PriceChange | undefined {
    let stale = 0;
    for (const change of event.changes) if (!this.#isFresh(change.instrument, event.sentAt)) stale++;
    if (stale === 0) return event;
    if (stale === event.changes.length) return undefined;
    return { ...event, changes: event.changes.filter((change) => this.#isFresh(change.instrument, event.sentAt)) };
  }

  #isFresh(instrument: InstrumentId, sentAt: UnixMicros): boolean {
    const newest = this.#newest.get(instrument);
    if (newest !== undefined && sentAt < newest) return false;
    this.#newest.set(instrument, sentAt);
    return true;
  }
}
