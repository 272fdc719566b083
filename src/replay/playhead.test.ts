import { describe, expect, it } from "vitest";
import { type ManualClock, manualClock } from "#host";
import { MILLISECOND, SECOND, type UnixMicros } from "#model";
import { createPlayhead, type Playhead, type Reached, UNLIMITED } from "./playhead.ts";

const START = (1_776_323_400 * SECOND) as UnixMicros;
const at = (seconds: number) => (START + seconds * SECOND) as UnixMicros;

function played(options: { speed?: number; playing?: boolean } = {}): { host: ManualClock; head: Playhead } {
  const host = manualClock();
  return { host, head: createPlayhead({ clock: host, at: START, ...options }) };
}

describe("the time of a playhead", () => {
  it("runs at its speed, stands while paused, and goes on where it stood", async () => {
    const { host, head } = played({ speed: 10 });
    await host.advance(SECOND);
    expect(head.now()).toBe(at(10));
    head.pause();
    await host.advance(7 * SECOND);
    expect(head.now()).toBe(at(10));
    head.play();
    head.setSpeed(0.1);
    await host.advance(10 * SECOND);
    expect(head.now()).toBe(at(11));
  });

  it("jumps on a seek, forward and back, while what was played only grows", async () => {
    const { host, head } = played();
    await host.advance(SECOND);
    const before = head.monotonic();
    head.seek(at(3_600));
    expect(head.now()).toBe(at(3_600));
    expect(head.monotonic()).toBe(before);
    await host.advance(SECOND);
    head.seek(at(-5));
    expect(head.now()).toBe(at(-5));
    expect(head.monotonic()).toBe(before + SECOND);
    expect(head.seeks).toBe(2);
  });

  it("does not follow a wall clock that is set", async () => {
    const { host, head } = played();
    host.jump(3_600 * SECOND);
    await host.advance(SECOND);
    expect(head.now()).toBe(at(1));
  });

  it("refuses a speed that is none", () => {
    expect(() => played({ speed: 0 })).toThrow("a speed is above 0 (or unlimited), got 0");
    expect(() => played().head.setSpeed(Number.NaN)).toThrow(RangeError);
  });
});

describe("a sleeper", () => {
  it("wakes after its time of playing, whatever pauses and speeds lie between", async () => {
    const { host, head } = played();
    let woken = 0;
    void head.sleep(10 * SECOND).then(() => woken++);
    await host.advance(4 * SECOND);
    head.pause();
    await host.advance(60 * SECOND);
    head.play();
    head.setSpeed(3);
    await host.advance(2 * SECOND - MILLISECOND);
    expect(woken).toBe(0);
    await host.advance(MILLISECOND);
    expect(woken).toBe(1);
    expect(head.now()).toBe(at(10));
  });

  it("is neither woken nor moved by a seek", async () => {
    const { host, head } = played();
    const calls: UnixMicros[] = [];
    head.after(SECOND, () => calls.push(head.now()));
    head.seek(at(100));
    expect(calls).toEqual([]);
    await host.advance(SECOND);
    expect(calls).toEqual([at(101)]);
  });

  it("wakes at once when it is given up, also while paused", async () => {
    const { head } = played({ playing: false });
    const stop = new AbortController();
    const slept = head.sleep(SECOND, stop.signal);
    stop.abort();
    await slept;
    await head.sleep(SECOND, stop.signal);
  });

  it("keeps its rhythm until cancelled", async () => {
    const { host, head } = played({ speed: 2 });
    let calls = 0;
    const cancel = head.every(SECOND, () => calls++);
    await host.advance(5 * SECOND);
    expect(calls).toBe(10);
    cancel();
    await host.advance(5 * SECOND);
    expect(calls).toBe(10);
    expect(host.pending).toBe(0);
  });
});

describe("reaching a moment", () => {
  function reaching(head: Playhead, moment: UnixMicros, signal?: AbortSignal): Reached[] {
    const ends: Reached[] = [];
    void head.reach(moment, signal).then((end) => ends.push(end));
    return ends;
  }

  it("waits for it, through pauses", async () => {
    const { host, head } = played();
    const ends = reaching(head, at(2));
    head.pause();
    await host.advance(60 * SECOND);
    head.play();
    await host.advance(2 * SECOND - 1);
    expect(ends).toEqual([]);
    await host.advance(1);
    expect(ends).toEqual(["reached"]);
  });

  it("does not go on while paused, though the moment is there", async () => {
    const { host, head } = played({ playing: false });
    const ends = reaching(head, at(-1));
    await host.advance(SECOND);
    expect(ends).toEqual([]);
    head.play();
    await host.advance(0);
    expect(ends).toEqual(["reached"]);
  });

  it("says that somebody sought another place", async () => {
    const { host, head } = played();
    const ends = reaching(head, at(50));
    head.seek(at(200));
    await host.advance(0);
    expect(ends).toEqual(["sought"]);
  });

  it("says that it was given up", async () => {
    const { host, head } = played({ playing: false });
    const stop = new AbortController();
    const ends = reaching(head, at(50), stop.signal);
    stop.abort();
    await host.advance(0);
    expect(ends).toEqual(["aborted"]);
    expect(await head.reach(at(1), stop.signal)).toBe("aborted");
  });

  it("moves the time itself at unlimited speed, past the timers, each at its own moment", async () => {
    const { host, head } = played({ speed: UNLIMITED });
    const calls: UnixMicros[] = [];
    head.every(10 * SECOND, () => calls.push(head.now()));
    await host.advance(3_600 * SECOND);
    expect(head.now()).toBe(START);
    expect(await head.reach(at(25))).toBe("reached");
    expect(head.now()).toBe(at(25));
    expect(calls).toEqual([at(10), at(20)]);
  });

  it("is let go when the speed becomes unlimited", async () => {
    const { host, head } = played();
    const [first, second] = [reaching(head, at(500)), reaching(head, at(900))];
    head.setSpeed(UNLIMITED);
    await host.advance(0);
    await host.advance(0);
    expect([first, second]).toEqual([["reached"], ["reached"]]);
    expect(head.now()).toBe(at(900));
  });
});

describe("a step", () => {
  it("moves a paused playhead on, calls what it passes, and leaves it paused", async () => {
    const { host, head } = played({ playing: false });
    const calls: UnixMicros[] = [];
    head.after(SECOND, () => calls.push(head.now()));
    head.advanceTo(at(5));
    expect(head.now()).toBe(at(5));
    expect(calls).toEqual([at(1)]);
    head.advanceTo(at(4));
    await host.advance(SECOND);
    expect(head.now()).toBe(at(5));
    expect(head.playing).toBe(false);
  });

  it("tells of each change", () => {
    const { head } = played();
    const told: string[] = [];
    const cancel = head.onChange((change) => told.push(change));
    head.pause();
    head.pause();
    head.setSpeed(5);
    head.seek(at(1));
    head.play();
    cancel();
    head.pause();
    expect(told).toEqual(["pause", "speed", "seek", "play"]);
  });
});
