import { describe, expect, it, onTestFinished } from "vitest";
import type { CaptureStatus } from "#capture";
import type { Injection } from "#emulator";
import { type Journal, JournalOverloaded } from "#journal";
import type { Gap, UnixMicros } from "#model";
import { MINUTE, SECOND } from "#model";
import { type Rig, type RigOptions, STARTS_AT, startRig } from "./capture-rig.ts";

/** Running in the middle of a 5-minute window, both replicas carrying it. */
async function running(options: Partial<RigOptions> = {}): Promise<Rig> {
  const rig = await startRig({ speed: 10, ...options });
  onTestFinished(() => rig.close());
  await rig.until("proving on both replicas", ({ totals, connections }) => {
    const market = connections.filter((each) => each.connection.startsWith("market-"));
    return totals.states.proven > 40 && market.every((each) => each.state === "open");
  });
  return rig;
}

const opens = (status: CaptureStatus, connection: string) =>
  status.connections.find((each) => each.connection === connection)?.opens ?? 0;
const venueTime = (rig: Rig, micros: number) => rig.clock.sleep(micros);

/** Loses frames until it shows: a change that the very next one overwrites leaves a right book. */
async function lose(rig: Rig, socket: number | undefined, shows: (status: CaptureStatus) => boolean): Promise<void> {
  for (let round = 0; round < 10 && !shows(rig.capture.status()); round++) {
    rig.emulator.inject({ kind: "lose", frames: 20, ...(socket === undefined ? {} : { socket }) });
    await venueTime(rig, 5 * SECOND);
  }
  await rig.until("found", shows);
}

const causes = (gaps: readonly Gap[]) => [...new Set(gaps.map((gap) => gap.cause))];
const allClosed = (status: CaptureStatus) => status.openGaps.length === 0;

describe("a fault at the venue", () => {
  it("on one replica's socket is no gap: the other carries on", async () => {
    const rig = await running();
    rig.emulator.inject({ kind: "disconnect", socket: 0 });
    await rig.until("dialled again", (status) => opens(status, "market-a-0") === 2);
    await venueTime(rig, 5 * SECOND);
    await rig.end();
    expect(await rig.gaps()).toEqual([]);
    expect((await rig.prove()).states).toMatchObject({ contradicted: 0, unprovable: 0 });
  });

  it("on both sockets is one disconnect gap over all they carried, from before it to after it", async () => {
    const rig = await running();
    const at = rig.clock.now();
    const carried = rig.capture.status().totals.instruments;
    rig.emulator.inject({ kind: "disconnect" });
    await rig.until("a gap", (status) => status.gaps.disconnect > 0);
    await rig.until("closed", allClosed);
    const after = rig.clock.now();
    await rig.end();
    const gaps = await rig.gaps();
    expect(gaps).toHaveLength(1);
    expect(gaps[0]).toMatchObject({ cause: "disconnect" });
    expect(gaps[0]!.instruments).toHaveLength(carried);
    expect(gaps[0]!.from).toBeLessThanOrEqual(rig.emulator.injected()[0]!.at + SECOND);
    expect(gaps[0]!.from).toBeGreaterThan(at - 30 * SECOND);
    expect(gaps[0]!.to).toBeGreaterThan(at);
    expect(gaps[0]!.to).toBeLessThanOrEqual(after);
  });

  it("that freezes one socket without a word is redriven there, and no gap", async () => {
    const rig = await running();
    rig.emulator.inject({ kind: "freeze", forMicros: 12 * SECOND, socket: 1 });
    await rig.until("redriven", (status) => status.witness.redrives > 0);
    await venueTime(rig, 15 * SECOND);
    await rig.until("moving on both again", (status) => status.openGaps.length === 0);
    await rig.end();
    expect(await rig.gaps()).toEqual([]);
  });

  it("that freezes every socket is found by the REST witness: silence gaps, until there are books again", async () => {
    const rig = await running();
    const at = rig.clock.now();
    const active = rig.capture.status().markets.find((market) => market.phase === "active")!;
    const instruments = active.outcomes.map((outcome) => outcome.instrument);
    rig.emulator.inject({ kind: "freeze", forMicros: 40 * SECOND, instruments });
    await rig.until("found", (status) => status.gaps.silence > 0);
    await venueTime(rig, Math.max(0, at + 42 * SECOND - rig.clock.now()));
    await rig.until("well again", allClosed);
    await rig.end();
    const gaps = await rig.gaps();
    expect(causes(gaps)).toEqual(["silence"]);
    for (const gap of gaps) {
      expect(gap.evidence).toContain("REST");
      expect(gap.from).toBeLessThanOrEqual(at + SECOND);
      expect(gap.to).toBeGreaterThan(at);
    }
    expect(rig.capture.status().witness.frozen).toBeGreaterThan(0);
  });

  it("that loses frames on one socket is contradicted and redriven there, and no gap", async () => {
    const rig = await running();
    await lose(rig, 0, (status) => status.totals.states.contradicted > 0 && status.witness.redrives > 0);
    await venueTime(rig, 5 * SECOND);
    await rig.end();
    expect(await rig.gaps()).toEqual([]);
    expect((await rig.prove()).states.contradicted).toBe(0);
  });

  it("that loses frames on every socket is a contradiction gap, healed by a redrive", async () => {
    const rig = await running();
    await lose(rig, undefined, (status) => status.gaps.contradiction > 0);
    await rig.until("healed", allClosed);
    await rig.end();
    const gaps = await rig.gaps();
    expect(causes(gaps)).toEqual(["contradiction"]);
    expect((await rig.prove()).states.contradicted).toBeGreaterThan(0);
  });

  const harmless: [string, Injection][] = [
    ["sends frames twice", { kind: "duplicate", frames: 5, socket: 0 }],
    ["delays a socket", { kind: "slow", byMicros: 2 * SECOND, forMicros: 8 * SECOND, socket: 0 }],
    ["refuses requests to Gamma", { kind: "http_error", status: 429, requests: 5, surface: "gamma" }],
    ["refuses requests to the CLOB", { kind: "http_error", status: 500, requests: 5, surface: "clob" }],
  ];
  it.each(harmless)("that %s is no gap", async (_, injection) => {
    const rig = await running({ speed: 20 });
    rig.emulator.inject(injection);
    await venueTime(rig, 15 * SECOND);
    await rig.end();
    expect(await rig.gaps()).toEqual([]);
    expect((await rig.prove()).states).toMatchObject({ contradicted: 0, unprovable: 0 });
  });

  it("that forgets to announce the winner is made good by REST", async () => {
    const startsAt = (STARTS_AT + 3 * MINUTE + 40 * SECOND) as UnixMicros;
    const rig = await running({ speed: 40, startsAt });
    rig.emulator.inject({ kind: "forget_resolution", markets: 1 });
    const { markets } = await rig.until("resolved", (status) => status.resolvedCount > 0);
    expect(markets.find((market) => market.phase === "resolved")?.winner).toMatch(/^(Up|Down)$/);
    await rig.end();
    expect(await rig.gaps()).toEqual([]);
  });
});

