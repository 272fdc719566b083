import type { Quantiles } from "./chance.ts";

/*
 * What recorded windows look like. R: 50 consecutive BTC 5-minute windows of 2026-04-16, 175,829 books. C: 24 h of
 * Chainlink BTC/USD, 2026-07-24. A 15-minute window is the same book with a slower clock.
 */

/** R: milliseconds between two states of a book. Bursts, not a clock. */
export const UPDATE_GAP_MILLIS: Quantiles = { lowest: 1, values: [2, 3, 10, 31, 94, 316, 628], highest: 2_500 };

/** R: levels that differ between two states. */
export const CHANGED_LEVELS: Quantiles = { lowest: 1, values: [1, 1, 4, 7, 14, 28, 47], highest: 70 };

/** R: shares at the best price. */
export const SIZE_AT_BEST: Quantiles = {
  lowest: 1,
  values: [2.3, 9.7, 80, 266, 553, 1_325, 3_106],
  highest: 8_000,
};

/** R: cents between a changed level and the best price, plus one (a logarithm needs it). */
export const CHANGE_DISTANCE_PLUS_ONE: Quantiles = { lowest: 1, values: [1, 1, 3, 8, 17, 57, 88], highest: 99 };

/** C: seconds between a price's own time and its receipt. */
export const RECEIPT_DELAY_SECONDS: Quantiles = {
  lowest: 0.9,
  values: [1.06, 1.17, 1.41, 1.64, 1.86, 2.23, 2.51],
  highest: 3,
};

/** Seconds from a window's end to its resolution (292 windows of 2026-07-24; the fastest there took 15). */
export const RESOLUTION_DELAY_SECONDS: Quantiles = { lowest: 20, values: [20, 20, 20.5, 21, 30, 52, 85], highest: 90 };

/** Shares of a trade, so that a 5-minute window turns over about $50k. */
export const TRADE_SIZE: Quantiles = { lowest: 1, values: [1, 3, 10, 40, 110, 400, 900], highest: 3_000 };

/** Typical size behind the best price, by cents of distance. R: 303 at 1, 431 at 5, 342 at 20. */
export function typicalSizeBehind(cents: number): number {
  if (cents <= 1) return 303;
  if (cents <= 5) return 303 + ((cents - 1) * (431 - 303)) / 4;
  return Math.max(300, 431 - ((cents - 5) * (431 - 342)) / 15);
}

/**
 * How often the shallow side of a far-from-even book is not quoted, by seconds to the window's end. Chosen so that of all
 * books as many are one-sided as R found: none before 120 s, then 1 %, 5 % from 60 s, 10 % from 30 s, 20 % from 10 s.
 */
export function withdrawnShare(secondsLeft: number): number {
  if (secondsLeft > 120) return 0;
  if (secondsLeft > 60) return 0.025;
  if (secondsLeft > 30) return 0.07;
  return secondsLeft > 10 ? 0.12 : 0.22;
}

/** C: standard deviation of the price per root second, basis points, over a window (momentum included). */
export const SIGMA_BP = 0.5;
