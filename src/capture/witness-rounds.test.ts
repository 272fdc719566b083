import { describe, expect, it } from "vitest";
import { manualClock } from "#host";
import type { BookSnapshot, Digest, InstrumentId, MarketId, Seq, UnixMicros } from "#model";
import { SECOND } from "#model";
import { Carriage } from "./carriage.ts";
import type { Phase } from "./plan.ts";
import { type OurBook, type RestWord, WITNESS_DEFAULTS } from "./witness.ts";
import { ROUNDS_DEFAULTS, WitnessRounds } from "./witness-rounds.ts";

const X = "x" as InstrumentId;
const MARKET = "m" as MarketId;

function rig(phase: Phase = "active") {
  const clock = manualClock();
  const carriage = new Carriage(["a", "b"]);
  const deeds: string[] = [];
  const state = { rest: { kind: "absent" } as RestWord, ours: null as OurBook | null, open: true };
  const rounds = new WitnessRounds(
    carriage,
    {
      now: clock.now,
      phaseOf: () => phase,
      ours: () => state.ours,
      ask: async () => {
        deeds.push("ask");
        return state.rest;
      },
      remedy: (remedy, _, replica) => {
        if (state.open) deeds.push(`${remedy} ${replica}`);
        return state.open;
      },
      frozen: () => deeds.push("frozen"),
      noted: () => undefined,
    },
    { ...WITNESS_DEFAULTS, ...ROUNDS_DEFAULTS },
  );
  clock.every(SECOND, () => rounds.round());
  const moment = () => ({ at: clock.now(), seq: 1 as Seq });
  carriage.add(X, MARKET, 0);
  for (const replica of ["a", "b"]) carriage.opened(replica, 0, moment());
  const show = (...replicas: string[]) => {
    const frame = { moment: moment(), sentAt: clock.now(), digest: "d" as Digest, snapshot: true };
    for (const replica of replicas) carriage.saw(X, replica, frame);
    state.ours = { sentAt: clock.now(), digest: "d" as Digest, bids: [], asks: [] };
  };
  const moved = (): RestWord => {
    const level = { price: 1, size: 1 } as BookSnapshot["bids"][number];
    const sentAt = (clock.now() + 5 * SECOND) as UnixMicros;
    const digest = "e" as Digest;
    return {
      kind: "book",
      book: { kind: "book", market: MARKET, instrument: X, sentAt, digest, bids: [level], asks: [] },
    };
  };
  return { clock, carriage, deeds, state, rounds, show, moved };
}

describe("WitnessRounds", () => {
  it("asks REST about a silent book ever more rarely, and does nothing while it is quiet", async () => {
    const { clock, deeds, show, state } = rig();
    show("a", "b");
    state.rest = { kind: "absent" };
    await clock.advance(120 * SECOND);
    expect(new Set(deeds)).toEqual(new Set(["ask"]));
    expect(deeds.length).toBeGreaterThanOrEqual(3);
    expect(deeds.length).toBeLessThanOrEqual(5);
  });

  it("redrives a replica that stands still beside one that moves, without asking anybody", async () => {
    const { clock, deeds, show } = rig();
    show("a", "b");
    for (let second = 0; second < 6; second++) {
      await clock.advance(SECOND);
      show("a");
    }
    expect(deeds).toEqual(["redrive b"]);
  });

  it("calls a book frozen that REST saw move, redrives every replica, then takes new sockets one at a time", async () => {
    const { clock, deeds, show, state, moved } = rig();
    show("a", "b");
    state.rest = moved();
    await clock.advance(12 * SECOND);
    expect(deeds).toEqual(["ask", "frozen", "redrive a", "redrive b"]);
    deeds.length = 0;
    await clock.advance(7 * SECOND);
    expect(deeds).toEqual(["ask", "frozen", "reconnect a"]);
  });

  it("asks for a first book again that does not come, and only where the other replica has it", async () => {
    const { clock, deeds, show } = rig();
    show("a");
    for (let second = 0; second < 17; second++) {
      await clock.advance(SECOND);
      show("a");
    }
    expect(deeds).toEqual(["redrive b"]);
  });

  it("holds nothing against the socket when REST is behind", async () => {
    const { clock, deeds, show, state, rounds, moved } = rig();
    state.rest = moved();
    await clock.advance(9 * SECOND);
    show("a", "b");
    await clock.advance(12 * SECOND);
    expect(rounds.counts).toMatchObject({ asked: 1, stale: 1, frozen: 0 });
    expect(deeds).toEqual(["ask"]);
  });

  it("spends no more than its budget, however many fall silent", async () => {
    const { clock, carriage, deeds } = rig();
    for (let index = 0; index < 500; index++) carriage.add(`i${index}` as InstrumentId, MARKET, 0);
    for (const replica of ["a", "b"]) carriage.opened(replica, 0, { at: clock.now(), seq: 1 as Seq });
    await clock.advance(25 * SECOND);
    const budget = 10 * ROUNDS_DEFAULTS.asksPerSecond + 4 * ROUNDS_DEFAULTS.asksPerSecond;
    expect(deeds.filter((deed) => deed === "ask").length).toBeLessThanOrEqual(budget);
    expect(deeds.length).toBeGreaterThan(20);
  });
});
