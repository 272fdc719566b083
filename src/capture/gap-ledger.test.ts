import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ConnectionId, Gap, GapRecord, InstrumentId, Seq, UnixMicros } from "#model";
import { SECOND } from "#model";
import { GapLedger, type GapOpening, type Moment, type Recovery } from "./gap-ledger.ts";

const A = "a" as InstrumentId;
const B = "b" as InstrumentId;
const C = "c" as InstrumentId;
const moment = (seconds: number, seq: number | null = seconds): Moment => ({
  at: (seconds * SECOND) as UnixMicros,
  seq: seq as Seq | null,
});
const lost = (instruments: InstrumentId[], seconds = 1): GapOpening => ({
  cause: "disconnect",
  instruments,
  connection: "market-a-0" as ConnectionId,
  from: moment(seconds),
  evidence: "closed with 1006",
});

function ledger() {
  const records: GapRecord[] = [];
  return { records, ledger: new GapLedger((record) => records.push(record)) };
}

describe("GapLedger", () => {
  it("writes a gap when it opens and when the last of its instruments recovers", () => {
    const { ledger: gaps, records } = ledger();
    gaps.begin(lost([A, B]));
    gaps.recover(A, "snapshot", moment(2));
    expect(records.map((record) => record.phase)).toEqual(["opened"]);
    gaps.recover(B, "snapshot", moment(3));
    expect(records[1]).toMatchObject({ phase: "closed", gap: { from: SECOND, to: 3 * SECOND, fromSeq: 1, toSeq: 3 } });
    expect(records[1]?.gap.id).toBe(records[0]?.gap.id);
    expect(gaps.open).toEqual([]);
  });

  it.each<[Gap["cause"], Recovery, boolean]>([
    ["silence", "snapshot", true],
    ["disconnect", "snapshot", true],
    ["process_down", "snapshot", true],
    ["contradiction", "snapshot", false],
    ["contradiction", "proof", true],
    ["overload", "proof", false],
  ])("a %s is ended by a %s: %s", (cause, by, ends) => {
    const { ledger: gaps } = ledger();
    gaps.begin({ ...lost([A]), cause });
    gaps.recover(A, by, moment(2));
    expect(gaps.open.length).toBe(ends ? 0 : 1);
  });

  it("parts the recovered from those that stay lost, with the same beginning and no moment uncovered", () => {
    const { ledger: gaps, records } = ledger();
    gaps.begin(lost([A, B, C]));
    gaps.recover(A, "snapshot", moment(2));
    gaps.split(moment(3).at);
    expect(records.length).toBe(1);
    gaps.split(moment(8).at);
    expect(records[1]).toMatchObject({ phase: "closed", gap: { instruments: [A], from: SECOND, to: 2 * SECOND } });
    expect(records[2]).toMatchObject({ phase: "opened", gap: { instruments: [B, C], from: SECOND, to: null } });
    expect(records[2]?.gap.id).not.toBe(records[1]?.gap.id);
  });

  it("holds a gap over everything open until all it waits for are well or gone", () => {
    const { ledger: gaps, records } = ledger();
    const gap = gaps.begin({ ...lost([]), cause: "process_down", connection: null })!;
    gaps.waitFor(gap.id, [A, B]);
    gaps.recover(A, "snapshot", moment(5));
    gaps.leave(B, moment(6));
    expect(records[1]).toMatchObject({ phase: "closed", gap: { instruments: [], to: 6 * SECOND } });
  });

  it("does not open a second gap of a cause for an instrument that is in one", () => {
    const { ledger: gaps } = ledger();
    gaps.begin(lost([A]));
    expect(gaps.begin(lost([A], 2))).toBeUndefined();
    expect(gaps.begin(lost([A, B], 3))?.instruments).toEqual([B]);
  });

  it("goes on with what an earlier session left open, under the same name", () => {
    const first = ledger();
    const gap = first.ledger.begin(lost([A]))!;
    const second = ledger();
    second.ledger.adopt(gap);
    second.ledger.recover(A, "snapshot", moment(90, 17));
    expect(second.records).toMatchObject([{ phase: "closed", gap: { id: gap.id, from: SECOND, to: 90 * SECOND } }]);
  });

  it("never loses track: whatever happens, each opened gap is closed once or still open, and covers its instruments", () => {
    const instruments = fc.constantFrom(A, B, C);
    const causes = fc.constantFrom("disconnect" as const, "silence" as const, "contradiction" as const);
    const step = fc.oneof(
      fc.record({
        kind: fc.constant("begin" as const),
        cause: causes,
        on: fc.uniqueArray(instruments, { minLength: 1 }),
      }),
      fc.record({
        kind: fc.constant("recover" as const),
        on: instruments,
        by: fc.constantFrom<Recovery>("snapshot", "proof"),
      }),
      fc.record({ kind: fc.constant("leave" as const), on: instruments }),
      fc.record({ kind: fc.constant("split" as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { ledger: gaps, records } = ledger();
        let now = 0;
        for (const each of steps) {
          now += 3;
          if (each.kind === "begin") gaps.begin({ ...lost(each.on, now), cause: each.cause });
          else if (each.kind === "recover") gaps.recover(each.on, each.by, moment(now));
          else if (each.kind === "leave") gaps.leave(each.on, moment(now));
          else gaps.split(moment(now).at);
        }
        const phases = new Map<string, string[]>();
        for (const { phase, gap } of records) phases.set(gap.id, [...(phases.get(gap.id) ?? []), phase]);
        const open = new Set(gaps.open.map((gap) => gap.id));
        for (const [id, seen] of phases) expect(seen).toEqual(open.has(id) ? ["opened"] : ["opened", "closed"]);
        const closed = records.filter((record) => record.phase === "closed");
        for (const { gap } of closed) expect(gap.to).toBeGreaterThanOrEqual(gap.from);
        for (const instrument of [A, B, C]) {
          gaps.recover(instrument, "proof", moment(now + 1));
          expect(gaps.gapsOf(instrument)).toEqual([]);
        }
        expect(gaps.open).toEqual([]);
      }),
    );
  });
});
