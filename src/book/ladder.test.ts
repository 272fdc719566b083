import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Level, PriceMicros, Side, SizeMicros } from "#model";
import { formatMicros, notional, ONE } from "#model";
import { Ladder } from "./ladder.ts";
import { crossing, cumulativeDepth, depthTo, imbalance, mid, mirrorMismatches, spread, weightedMid } from "./views.ts";

const price = (micros: number) => micros as PriceMicros;
const size = (micros: number) => micros as SizeMicros;
const TICKS = [100_000, 10_000, 5_000, 2_500, 1_000, 100];

/** The book everybody would write: a map a side, sorted when asked. */
class NaiveBook {
  readonly bid = new Map<number, number>();
  readonly ask = new Map<number, number>();

  set(side: Side, at: number, to: number): void {
    if (to === 0) this[side].delete(at);
    else this[side].set(at, to);
  }

  levels(side: Side): Level[] {
    const sign = side === "bid" ? -1 : 1;
    return [...this[side]]
      .sort((a, b) => sign * (a[0] - b[0]))
      .map(([at, of]) => ({ price: price(at), size: size(of) }));
  }
}

const tick = fc.constantFrom(...TICKS);
const side = fc.constantFrom<Side>("bid", "ask");
const anyPrice = fc
  .oneof(
    {
      weight: 6,
      arbitrary: fc.tuple(tick, fc.integer({ min: 0, max: 10_000 })).map(([step, n]) => (n * step) % (ONE + step)),
    },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: ONE }) },
  )
  .filter((micros) => micros <= ONE);
const anySize = fc.oneof(
  fc.constant(0),
  fc.integer({ min: 1, max: 9_000_000_000 }),
  fc.constant(Number.MAX_SAFE_INTEGER),
);
const step = fc.oneof(
  { weight: 10, arbitrary: fc.record({ do: fc.constant("set" as const), side, at: anyPrice, to: anySize }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("regrid" as const), tick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("clear" as const) }) },
);

