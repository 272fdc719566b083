import { type BookState, Prover } from "#book";
import type { FrameSource, Gap, InstrumentId, UnixMicros, Verdict } from "#model";
import { HOUR, MINUTE, SECOND } from "#model";
import { Cuts, type MarketBook, RecordedGaps, timeline } from "#timeline";

/** A book as it was known at a moment, and how far it can be trusted. */
export interface BookAt {
  readonly book: BookState;
  readonly verdict: Verdict;
  /** Gaps that were open at the moment and concern this instrument. */
  readonly openGaps: readonly Gap[];
}

/** The messages of a batch come within milliseconds of each other. */
const LONGEST_BATCH = 2 * SECOND;
/** How far before the moment reading begins, until a book is found there. */
const LOOK_BACK = [2 * MINUTE, 20 * MINUTE, 3 * HOUR, Number.POSITIVE_INFINITY];

/**
 * The book of an instrument with everything received up to and including `at`, and nothing later: the nearest whole book
 * before it, then the changes. Undefined where no book had been received by then. `markets` must know no later answer
 * either: the digest covers fields that only the catalog has.
 */
export async function bookAt(
  source: FrameSource,
  markets: MarketBook,
  instrument: InstrumentId,
  at: UnixMicros,
): Promise<BookAt | undefined> {
  const first = source.span?.firstReceivedAt;
  if (first === undefined || at < first) return undefined;
  for (const lookBack of LOOK_BACK) {
    const from = Math.max(first, at - lookBack) as UnixMicros;
    const found = await rebuild(source, markets, instrument, from, at);
    if (found.book && (found.anchored || from === first)) return found.book;
    if (from === first) return undefined;
  }
  return undefined;
}

/** `anchored`: an opening dump lies within, so that nothing before it matters, not even for the digest. */
async function rebuild(
  source: FrameSource,
  markets: MarketBook,
  instrument: InstrumentId,
  from: UnixMicros,
  at: UnixMicros,
): Promise<{ book: BookAt | undefined; anchored: boolean }> {
  const market = markets.ofInstrument(instrument);
  const prover = new Prover({
    facts: () => market && { minOrderSize: market.minOrderSize, negRisk: market.negRisk },
  });
  const recorded = new RecordedGaps();
  const cuts = new Cuts();
  let anchored = false;
  let own: string | undefined;
  for await (const steps of timeline(source, { fromTime: from, toTime: at })) {
    for (const { frame, knownAt, events } of steps) {
      recorded.learn(frame);
      for (const cut of cuts.learn(frame, events)) prover.invalidate(cut);
      for (const event of events) {
        if (event.kind === "book" && event.instrument === instrument) {
          own = event.market;
          anchored ||= event.lastTradePrice !== undefined;
        }
        // Only this market's messages: its other outcome shares the last trade price.
        if ("market" in event && (own === undefined || event.market === own))
          prover.apply(event, { seq: frame.seq, receivedAt: knownAt });
      }
    }
  }
  const book = prover.book(instrument);
  if (!book) return { book: undefined, anchored };
  const isOver = at - book.receivedAt > LONGEST_BATCH;
  const concerns = (gap: Gap) => gap.instruments.length === 0 || gap.instruments.includes(instrument);
  const openGaps = [...recorded.all(), ...prover.gaps()].filter((gap) => gap.to === null && concerns(gap));
  return { book: { book, verdict: prover.verdictNow(instrument, isOver), openGaps }, anchored };
}
