import type { Digest, PriceMicros, SizeMicros, Verdict } from "#model";
import { bookDigest, type DigestFields } from "./digest.ts";
import type { InstrumentFacts, InstrumentState, Run } from "./instrument-state.ts";
import { type SearchedFields, searchLastTrade } from "./last-trade-search.ts";

/** A verdict, and what it rests on. */
export interface Judgement {
  readonly verdict: Verdict;
  /** Fields that no frame had shown and a search found. */
  readonly found?: SearchedFields;
  /** The digest of our book with the likeliest fields, where it disagreed. */
  readonly computed?: Digest;
}

// What the recurring up/down markets have. Tried where neither a frame nor a catalog said otherwise.
const USUAL_MIN_ORDER_SIZE = 5_000_000 as SizeMicros;
const USUAL_TICKS = [10_000 as PriceMicros, 1_000 as PriceMicros];

/** Holds a book against the digest of its run. Changes nothing. */
export function judge(
  state: InstrumentState,
  run: Run,
  facts: InstrumentFacts | undefined,
  search: "full" | "near" | "off",
): Judgement {
  if (!state.opened || run.digest === "") return { verdict: "unprovable" };
  const { ladder, market } = state;
  const minOrderSize = state.minOrderSize ?? facts?.minOrderSize ?? USUAL_MIN_ORDER_SIZE;
  const negRisk = state.negRisk ?? facts?.negRisk ?? false;
  const ticks = likelyTicks(run, state, facts);
  const fields = { market: market.id, instrument: state.instrument, sentAt: run.sentAt, minOrderSize, negRisk };

  let computed: Digest | undefined;
  const agrees = (lastTradePrice: PriceMicros | null, tickSize: PriceMicros): boolean => {
    const digest = bookDigest(ladder, { ...fields, lastTradePrice, tickSize } satisfies DigestFields);
    computed ??= digest;
    return digest === run.digest;
  };
  // The value at the frame's time first; then one published since: a trade may be published after its book.
  const shown = [run.lastTradePrice, market.lastTradePrice].filter((price) => price !== undefined);
  for (const [index, price] of shown.entries()) {
    if (index === 1 && price === shown[0]) break;
    for (const tick of ticks) {
      if (agrees(price, tick))
        return { verdict: market.inferred && price === market.lastTradePrice ? "inferred" : "proven" };
    }
  }
  if (search !== "off") {
    const wide = search === "full" && isSearchTurn(state.streak);
    const question = {
      ladder,
      digest: run.digest,
      fields,
      minOrderSize,
      negRisk,
      ticks: withOtherTicks(ticks),
      known: market.lastTradePrice,
    };
    const found = searchLastTrade(question, wide);
    if (found) return { verdict: "inferred", found };
  }
  if (state.doubtful) return { verdict: "unprovable" };
  return {
    verdict: "contradicted",
    computed: computed ?? bookDigest(ladder, { ...fields, lastTradePrice: null, tickSize: ticks[0]! }),
  };
}

/**
 * In a broken stretch every state fails, and a full search costs a thousand times a check. So it is made at the first
 * failure, the 2nd, 4th, 8th, …: whatever the stretch costs, it costs at most a logarithm of full searches.
 */
function isSearchTurn(streak: number): boolean {
  return (streak & (streak - 1)) === 0;
}

function likelyTicks(run: Run, state: InstrumentState, facts: InstrumentFacts | undefined): PriceMicros[] {
  if (run.tickSize !== undefined) {
    return state.tickSize === undefined || state.tickSize === run.tickSize
      ? [run.tickSize]
      : [run.tickSize, state.tickSize];
  }
  return withOtherTicks(facts?.tickSize === undefined ? [] : [facts.tickSize]);
}

/** Some recordings lack the message that changed the tick. */
function withOtherTicks(ticks: readonly PriceMicros[]): PriceMicros[] {
  return [...ticks, ...USUAL_TICKS.filter((tick) => !ticks.includes(tick))];
}
