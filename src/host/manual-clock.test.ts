import { describe, expect, it } from "vitest";
import { manualClock } from "./manual-clock.ts";

describe("a manual clock", () => {
  it("stands still until it is told to move", () => {
    const clock = manualClock();
    const before = clock.now();
    expect(clock.now() - before).toBe(0);
  });

  it("calls what falls due in order of time, each at its own moment", async () => {
    const clock = manualClock();
    const start = clock.monotonic();
    const seen: string[] = [];
    const note = (name: string) => () => void seen.push(`${name}@${clock.monotonic() - start}`);
    clock.after(300, note("late"));
    clock.after(100, note("early"));
    const cancel = clock.every(120, note("again"));
    clock.after(250, cancel);
    await clock.advance(1_000);
    expect(seen).toEqual(["early@100", "again@120", "again@240", "late@300"]);
    expect(clock.pending).toBe(0);
  });

  it("lets a woken sleeper set its next alarm within the same advance", async () => {
    const clock = manualClock();
    const start = clock.now();
    const woken: number[] = [];
    const walk = (async () => {
      for (let step = 0; step < 3; step++) {
        await clock.sleep(10);
        woken.push(clock.now() - start);
      }
    })();
    await clock.advance(30);
    await walk;
    expect(woken).toEqual([10, 20, 30]);
  });

  it("ends a sleep at once when its signal aborts", async () => {
    const clock = manualClock();
    const abort = new AbortController();
    const sleep = clock.sleep(1_000, abort.signal);
    abort.abort();
    await sleep;
    expect(clock.pending).toBe(0);
    await clock.sleep(1_000, abort.signal);
  });

  it("jumps the wall clock alone", async () => {
    const clock = manualClock();
    const [wall, steady] = [clock.now(), clock.monotonic()];
    clock.jump(-5_000);
    expect([clock.now() - wall, clock.monotonic() - steady]).toEqual([-5_000, 0]);
    await clock.advance(10);
    expect([clock.now() - wall, clock.monotonic() - steady]).toEqual([-4_990, 10]);
  });
});
