import type { Digest, InstrumentId, Level, MarketId, PriceMicros, Seq, SizeMicros, UnixMicros } from "#model";
import { type InstrumentFacts, newInstrumentState } from "./instrument-state.ts";
import { judge, type SearchDepth } from "./judge.ts";
import { newMarketState, showLastTrade } from "./last-trade.ts";

/** A book between two messages, with all that its digest rests on. null, undefined: never known. */
export interface StandingBook {
  readonly market: MarketId;
  readonly instrument: InstrumentId;
  readonly sentAt: UnixMicros;
  readonly digest: Digest;
  /** Best first. */
  readonly bids: readonly Level[];
  readonly asks: readonly Level[];
  readonly tickSize: PriceMicros | null;
  readonly minOrderSize: SizeMicros | null;
  readonly negRisk: boolean | null;
  /** null: there was none yet. */
  readonly lastTradePrice: PriceMicros | null | undefined;
}

/**
 * Holds one book against its digest, without a stream: `known` where it agrees with the fields given (or the usual ones
 * where there is none), `found` where a search found the last trade price, `none` where nothing fits.
 */
export function judgeBook(
  book: StandingBook,
  facts: InstrumentFacts | undefined,
  search: SearchDepth,
): "known" | "found" | "none" {
  const market = newMarketState(book.market);
  if (book.lastTradePrice !== undefined) showLastTrade(market, book.lastTradePrice);
  const state = newInstrumentState(book.instrument, market);
  const tick = book.tickSize === null ? undefined : { size: book.tickSize, shown: true };
  state.opened = true;
  state.tick = tick;
  if (tick) state.ladder.regrid(tick.size);
  state.ladder.replace(book.bids, book.asks);
  state.minOrderSize = book.minOrderSize ?? undefined;
  state.negRisk = book.negRisk ?? undefined;
  const { sentAt, digest } = book;
  const { lastTrade } = market;
  const nowhere = { seq: 0 as Seq, receivedAt: sentAt, isOver: false, judgement: null, judgedAfter: 0 };
  const judgement = judge(state, { sentAt, digest, lastTrade, tick, ...nowhere }, facts, search);
  if (!judgement.agrees) return "none";
  return judgement.found === undefined && judgement.verdict === "proven" ? "known" : "found";
}
