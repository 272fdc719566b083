import type { Random } from "#host";
import { type ExactPrice, type InstrumentId, type Market, MINUTE, SECOND, type UnixMicros } from "#model";
import { TIMEFRAMES } from "#venue";
import { drawFrom, exponential } from "./chance.ts";
import type { CoinFeed } from "./coin-feed.ts";
import { fairProbability } from "./fair-price.ts";
import { UPDATE_GAP_MILLIS } from "./figures.ts";
import type { ListedSeries } from "./listing.ts";
import type { Moment, TradedMarket } from "./trading.ts";

/** The price feed shows a boundary price a few seconds after it. */
const BOUNDARY_LAG = 3 * SECOND;

/** A window of a series, from its announcement to its end. */
export interface ListedWindow {
  readonly series: ListedSeries;
  readonly market: Market & { readonly window: NonNullable<Market["window"]> };
  /** null once it does not matter any more: the strike is out. */
  previous: ListedWindow | null;
  traded: TradedMarket | null;
  /** Set when the moment has come; shown later. */
  strike: Boundary | null;
  final: Boundary | null;
  resolvedAt: UnixMicros | null;
}

/** The average at a window's start or end. */
export interface Boundary {
  readonly price: ExactPrice;
  /** The same in units of 1e-8 dollars, not rounded to them. */
  readonly value: number;
}

export function winnerOf({ market, strike, final }: ListedWindow): Market["outcomes"][number] {
  if (!(strike && final)) throw new Error(`${market.slug} is resolved before both its prices are known`);
  // A tie is Up. Both values come of the same sums of whole numbers, so equal prices are equal.
  return market.outcomes[final.value >= strike.value ? 0 : 1]!;
}

/** The market as the catalog shows it: the strike once the previous window is resolved, the outcome once this one is. */
export function catalogEntry(listed: ListedWindow): Market {
  const { market, traded, strike, final, resolvedAt, previous } = listed;
  const strikeShown = previous === null || previous.resolvedAt !== null;
  const winner: InstrumentId | null = resolvedAt === null ? null : winnerOf(listed).instrument;
  return {
    ...market,
    tickSize: traded?.book.tickSize ?? market.tickSize,
    strike: strikeShown ? (strike?.price ?? null) : null,
    finalPrice: resolvedAt === null ? null : (final?.price ?? null),
    closed: resolvedAt !== null,
    closedAt: resolvedAt,
    winner,
  };
}

export function boundaryPricesAt({ market: { window }, strike, final }: ListedWindow, at: UnixMicros) {
  return {
    strike: at >= window.startsAt + BOUNDARY_LAG ? (strike?.price ?? null) : null,
    finalPrice: at >= window.endsAt + BOUNDARY_LAG ? (final?.price ?? null) : null,
  };
}

/** How the market stands at a moment. */
export function momentOf(
  { market, strike, final }: ListedWindow,
  feed: CoinFeed,
  at: UnixMicros,
  skew: number,
): Moment {
  const { window } = market;
  const secondsLeft = (window.endsAt - at) / SECOND;
  if (strike === null) return { at, skew, fair: 0.5, secondsLeft, calm: true };
  if (final !== null)
    return { at, skew, fair: final.value >= strike.value ? 0.9995 : 0.0005, secondsLeft: 0, calm: true };
  const fair = fairProbability(feed.path, strike.value, window, at);
  return { at, skew, fair, secondsLeft, calm: false };
}

/** Micros to the next step of its book: minutes a day ahead, milliseconds while it runs. */
export function gapAfter(
  { market: { window }, series }: ListedWindow,
  at: UnixMicros,
  random: Random,
  activity: number,
): number {
  const ahead = window.startsAt - at;
  if (ahead > 5 * MINUTE) return Math.min(15 * MINUTE, ahead / 20) * exponential(random) + 1;
  if (ahead > 0) return Math.min(ahead + 1, 2 * SECOND * exponential(random));
  if (at >= window.endsAt) return SECOND * exponential(random) + 1;
  // A longer window is the same market with a slower clock.
  const slowness = Math.min(10, TIMEFRAMES[series.timeframe] / TIMEFRAMES["5m"]);
  return Math.max(1_000, (drawFrom(random, UPDATE_GAP_MILLIS) * 1_000 * slowness) / activity);
}