describe("Ladder", () => {
  it("holds exactly what a map would, through any changes of levels and ticks", () => {
    fc.assert(
      fc.property(tick, fc.array(step, { maxLength: 60 }), (firstTick, steps) => {
        const ladder = new Ladder(price(firstTick));
        const naive = new NaiveBook();
        for (const each of steps) {
          if (each.do === "set") {
            ladder.set(each.side, price(each.at), size(each.to));
            naive.set(each.side, each.at, each.to);
          } else if (each.do === "regrid") ladder.regrid(price(each.tick));
          else {
            ladder.clear();
            naive.bid.clear();
            naive.ask.clear();
          }
          for (const half of ["bid", "ask"] as const) {
            const expected = naive.levels(half);
            expect(ladder.levels(half)).toEqual(expected);
            expect(ladder.count(half)).toBe(expected.length);
            expect(half === "bid" ? ladder.bestBid() : ladder.bestAsk()).toBe(expected[0]?.price ?? null);
            expect(ladder.levels(half, 2)).toEqual(expected.slice(0, 2));
            for (const level of expected) expect(ladder.size(half, level.price)).toBe(level.size);
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  it("writes each side worst first in shortest form, whatever changed since it last did", () => {
    fc.assert(
      fc.property(tick, fc.array(step, { maxLength: 60 }), (firstTick, steps) => {
        const ladder = new Ladder(price(firstTick));
        for (const each of steps) {
          if (each.do === "set") ladder.set(each.side, price(each.at), size(each.to));
          else if (each.do === "regrid") ladder.regrid(price(each.tick));
          else ladder.clear();
          // Not after every change: several must be able to gather between two texts.
          if (each.do === "set" && each.at % 3 !== 0) continue;
          for (const half of ["bid", "ask"] as const) {
            const expected = ladder
              .levels(half)
              .toReversed()
              .map((level) => `{"price":"${formatMicros(level.price)}","size":"${formatMicros(level.size)}"}`);
            const bytes = Buffer.alloc(ladder.textBytes + 1);
            const end = ladder.copyText(half, bytes, 1);
            expect(bytes.toString("latin1", 1, end)).toBe(expected.join(","));
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  it("stays small at a coarse tick however fine the levels that rest in it", () => {
    const ladder = new Ladder(price(10_000));
    const before = process.memoryUsage().arrayBuffers;
    for (let micros = 1; micros <= 100; micros++) ladder.set("bid", price(micros * 7), size(micros));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100_000);
    expect(ladder.count("bid")).toBe(100);
    expect(ladder.bestBid()).toBe(700);
  });

  it("refuses what is no outcome price or no size", () => {
    const ladder = new Ladder(price(10_000));
    for (const bad of [-1, ONE + 1, 0.5, Number.NaN])
      expect(() => ladder.set("bid", price(bad), size(1))).toThrow(RangeError);
    for (const bad of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => ladder.set("bid", price(10_000), size(bad))).toThrow(RangeError);
    }
    for (const bad of [0, -10, ONE, 0.5]) expect(() => new Ladder(price(bad))).toThrow(RangeError);
    expect(ladder.count("bid")).toBe(0);
  });
});

describe("views", () => {
  const levels = fc.uniqueArray(
    fc.record({ price: fc.integer({ min: 1, max: 99 }), size: fc.integer({ min: 1, max: 9_000_000_000 }) }),
    {
      selector: (level) => level.price,
      maxLength: 30,
    },
  );

  it("agree with sums over the levels", () => {
    fc.assert(
      fc.property(levels, levels, fc.integer({ min: 0, max: 100 }), (bids, asks, to) => {
        const own = (half: { price: number; size: number }[]) =>
          half.map((each) => ({ price: price(each.price * 10_000), size: size(each.size) }));
        const ladder = new Ladder(price(10_000));
        ladder.replace(own(bids), own(asks));
        const sum = (half: Level[], of: (level: Level) => number) => half.reduce((total, each) => total + of(each), 0);
        const cash = (level: Level) => notional(level.price, level.size, "down");
        for (const half of ["bid", "ask"] as const) {
          const best = ladder.levels(half);
          for (const limit of [1, 5, undefined]) {
            const expected = best.slice(0, limit).map((level, index) => ({
              ...level,
              cumulativeSize: sum(best.slice(0, index + 1), (each) => each.size),
              cumulativeCash: sum(best.slice(0, index + 1), cash),
            }));
            expect(cumulativeDepth(ladder, half, limit)).toEqual(expected);
          }
          const within = best.filter(({ price }) => (half === "bid" ? price >= to * 10_000 : price <= to * 10_000));
          const reached = { size: sum(within, (each) => each.size), cash: sum(within, cash) };
          expect(depthTo(ladder, half, price(to * 10_000))).toEqual(reached);
        }
        const bid = ladder.bestBid();
        const ask = ladder.bestAsk();
        if (bid === null || ask === null) {
          expect([mid(ladder), weightedMid(ladder), spread(ladder), crossing(ladder)]).toEqual([
            null,
            null,
            null,
            "none",
          ]);
        } else {
          expect(mid(ladder)).toBe((bid + ask) / 2);
          const low = Math.min(bid, ask) - 1e-6;
          expect(weightedMid(ladder)).toBeGreaterThanOrEqual(low);
          expect(weightedMid(ladder)).toBeLessThanOrEqual(Math.max(bid, ask) + 1e-6);
          const [bidSize, askSize] = [ladder.size("bid", bid), ladder.size("ask", ask)];
          expect(weightedMid(ladder)).toBeCloseTo((bid * askSize + ask * bidSize) / (bidSize + askSize), 3);
          expect(crossing(ladder)).toBe(bid < ask ? "none" : bid === ask ? "locked" : "crossed");
        }
        const resting = (half: Side) => sum(ladder.levels(half, 3), (each) => each.size);
        const total = resting("bid") + resting("ask");
        expect(imbalance(ladder, 3)).toBe(total === 0 ? null : (resting("bid") - resting("ask")) / total);
      }),
    );
  });

  it("find every level that the complement does not mirror", () => {
    const up = new Ladder(price(10_000));
    const down = new Ladder(price(10_000));
    up.set("bid", price(480_000), size(5));
    down.set("ask", price(520_000), size(5));
    expect(mirrorMismatches(up, down)).toEqual([]);
    down.set("ask", price(520_000), size(6));
    down.set("bid", price(100_000), size(1));
    expect(mirrorMismatches(up, down)).toEqual([
      { side: "bid", price: 480_000, size: 5, mirrored: 6 },
      { side: "ask", price: 900_000, size: 0, mirrored: 1 },
    ]);
  });
});
