import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backoffMicros } from "./backoff.ts";
import { seededRandom } from "./random.ts";

const BOUNDS = { floorMicros: 250_000, ceilingMicros: 30_000_000 };

describe("backoff", () => {
  it("stays between its floor and its ceiling for any number of tries", () => {
    fc.assert(
      fc.property(fc.nat(100_000), fc.integer(), (attempt, seed) => {
        const wait = backoffMicros(attempt, BOUNDS, seededRandom(seed));
        expect(wait).toBeGreaterThanOrEqual(BOUNDS.floorMicros);
        expect(wait).toBeLessThanOrEqual(BOUNDS.ceilingMicros);
      }),
    );
  });

  it("doubles its cap with each try", () => {
    const longest = { next: () => 1 };
    expect([0, 1, 2, 3].map((attempt) => backoffMicros(attempt, BOUNDS, longest))).toEqual([
      500_000, 1_000_000, 2_000_000, 4_000_000,
    ]);
  });
});

describe("a seeded source of chance", () => {
  it("repeats itself for the same seed and differs for another", () => {
    const draw = (seed: number) => {
      const random = seededRandom(seed);
      return Array.from({ length: 5 }, () => random.next());
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
  });

  it("is spread evenly over [0, 1)", () => {
    const random = seededRandom(1);
    const bins = new Array<number>(10).fill(0);
    for (let draw = 0; draw < 20_000; draw++) {
      const bin = Math.floor(random.next() * 10);
      bins[bin] = (bins[bin] ?? 0) + 1;
    }
    for (const count of bins) expect(Math.abs(count - 2_000)).toBeLessThan(200);
  });
});
