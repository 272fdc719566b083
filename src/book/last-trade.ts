import type { MarketId, PriceMicros } from "#model";

/** A value of the market's last trade price that the prover goes by. */
export interface LastTrade {
  /** null: the venue said there was none yet. */
  readonly price: PriceMicros | null;
  /** A frame showed it; else a search found it. */
  readonly shown: boolean;
  /** How many values frames had shown by then. */
  readonly order: number;
}

/** The last trade price belongs to the market: both outcomes' digests hold the same one (polymarket.md 2.3). */
export interface MarketState {
  readonly id: MarketId;
  /** undefined: never known. */
  lastTrade: LastTrade | undefined;
  /** The last values that frames showed, oldest first. */
  readonly shown: LastTrade[];
  order: number;
}

/** A trade may be published some 90 ms after its book; no market trades oftener than this in that time and is heard. */
const REMEMBERED = 8;

export function newMarketState(id: MarketId): MarketState {
  return { id, lastTrade: undefined, shown: [], order: 0 };
}

/** A frame shows the market's last trade price. */
export function showLastTrade(market: MarketState, price: PriceMicros | null): void {
  if (market.lastTrade?.shown === true && market.lastTrade.price === price) return;
  market.order++;
  market.lastTrade = { price, shown: true, order: market.order };
  market.shown.push(market.lastTrade);
  if (market.shown.length > REMEMBERED) market.shown.shift();
}

/** What frames have shown since, oldest first. */
export function shownSince(market: MarketState, lastTrade: LastTrade | undefined): readonly LastTrade[] {
  const order = lastTrade?.order ?? 0;
  return market.order === order ? [] : market.shown.filter((each) => each.order > order);
}

/**
 * A search found the price that a state was digested with, where `before` was thought to hold. It is carried on unless
 * a frame has shown a newer one meanwhile; found again to be what frames show, it counts as shown.
 */
export function carryFound(market: MarketState, before: LastTrade | undefined, price: PriceMicros | null): void {
  const isNewer = market.lastTrade === before || market.lastTrade?.shown === false;
  if (!isNewer || market.lastTrade?.price === price) return;
  market.lastTrade = { price, shown: market.shown.at(-1)?.price === price, order: market.order };
}
