import type { Digest, PriceMicros, SizeMicros, Verdict } from "#model";
import { bookDigest, type DigestFields } from "./digest.ts";
import type { InstrumentFacts, InstrumentState, KnownTick, Run } from "./instrument-state.ts";
import { shownSince } from "./last-trade.ts";
import { type SearchedFields, searchLastTrade } from "./last-trade-search.ts";

/** A verdict, and what it rests on. */
export interface Judgement {
  readonly verdict: Verdict;
  /** Whether our book's digest was the venue's, for some fields. */
  readonly agrees: boolean;
  /** Fields that no frame had shown and a search found. */
  readonly found?: SearchedFields;
  /** The tick that was known to no one and made the digest agree. */
  readonly guessedTick?: PriceMicros;
  /** The digest of our book with the likeliest fields, where it disagreed. */
  readonly computed?: Digest;
}

export type SearchDepth = "full" | "near" | "off";

// What the recurring up/down markets have. Tried where neither a frame nor a catalog said otherwise.
const USUAL_MIN_ORDER_SIZE = 5_000_000 as SizeMicros;
const USUAL_TICKS = [10_000 as PriceMicros, 1_000 as PriceMicros];

export const UNPROVABLE: Judgement = { verdict: "unprovable", agrees: false };

/** Holds a book against the digest of its run. Changes nothing. */
export function judge(
  state: InstrumentState,
  run: Run,
  facts: InstrumentFacts | undefined,
  search: SearchDepth,
): Judgement {
  if (!state.opened || run.digest === "") return UNPROVABLE;
  const minOrderSize = state.minOrderSize ?? facts?.minOrderSize;
  const negRisk = state.negRisk ?? facts?.negRisk;
  const ticks = likelyTicks(state, run);
  const fields: DigestFields = {
    market: state.market.id,
    instrument: state.instrument,
    sentAt: run.sentAt,
    minOrderSize: minOrderSize ?? USUAL_MIN_ORDER_SIZE,
    negRisk: negRisk ?? false,
    tickSize: ticks[0]?.size ?? (USUAL_TICKS[0] as PriceMicros),
    lastTradePrice: run.lastTrade?.price ?? null,
  };
  const byShown = agreeWithKnown(state, run, ticks, fields);
  if (byShown !== undefined) return byShown;
  const found = search === "off" ? undefined : searchFields(state, run, ticks, fields, search);
  if (found !== undefined) return { verdict: "inferred", agrees: true, found };
  // Fields that were only guessed and never confirmed, or never known and not searched for, contradict nothing.
  const guessed = minOrderSize === undefined || negRisk === undefined || ticks.length === 0;
  const unknown = run.lastTrade === undefined && search !== "full";
  if (state.doubtful || unknown || (guessed && !state.confirmed)) return UNPROVABLE;
  return { verdict: "contradicted", agrees: false, computed: bookDigest(state.ladder, fields) };
}

/** The last trade price that held at the frame; then those published since, for a trade may come after its book. */
function agreeWithKnown(
  state: InstrumentState,
  run: Run,
  ticks: readonly KnownTick[],
  fields: DigestFields,
): Judgement | undefined {
  const values = run.lastTrade === undefined ? [] : [run.lastTrade];
  for (const value of [...values, ...shownSince(state.market, run.lastTrade)]) {
    const agrees = (tickSize: PriceMicros): boolean =>
      bookDigest(state.ladder, { ...fields, lastTradePrice: value.price, tickSize }) === run.digest;
    for (const tick of ticks) {
      if (agrees(tick.size)) return { verdict: value.shown && tick.shown ? "proven" : "inferred", agrees: true };
    }
    if (ticks.length > 0) continue;
    for (const guessedTick of USUAL_TICKS) {
      if (agrees(guessedTick)) return { verdict: value.shown ? "proven" : "inferred", agrees: true, guessedTick };
    }
  }
  return undefined;
}

function searchFields(
  state: InstrumentState,
  run: Run,
  ticks: readonly KnownTick[],
  fields: DigestFields,
  search: "full" | "near",
): SearchedFields | undefined {
  const known = ticks.map((tick) => tick.size);
  const isWide = search === "full" && isWideTurn(state.disagreed);
  return searchLastTrade({
    ladder: state.ladder,
    digest: run.digest,
    fields,
    known: run.lastTrade?.price,
    // Some recordings lack the message that changed the tick.
    ticks: isWide || known.length === 0 ? [...new Set([...known, ...USUAL_TICKS])] : known,
    everywhere: isWide,
  });
}

/**
 * In a broken stretch every state disagrees, and a search everywhere costs a thousand digests. So it is made at the
 * first, 2nd, 3rd, 5th, 9th, … state that disagrees and then at each 64th: some ten times, then as much again as the
 * search nearby, which is always made. An unusual price ends a broken stretch at most 64 states late.
 */
function isWideTurn(disagreed: number): boolean {
  return disagreed < 64 ? (disagreed & (disagreed - 1)) === 0 : disagreed % 64 === 0;
}

/** The tick at the frame, and one told since; none where nobody ever said. */
function likelyTicks(state: InstrumentState, run: Run): KnownTick[] {
  const ticks: KnownTick[] = [];
  if (run.tick !== undefined) ticks.push(run.tick);
  if (state.tick !== undefined && state.tick.size !== run.tick?.size) ticks.push(state.tick);
  return ticks;
}
