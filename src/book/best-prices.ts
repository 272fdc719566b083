import { ONE, type PriceMicros } from "#model";
import type { InstrumentState } from "./instrument-state.ts";
import { crossing } from "./views.ts";

type SaidPrice = PriceMicros | null | undefined;

/** Holds the best prices that a message claims against the book's. A book that may have holes is not asked. */
export function compareBest(state: InstrumentState, bestBid: SaidPrice, bestAsk: SaidPrice): void {
  if (!state.opened || state.doubtful || (bestBid === undefined && bestAsk === undefined)) return;
  const { ladder, bbo } = state;
  bbo.checked++;
  // Of an empty side some messages of the venue say the end of the scale.
  if (isSame(bestBid, ladder.bestBid(), 0) && isSame(bestAsk, ladder.bestAsk(), ONE)) bbo.agreed++;
}

function isSame(said: SaidPrice, best: PriceMicros | null, empty: number): boolean {
  return said === undefined || said === best || (best === null && said === empty);
}

export function countCrossing(state: InstrumentState): void {
  const kind = crossing(state.ladder);
  if (kind === "crossed") state.crossed++;
  else if (kind === "locked") state.locked++;
}