describe("a fault at home", () => {
  it("of a full journal is an overload gap with counts, and recording goes on", async () => {
    let full = false;
    let refused = 0;
    const wrap = (journal: Journal): Journal =>
      new Proxy(journal, {
        get(target, name) {
          if (name === "append" && full) {
            return () => {
              refused++;
              throw new JournalOverloaded(1, 1);
            };
          }
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
    const rig = await running({ wrap });
    full = true;
    await rig.until("refusing", (status) => status.totals.refused.frames > 20);
    full = false;
    await rig.until("well again", (status) => status.gaps.overload === 1 && allClosed(status));
    const { frames, bytes } = rig.capture.status().totals.refused;
    await rig.end();
    const overload = (await rig.gaps()).filter((gap) => gap.cause === "overload");
    expect(overload).toHaveLength(1);
    expect(refused).toBeGreaterThanOrEqual(frames);
    expect(overload[0]).toMatchObject({ instruments: [], to: expect.any(Number) });
    expect(overload[0]!.evidence).toContain(`${frames} frames of ${bytes} bytes refused`);
  });

  it("of a wall clock that is set is a clock_jump gap of that size, and no other", async () => {
    const shift = { micros: 0 };
    const rig = await running({ clockShift: shift });
    shift.micros = 2 * SECOND;
    await rig.until("found", (status) => status.gaps.clock_jump === 1);
    await venueTime(rig, 3 * SECOND);
    await rig.end();
    const gaps = await rig.gaps();
    expect(causes(gaps)).toEqual(["clock_jump"]);
    expect(gaps[0]!.to! - gaps[0]!.from).toBeGreaterThan(1.9 * SECOND);
    expect(gaps[0]!.to! - gaps[0]!.from).toBeLessThan(2.1 * SECOND);
  });

  it("of a recorder that is down between two sessions is one process_down gap, closed by the first books", async () => {
    const first = await running();
    await first.end();
    const down = first.clock.now();
    const second = await first.again();
    onTestFinished(() => second.close());
    await second.until("well again", (status) => status.gaps.process_down === 1 && allClosed(status));
    await second.end();
    const gaps = await second.gaps();
    expect(gaps).toHaveLength(1);
    expect(gaps[0]).toMatchObject({ cause: "process_down", instruments: [] });
    expect(gaps[0]!.from).toBeLessThanOrEqual(down);
    expect(gaps[0]!.to).toBeGreaterThan(down);
    const sessions = (await second.frames()).filter((frame) => frame.kind === "session");
    expect(sessions.map((frame) => JSON.parse(new TextDecoder().decode(frame.bytes)).phase)).toEqual([
      "started",
      "stopped",
      "started",
      "stopped",
    ]);
  });

  it("that leaves a gap open is taken over by the next session, which closes it", async () => {
    const first = await running();
    first.emulator.inject({ kind: "http_error", status: 503, requests: 24, surface: "upgrade" });
    first.emulator.inject({ kind: "disconnect" });
    await first.until("lost", (status) => status.openGaps.length === 1);
    await first.end();
    const [open] = await first.gaps();
    expect(open).toMatchObject({ cause: "disconnect", to: null });
    const second = await first.again();
    onTestFinished(() => second.close());
    expect(second.capture.status().openGaps.map((gap) => gap.id)).toContain(open!.id);
    await second.until("well again", (status) => status.totals.states.proven > 0 && allClosed(status));
    await second.end();
    const gaps = await second.gaps();
    expect(causes(gaps)).toEqual(["disconnect", "process_down"]);
    expect(gaps.find((gap) => gap.id === open!.id)).toMatchObject({ from: open!.from, to: expect.any(Number) });
  });
});
