import { describe, expect, it } from "vitest";
import { quantile, type Survey, survey } from "../fixtures/market-survey.ts";
import { PricePath } from "./price-path.ts";

/*
 * Against what was measured on 50 recorded BTC 5-minute windows and a day of Chainlink prices. Each seed is another day:
 * four windows, whose prices go where they go. So shapes must agree and not digits.
 */
const WINDOWS = 4;
const SHARES = [0.25, 0.5, 0.75, 0.95] as const;

/** Every measured value is hit within a factor, at p25, p50, p75 and p95. */
function expectNear(seen: readonly number[], measured: readonly number[], factor: number): void {
  for (const [index, share] of SHARES.entries()) {
    const ratio = quantile(seen, share) / measured[index]!;
    expect(ratio, `p${share * 100} of ${measured}: ${quantile(seen, share)}`).toBeGreaterThan(1 / factor);
    expect(ratio, `p${share * 100} of ${measured}: ${quantile(seen, share)}`).toBeLessThan(factor);
  }
}

describe.each([1, 20_261_122])("the synthetic market with seed %i looks like recorded windows:", (seed) => {
  let seen: Survey;
  it("gaps between states", { timeout: 30_000 }, () => {
    seen = survey(seed, WINDOWS);
    expectNear(seen.gaps, [10, 31, 94, 316], 1.2);
  });

  it("levels changed by a state", () => expectNear(seen.changed, [4, 7, 14, 28], 1.3));

  it("levels a side and together", () => {
    expectNear(seen.bidLevels, [30, 51, 75, 94], 2);
    expectNear(seen.askLevels, [23, 46, 67, 91], 2);
    // "Together about 98".
    expect(quantile(seen.bothLevels, 0.5)).toBeGreaterThan(85);
    expect(quantile(seen.bothLevels, 0.5)).toBeLessThanOrEqual(99);
  });

  it("spread", () => expectNear(seen.spreads, [1, 1, 1, 3], 1.51));

  it("size at the best price", () => expectNear(seen.sizesAtBest, [80, 266, 553, 1_325], 1.25));

  it("resting money", () => expectNear(seen.restingMoney, [11_700, 14_700, 18_500, 24_600], 1.6));

  it("share of states in which the mid did not move", () => {
    expect(seen.unmoved / seen.states).toBeGreaterThan(0.78);
    expect(seen.unmoved / seen.states).toBeLessThan(0.93);
  });

  it("one-sided books, by the time to the end", () => {
    const share = (least: number) => seen.oneSided.get(least)!.empty / seen.oneSided.get(least)!.states;
    expect(share(120)).toBe(0);
    expect(share(60)).toBeLessThan(0.04);
    expect(share(30)).toBeLessThan(0.12);
    for (const [least, measured] of [
      [10, 0.1],
      [0, 0.2],
    ] as const) {
      expect(share(least) / measured).toBeGreaterThan(0.4);
      expect(share(least) / measured).toBeLessThan(2);
    }
  });

  it("messages of each kind", () => {
    const { price_change, book, last_trade_price, best_bid_ask } = seen.frames;
    // 7,771 : 314 : 155 : 338 in the one sample there is.
    expect(book / last_trade_price).toBeCloseTo(2, 1);
    expect(price_change / last_trade_price / (7_771 / 155)).toBeGreaterThan(0.6);
    expect(price_change / last_trade_price / (7_771 / 155)).toBeLessThan(1.6);
    expect(best_bid_ask / last_trade_price / (338 / 155)).toBeGreaterThan(0.4);
    expect(best_bid_ask / last_trade_price / (338 / 155)).toBeLessThan(1.6);
  });

  it("range of the mid within a window", () => {
    // p5 to p95 of the recorded ones.
    const median = quantile(seen.ranges, 0.5);
    expect(median).toBeGreaterThan(0.4);
    expect(median).toBeLessThan(0.96);
  });

  it("returns of the reference price", () => {
    const path = new PricePath("btc", seed, 1_000);
    const spots = Array.from({ length: 86_400 }, () => {
      path.advance();
      return path.spot(path.second);
    });
    const deviation = (step: number) => {
      const returns = spots.slice(step).map((spot, index) => (spot / spots[index]! - 1) * 10_000);
      const mean = returns.reduce((sum, one) => sum + one, 0) / returns.length;
      const moment = (power: number) => returns.reduce((sum, one) => sum + (one - mean) ** power, 0) / returns.length;
      return { sd: Math.sqrt(moment(2)), kurtosis: moment(4) / moment(2) ** 2 };
    };
    expect(deviation(1).sd / 0.35).toBeCloseTo(1, 0.5);
    expect(deviation(1).kurtosis).toBeGreaterThan(10);
    for (const [seconds, measured] of [
      [5, 0.96],
      [60, 3.9],
      [300, 9.3],
      [900, 16.1],
    ] as const) {
      expect(deviation(seconds).sd / measured).toBeGreaterThan(1 / 1.5);
      expect(deviation(seconds).sd / measured).toBeLessThan(1.5);
    }
  });
});
