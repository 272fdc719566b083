import { expect, it } from "vitest";
import { MINUTE, SECOND } from "#model";
import { atLeastReal, scaledClock, systemClock } from "./clock.ts";

it("two processes with the same anchor agree on a scaled clock's time", () => {
  const wall = systemClock();
  const anchor = { venueAt: wall.now(), wallAt: wall.now(), speed: 60 };
  const [one, other] = [scaledClock(anchor), scaledClock(anchor)];
  expect(Math.abs(one.now() - other.now())).toBeLessThan(SECOND);
  expect(one.now()).toBeGreaterThanOrEqual(anchor.venueAt);
});

it("a duration keeps its floor in real time however fast the clock runs", () => {
  const anchor = { venueAt: systemClock().now(), wallAt: systemClock().now(), speed: 60 };
  expect(atLeastReal(scaledClock(anchor), 10 * SECOND, 2_000)).toBe(2 * MINUTE);
  expect(atLeastReal(systemClock(), 10 * SECOND, 2_000)).toBe(10 * SECOND);
});
