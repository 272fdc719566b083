import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { InstrumentId, Market, UnixMicros } from "#model";
import { MINUTE } from "#model";
import { market } from "./fixtures/market.ts";
import {
  assignShards,
  diffShards,
  instrumentsOf,
  isSubscribed,
  PLAN_DEFAULTS,
  phaseOf,
  type Shards,
  shardNumbers,
} from "./plan.ts";

const START = 1_000 * MINUTE;
const END = START + 5 * MINUTE;

describe("phaseOf", () => {
  const window = market("w", { startsAt: START, endsAt: END });
  const cases: [string, number, { explicit?: boolean; resolvedAt?: number }, string][] = [
    ["waits until the lead", START - PLAN_DEFAULTS.lead - 1, {}, "ahead"],
    ["subscribes ahead of the opening", START - PLAN_DEFAULTS.lead, {}, "opening"],
    ["takes a named market as soon as it trades", START - 60 * MINUTE, { explicit: true }, "opening"],
    ["is active from the first moment", START, {}, "active"],
    ["is active to the last moment", END - 1, {}, "active"],
    ["keeps an ended window until somebody resolves it", END + PLAN_DEFAULTS.patience - 1, {}, "settling"],
    ["lets an unresolved window go in the end", END + PLAN_DEFAULTS.patience, {}, "done"],
    ["keeps a resolved one for the grace", END + PLAN_DEFAULTS.grace, { resolvedAt: END + 1 }, "resolved"],
    ["drops it then", END + PLAN_DEFAULTS.grace + 1, { resolvedAt: END + 1 }, "done"],
  ];
  it.each(cases)("%s", (_, now, { explicit = false, resolvedAt = null }, phase) => {
    const candidate = { market: window, explicit, resolvedAt: resolvedAt as UnixMicros | null };
    expect(phaseOf(candidate, now as UnixMicros, PLAN_DEFAULTS)).toBe(phase);
  });

  it("keeps a market without a window until it is resolved", () => {
    const open = { market: market("open"), explicit: true, resolvedAt: null };
    expect(phaseOf(open, (END + 1e12) as UnixMicros, PLAN_DEFAULTS)).toBe("active");
  });

  it("never goes back as time passes", () => {
    const order = ["ahead", "opening", "active", "settling", "done"];
    fc.assert(
      fc.property(fc.array(fc.integer({ min: START - 60 * MINUTE, max: END + 60 * MINUTE })), (times) => {
        const seen = times
          .sort((a, b) => a - b)
          .map((now) => {
            const candidate = { market: window, explicit: false, resolvedAt: null };
            return order.indexOf(phaseOf(candidate, now as UnixMicros, PLAN_DEFAULTS));
          });
        expect(seen).toEqual([...seen].sort((a, b) => a - b));
      }),
    );
  });

  it("counts the four phases between lead and grace as subscribed", () => {
    expect(["ahead", "opening", "active", "settling", "resolved", "done"].map((phase) => isSubscribed(phase as never))) //
      .toEqual([false, true, true, true, true, false]);
  });
});

describe("shards", () => {
  const NONE: Shards = new Map();
  const pool = Array.from({ length: 40 }, (_, index) => market(`m${index}`));
  const plans = fc.array(fc.subarray(pool), { minLength: 1, maxLength: 12 });

  it("stay stable, hold their bound and carry exactly what is wanted, whatever comes and goes", () => {
    fc.assert(
      fc.property(plans, fc.integer({ min: 2, max: 12 }), (steps, perSocket) => {
        let shards = NONE;
        const sockets = new Map<number, Set<InstrumentId>>();
        for (const wanted of steps) {
          const next = assignShards(shards, wanted, perSocket);
          for (const { id } of wanted) {
            const kept = shards.get(id);
            if (kept) expect(next.get(id)).toBe(kept);
          }
          applyTo(sockets, shards, next);
          shards = next;
          for (const number of shardNumbers(shards)) {
            expect(instrumentsOf(shards, number).length).toBeLessThanOrEqual(perSocket);
          }
          const carried = [...sockets.values()].flatMap((socket) => [...socket]);
          const expected = wanted.flatMap((each: Market) => each.outcomes.map((outcome) => outcome.instrument));
          expect(carried.sort()).toEqual(expected.sort());
        }
      }),
    );
  });

  function applyTo(sockets: Map<number, Set<InstrumentId>>, from: Shards, to: Shards): void {
    for (const { shard, subscribe, unsubscribe } of diffShards(from, to)) {
      const socket = sockets.get(shard) ?? new Set();
      sockets.set(shard, socket);
      for (const instrument of unsubscribe) expect(socket.delete(instrument)).toBe(true);
      for (const instrument of subscribe) {
        expect(socket.has(instrument)).toBe(false);
        socket.add(instrument);
      }
    }
  }

  it("fills the lowest socket with room first, so that high ones drain", () => {
    const full = assignShards(NONE, pool.slice(0, 5), 4);
    expect(shardNumbers(full)).toEqual([0, 1, 2]);
    const fewer = assignShards(full, pool.slice(2, 5), 4);
    const refilled = assignShards(fewer, [...pool.slice(2, 5), pool[9]!], 4);
    expect(refilled.get(pool[9]!.id)?.number).toBe(0);
  });

  it("says nothing where nothing changes", () => {
    const shards = assignShards(NONE, pool, 250);
    expect(diffShards(shards, assignShards(shards, [...pool].reverse(), 250))).toEqual([]);
  });
});
