import { type BookState, Prover } from "#book";
import type { BookSnapshot, FrameSource, Gap, InstrumentId, MarketId, UnixMicros, Verdict } from "#model";
import { HOUR, MINUTE, SECOND } from "#model";
import { Cuts, type MarketBook, RecordedGaps, timeline } from "#timeline";

/** A book as it was known at a moment, and how far it can be trusted. */
export interface BookAt {
  readonly book: BookState;
  readonly verdict: Verdict;
  /** Gaps that were open at the moment and concern this instrument. */
  readonly openGaps: readonly Gap[];
}

/** A book that was had elsewhere, with everything known up to `at`: what came later is applied to it. */
export interface BookSeed {
  readonly at: UnixMicros;
  readonly book: BookSnapshot;
  readonly seq: BookState["seq"];
  readonly receivedAt: UnixMicros;
}

/** Catalog facts that the digest covers. Must know no later answer. */
export type KnownMarkets = Pick<MarketBook, "ofInstrument">;

/** The messages of a batch come within milliseconds of each other. */
const LONGEST_BATCH = 2 * SECOND;
/** How far before the moment reading begins, until a book is found there. */
const LOOK_BACK = [2 * MINUTE, 20 * MINUTE, 3 * HOUR, Number.POSITIVE_INFINITY];
/** How far before a seed reading begins, so that a late copy of what is in it is known as one. */
export const MERGE_CONTEXT = 10 * SECOND;

/**
 * The book of an instrument with everything received up to and including `at`, and nothing later: the nearest whole book
 * before it, then the changes. Undefined where no book had been received by then. `markets` must know no later answer
 * either: the digest covers fields that only the catalog has.
 */
export async function bookAt(
  source: FrameSource,
  markets: KnownMarkets,
  instrument: InstrumentId,
  at: UnixMicros,
): Promise<BookAt | undefined> {
  return (await booksAt(source, markets, [instrument], at)).get(instrument);
}

/** The same for several instruments in one reading; those without a book by then are not in it. */
export async function booksAt(
  source: FrameSource,
  markets: KnownMarkets,
  instruments: readonly InstrumentId[],
  at: UnixMicros,
  recorded?: readonly Gap[],
): Promise<Map<InstrumentId, BookAt>> {
  const found = new Map<InstrumentId, BookAt>();
  const first = source.span?.firstReceivedAt;
  if (first === undefined || at < first) return found;
  let missing = instruments;
  for (const lookBack of LOOK_BACK) {
    const from = Math.max(first, at - lookBack) as UnixMicros;
    const rebuilt = new Rebuild(markets, missing);
    await rebuilt.read(source, from, at);
    for (const instrument of missing) {
      const book = rebuilt.bookAt(instrument, at, recorded);
      if (book && (rebuilt.anchored.has(instrument) || from === first)) found.set(instrument, book);
    }
    missing = missing.filter((instrument) => !found.has(instrument));
    if (missing.length === 0 || from === first) break;
  }
  return found;
}

/** The book that a seed became by `at`. */
export async function bookSince(
  source: FrameSource,
  markets: KnownMarkets,
  seed: BookSeed,
  at: UnixMicros,
  recorded?: readonly Gap[],
): Promise<BookAt | undefined> {
  const { instrument } = seed.book;
  const rebuilt = new Rebuild(markets, [instrument]);
  rebuilt.plant(seed);
  await rebuilt.read(source, (seed.at - MERGE_CONTEXT) as UnixMicros, at, seed.at);
  return rebuilt.bookAt(instrument, at, recorded);
}

/** Books made anew from a part of a recording. */
class Rebuild {
  /** Whose opening dump lies within, so that nothing before it matters, not even for the digest. */
  readonly anchored = new Set<InstrumentId>();
  readonly #wanted: ReadonlySet<InstrumentId>;
  readonly #prover: Prover;
  readonly #recorded = new RecordedGaps();
  readonly #cuts = new Cuts();
  /** Markets of the wanted instruments; until all are known, any market's messages are applied. */
  readonly #own = new Set<MarketId>();
  #strangers: number;

  constructor(markets: KnownMarkets, instruments: readonly InstrumentId[]) {
    this.#wanted = new Set(instruments);
    this.#strangers = this.#wanted.size;
    this.#prover = new Prover({
      facts: (instrument) => {
        const market = markets.ofInstrument(instrument);
        return market && { minOrderSize: market.minOrderSize, negRisk: market.negRisk };
      },
    });
  }

  plant({ book, seq, receivedAt }: BookSeed): void {
    this.#meet(book);
    this.#prover.apply(book, { seq, receivedAt });
  }

  /** Applies what was known after `after` (default: all) and up to `to`. */
  async read(source: FrameSource, from: UnixMicros, to: UnixMicros, after = 0): Promise<void> {
    const range = { fromTime: from, toTime: to, instruments: this.#wanted };
    for await (const steps of timeline(source, range)) {
      for (const { frame, knownAt, events } of steps) {
        this.#recorded.learn(frame);
        for (const cut of this.#cuts.learn(frame, events)) this.#prover.invalidate(cut);
        if (knownAt <= after) continue;
        for (const event of events) {
          if (event.kind === "book" && this.#wanted.has(event.instrument)) this.#meet(event);
          // Only these markets' messages: a market's other outcome shares the last trade price.
          if ("market" in event && (this.#strangers > 0 || this.#own.has(event.market as MarketId)))
            this.#prover.apply(event, { seq: frame.seq, receivedAt: knownAt });
        }
      }
    }
  }

  bookAt(instrument: InstrumentId, at: UnixMicros, recorded?: readonly Gap[]): BookAt | undefined {
    const book = this.#prover.book(instrument);
    if (!book) return undefined;
    const verdict = this.#prover.verdictNow(instrument, at - book.receivedAt > LONGEST_BATCH);
    const gaps = recorded ?? this.#recorded.all().filter((gap) => gap.cause !== "contradiction");
    // A state that agrees with the venue ends a contradiction, though its run is not over yet.
    const contradictions = agrees(verdict) ? [] : this.#prover.gaps();
    return { book, verdict, openGaps: openGapsOf(instrument, [...gaps, ...contradictions]) };
  }

  #meet(book: BookSnapshot): void {
    if (book.lastTradePrice !== undefined) this.anchored.add(book.instrument);
    if (this.#met.has(book.instrument)) return;
    this.#met.add(book.instrument);
    this.#own.add(book.market);
    this.#strangers--;
  }

  readonly #met = new Set<InstrumentId>();
}

export function agrees(verdict: Verdict): boolean {
  return verdict === "proven" || verdict === "inferred";
}

/** Those that are open and concern the instrument. */
export function openGapsOf(instrument: InstrumentId, gaps: readonly Gap[]): readonly Gap[] {
  return gaps.filter(
    (gap) => gap.to === null && (gap.instruments.length === 0 || gap.instruments.includes(instrument)),
  );
}
