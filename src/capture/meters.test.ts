import { describe, expect, it } from "vitest";
import { manualClock } from "#host";
import type { Seq } from "#model";
import { MINUTE, SECOND } from "#model";
import { ClockWatch } from "./clock-watch.ts";
import { DurableLag } from "./durable-lag.ts";
import { LatestQuantiles, NamedCounts, RateMeter } from "./meters.ts";

describe("RateMeter", () => {
  it("forgets what is older than its ten ticks", () => {
    const meter = new RateMeter();
    meter.add(1_000);
    for (let tick = 0; tick < 10; tick++) meter.tick(1);
    expect(meter.perSecond).toBe(100);
    meter.tick(1);
    expect(meter.perSecond).toBe(0);
  });

  it("goes by the time that passed, not by ticks", () => {
    const meter = new RateMeter();
    meter.add(30);
    meter.tick(3);
    expect(meter.perSecond).toBe(10);
  });
});

describe("LatestQuantiles", () => {
  it("are of the latest samples and keep their sign", () => {
    const quantiles = new LatestQuantiles();
    expect(quantiles.at(0.5)).toBeNull();
    for (let sample = 0; sample < 2_048; sample++) quantiles.add(1e9);
    for (let sample = -1_024; sample < 1_024; sample++) quantiles.add(sample);
    expect(quantiles.at(0, 0.5, 1)).toEqual([-1_024, 0, 1_023]);
  });
});

describe("NamedCounts", () => {
  it("do not grow with what a stranger invents", () => {
    const counts = new NamedCounts(2);
    for (const name of ["a", "b", "c", "d", "a"]) counts.add(name);
    expect(counts.toObject()).toEqual({ a: 2, b: 1, "(others)": 2 });
  });
});

describe("ClockWatch", () => {
  it.each([2 * SECOND, -2 * SECOND])("sees the wall clock set by %d, once", async (micros) => {
    const clock = manualClock();
    const watch = new ClockWatch(clock);
    await clock.advance(MINUTE);
    expect(watch.look()).toBeNull();
    clock.jump(micros);
    await clock.advance(SECOND);
    expect(watch.look()).toMatchObject({ micros, found: clock.now() });
    await clock.advance(SECOND);
    expect(watch.look()).toBeNull();
  });

  it("bears slewing", async () => {
    const clock = manualClock();
    const watch = new ClockWatch(clock);
    for (let second = 0; second < 100; second++) {
      clock.jump(20_000);
      await clock.advance(SECOND);
      expect(watch.look()).toBeNull();
    }
  });
});

describe("DurableLag", () => {
  it("is the age of the oldest frame that is not durable", async () => {
    const clock = manualClock();
    const journal = { next: 10 as Seq, durable: 9 as Seq };
    const lag = new DurableLag(journal, clock);
    lag.look();
    expect(lag.micros).toBe(0);
    journal.next = 20 as Seq;
    lag.look();
    for (let second = 0; second < 5; second++) {
      await clock.advance(SECOND);
      journal.next = (journal.next + 1) as Seq;
      lag.look();
    }
    expect(lag.micros).toBe(5 * SECOND);
    journal.durable = 22 as Seq;
    lag.look();
    expect(lag.micros).toBe(SECOND);
    journal.durable = (journal.next - 1) as Seq;
    expect(lag.micros).toBe(0);
  });
});
