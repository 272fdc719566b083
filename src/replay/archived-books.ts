import type { InstrumentCheckpoint, MarketCheckpoint } from "#archive";
import { type BookState, Ladder } from "#book";
import type { BookSnapshot, InstrumentId, MarketId, PriceMicros, UnixMicros } from "#model";
import { SECOND } from "#model";
import type { ArchivedHours } from "./archived-hours.ts";
import { agrees, type BookAt, type BookSeed } from "./book-at.ts";

/** A frame near the end of the archive may yet have to stand behind one of the journal. */
const UNSETTLED = 5 * SECOND;
const USUAL_TICK = 10_000 as PriceMicros;

/** Up to when the archive alone can tell what was known; 0: never. */
export function archivedUntil(archive: ArchivedHours | null): UnixMicros {
  const last = archive?.span?.lastReceivedAt;
  return (last === undefined ? 0 : last - UNSETTLED) as UnixMicros;
}

/**
 * The book from the archive's checkpoints, without a gap of its own: undefined where there is none, and where the state
 * disagreed with the venue, since only the frames can tell since when.
 */
export async function archivedBook(
  archive: ArchivedHours,
  market: MarketId,
  instrument: InstrumentId,
  at: UnixMicros,
): Promise<BookAt | undefined> {
  const [found, state] = [await archive.bookAt(instrument, at), await archive.stateAt(market, at)];
  if (!found || !state || !(agrees(found.verdict) || found.checkpoint.digest === "")) return undefined;
  return { book: bookOf(found.checkpoint, state), verdict: found.verdict, openGaps: [] };
}

/** The archive's last word on a book, to go on from with the journal; undefined where it is not a proven one. */
export async function seedOf(
  archive: ArchivedHours,
  market: MarketId,
  instrument: InstrumentId,
  at: UnixMicros,
): Promise<BookSeed | undefined> {
  const [found, state] = [await archive.bookAt(instrument, at), await archive.stateAt(market, at)];
  // Only of a proven one everything that the digest covers is known to have been shown.
  if (found?.verdict !== "proven" || state?.lastTradePrice === undefined) return undefined;
  const { seq, receivedAt } = found.checkpoint;
  return { at, seq, receivedAt, book: snapshotOf(found.checkpoint, state) };
}

function bookOf(checkpoint: InstrumentCheckpoint, { market, lastTradePrice }: MarketCheckpoint): BookState {
  const { instrument, bids, asks, tickSize, sentAt, digest, seq, receivedAt } = checkpoint;
  const ladder = new Ladder(tickSize ?? USUAL_TICK);
  ladder.replace(bids, asks);
  const shown = { lastTradePrice, tickSize: tickSize ?? undefined };
  return { instrument, market, ladder, sentAt, digest, seq, receivedAt, ...shown };
}

function snapshotOf(checkpoint: InstrumentCheckpoint, { market, lastTradePrice }: MarketCheckpoint): BookSnapshot {
  const { instrument, bids, asks, tickSize, minOrderSize, negRisk, sentAt, digest } = checkpoint;
  return {
    kind: "book",
    market,
    instrument,
    sentAt,
    digest,
    bids,
    asks,
    ...(tickSize === null ? {} : { tickSize }),
    ...(minOrderSize === null ? {} : { minOrderSize }),
    ...(negRisk === null ? {} : { negRisk }),
    ...(lastTradePrice === undefined ? {} : { lastTradePrice }),
  };
}
