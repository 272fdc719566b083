import { describe, expect, it } from "vitest";
import type { UnixMicros } from "#model";
import { MINUTE, noVerdicts, SECOND } from "#model";
import { findDifferences, type Observations } from "./differences.ts";
import type { CaptureStatus, CaptureTotals } from "./status.ts";

type Status = Omit<CaptureStatus, "differences">;

const SEEN: Observations = {
  dumps: 4,
  dumpsWithoutTick: 0,
  referenceExpected: true,
  notes: [],
  speed: 1,
  requestErrors: 0,
};

function status(totals: Partial<CaptureTotals> = {}, rest: Partial<Status> = {}): Status {
  return {
    at: (10 * MINUTE) as UnixMicros,
    startedAt: 0 as UnixMicros,
    markets: [],
    finished: [],
    finishedCount: 0,
    resolvedCount: 0,
    connections: [],
    openGaps: [],
    gaps: { disconnect: 0, silence: 0, contradiction: 0, process_down: 0, clock_jump: 0, overload: 0 },
    witness: { asked: 0, quiet: 0, frozen: 0, stale: 0, early: 0, unheard: 0, redrives: 0, reconnects: 0 },
    faults: {},
    unknownMessages: {},
    references: [
      {
        source: "rtds",
        provider: "chainlink",
        symbol: "btcusd",
        measure: "twap",
        windowSeconds: 60,
        exact: "1",
        observedAt: 0 as UnixMicros,
        age: SECOND,
      },
    ],
    totals: {
      frames: 0,
      bytes: 0,
      framesPerSecond: 0,
      instruments: 0,
      states: { ...noVerdicts(), proven: 1_000 },
      proofRate: 1,
      bbo: { checked: 0, agreed: 0 },
      crossed: 0,
      backlog: { frames: 0, bytes: 0 },
      durableLag: 0,
      journal: "writing",
      journalCause: null,
      refused: { frames: 0, bytes: 0 },
      live: { waiting: 0, behind: false, skipped: 0 },
      diskFreeBytes: null,
      skew: { p1: -100_000, p50: 10_000, p99: 80_000 },
      ...totals,
    },
    ...rest,
  };
}

describe("findDifferences", () => {
  it("finds nothing where the venue is as expected", () => {
    expect(findDifferences(status(), SEEN)).toEqual([]);
  });

  const cases: [string, Status, Observations, RegExp][] = [
    ["an unknown type", status({}, { unknownMessages: { oracle_note: 3 } }), SEEN, /3 .*oracle_note/],
    ["unreadable messages", status({}, { faults: { not_json: 2 } }), SEEN, /2 .*not_json/],
    [
      "a low proof rate",
      status({ states: { ...noVerdicts(), proven: 900, contradicted: 100 }, proofRate: 0.9 }),
      SEEN,
      /90\.0 % of 1000/,
    ],
    ["states without a digest", status({ states: { ...noVerdicts(), unprovable: 500 } }), SEEN, /500 states/],
    ["a clock that is behind", status({ skew: { p1: -9e5, p50: -4e5, p99: 0 } }), SEEN, /-400 ms/],
    ["dumps without tick", status(), { ...SEEN, dumpsWithoutTick: 4 }, /4 of 4/],
    ["no reference price", status({}, { references: [] }), SEEN, /no reference price came/],
    ["failed requests", status(), { ...SEEN, requestErrors: 5 }, /5 requests/],
    ["frames skipped live", status({ live: { waiting: 0, behind: true, skipped: 7 } }), SEEN, /skipped 7/],
    ["missing credentials", status(), { ...SEEN, notes: ["set the key"] }, /set the key/],
  ];
  it.each(cases)("says one line about %s", (_, given, seen, line) => {
    const lines = findDifferences(given, seen);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(line);
  });

  it("gives a price its first minute, and asks for none where nothing settles by one", () => {
    const early = status({}, { references: [], at: (30 * SECOND) as UnixMicros });
    expect(findDifferences(early, SEEN)).toEqual([]);
    expect(findDifferences(status({}, { references: [] }), { ...SEEN, referenceExpected: false })).toEqual([]);
  });

  it("calls no proof rate low before there are enough states", () => {
    const few = status({ states: { ...noVerdicts(), proven: 1, contradicted: 5 }, proofRate: 1 / 6 });
    expect(findDifferences(few, SEEN)).toEqual([]);
  });
});
