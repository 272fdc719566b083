import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { InstrumentId, Market, PriceMicros, UnixMicros } from "#model";
import { DAY, HOUR, MINUTE, parseTime, SECOND } from "#model";
import { INQUIRY_DEFAULTS, mergeMarket, missingFacts, NEVER_ASKED, nextInquiry } from "./catalog-inquiry.ts";
import { gridSlugs, groupSlugsIn, isWanted, seriesPath, wantedSpan } from "./catalog-windows.ts";
import { parseWindowSlug, settlementOfWindow } from "./series.ts";

const T0 = parseTime("2026-11-22T10:00:00Z") as UnixMicros;
const price = { price: 84_000_000_000 as PriceMicros, exact: "84000" };
const moments = fc.integer({ min: 0, max: 365 * 86_400 }).map((seconds) => (T0 + seconds * SECOND) as UnixMicros);

function windowMarket(slug: string): Market {
  const recurring = parseWindowSlug(slug)!;
  return {
    slug,
    seriesSlug: "btc-up-or-down-15m",
    window: recurring.window,
    settlement: settlementOfWindow(recurring),
    strike: null,
    finalPrice: null,
    winner: null,
    closed: false,
    closedAt: null,
  } as Market;
}

describe("the wanted windows of a grid series", () => {
  it.each([
    ["5m", 5 * MINUTE],
    ["15m", 15 * MINUTE],
  ] as const)("of %s cover the span without hole or overlap, the present one first", (timeframe, length) => {
    fc.assert(
      fc.property(moments, fc.integer({ min: 0, max: 6 * HOUR }), (now, ahead) => {
        const span = wantedSpan(now, ahead);
        const windows = (gridSlugs(`btc-up-or-down-${timeframe}`, span) ?? []).map(
          (slug) => parseWindowSlug(slug)!.window,
        );
        expect(windows[0]!.startsAt).toBeLessThanOrEqual(now);
        expect(windows[0]!.endsAt).toBeGreaterThan(now);
        for (const [index, window] of windows.entries()) {
          expect(window.startsAt % length).toBe(0);
          if (index > 0) expect(window.startsAt).toBe(windows[index - 1]!.endsAt);
          expect(window.startsAt).toBeLessThan(span.until);
        }
        expect(windows.at(-1)!.endsAt).toBeGreaterThanOrEqual(span.until);
      }),
    );
  });

  it("are not computed for series that follow Eastern time, nor for unknown ones", () => {
    const span = wantedSpan(T0, HOUR);
    for (const series of ["btc-up-or-down-4h", "btc-up-or-down-hourly", "some-series"]) {
      expect(gridSlugs(series, span)).toBeUndefined();
    }
  });

  it("are told from windows of other series and other times", () => {
    const market = windowMarket(`btc-updown-15m-${T0 / SECOND}`);
    const wanted = (now: number, ahead: number, series = "btc-up-or-down-15m") =>
      isWanted(market, series, wantedSpan(now as UnixMicros, ahead));
    expect(wanted(T0, 0)).toBe(true);
    expect(wanted(T0 + 15 * MINUTE, 0)).toBe(false);
    expect(wanted(T0 - 10 * MINUTE, 5 * MINUTE)).toBe(false);
    expect(wanted(T0 - 10 * MINUTE, 11 * MINUTE)).toBe(true);
    expect(wanted(T0, 0, "eth-up-or-down-15m")).toBe(false);
    expect(wanted(T0, 0, "btc-up-or-down-15m")).toBe(true);
  });

  it("are asked for with bounded ends, since some old events never close", () => {
    const query = new URL(seriesPath("btc-up-or-down-4h", wantedSpan(T0, HOUR)), "http://host").searchParams;
    expect(query.get("closed")).toBe("false");
    expect(query.get("end_date_min")).toBe("2026-11-22T10:00:00.000Z");
    expect(Date.parse(query.get("end_date_max") ?? "") * 1_000).toBe(T0 + HOUR + 2 * DAY);
  });

  it("are read from a series' own list, soonest first and no more than asked for", () => {
    const ends = [26 * HOUR, -HOUR, 2 * HOUR, 4 * HOUR, 90 * HOUR];
    const events = ends.map((end, index) => ({
      slug: `w${index}`,
      endDate: new Date((T0 + end) / 1_000).toISOString(),
    }));
    const body = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
    const span = wantedSpan(T0, HOUR);
    expect(groupSlugsIn(body([{ slug: "s", events }]), span, 9)).toEqual(["w2", "w3", "w0"]);
    expect(groupSlugsIn(body([{ slug: "s", events }]), span, 1)).toEqual(["w2"]);
    expect(groupSlugsIn(body([{ slug: "s", events: [{ ...events[2], closed: true }] }]), span, 9)).toEqual([]);
    for (const odd of [null, [], {}, [{ events: "x" }], [{ events: [null, 4] }]]) {
      expect(groupSlugsIn(body(odd), span, 9)).toEqual([]);
    }
    expect(groupSlugsIn(new TextEncoder().encode("<html>"), span, 9)).toEqual([]);
  });
});

describe("the inquiry about a window", () => {
  const market = windowMarket(`btc-updown-15m-${T0 / SECOND}`);
  const { startsAt, endsAt } = market.window!;

  /** Follows the steps as a driver does, learning facts at given moments; the questions with their moments. */
  function follow(learn: { strikeAt?: number; winnerAt?: number; from?: number }) {
    const asked: { at: number; sources: readonly string[] }[] = [];
    let state = NEVER_ASKED;
    let now = learn.from ?? startsAt - 10 * MINUTE;
    for (let steps = 0; steps < 1_000; steps++) {
      const known: Market = {
        ...market,
        strike: now >= (learn.strikeAt ?? Number.POSITIVE_INFINITY) ? price : null,
        ...(now >= (learn.winnerAt ?? Number.POSITIVE_INFINITY)
          ? { strike: price, winner: "1" as InstrumentId, finalPrice: price }
          : {}),
      };
      const step = nextInquiry(known, state, now as UnixMicros);
      if (step.kind === "done" || step.kind === "give_up") return { asked, end: step, at: now };
      if (step.kind === "wait") {
        expect(step.until).toBeGreaterThan(now);
        now = step.until;
      } else {
        asked.push({ at: now, sources: step.sources });
        state = step.next;
      }
    }
    throw new Error("does not end");
  }

  it("ends, asks a bounded number of times, and never asks what cannot be known yet", () => {
    const offset = fc.integer({ min: 0, max: 60 * 60 });
    fc.assert(
      fc.property(offset, offset, fc.integer({ min: -1_200, max: 1_200 }), (strike, winner, from) => {
        const { asked, end, at } = follow({
          strikeAt: startsAt + strike * SECOND,
          winnerAt: endsAt + winner * SECOND,
          from: startsAt + from * SECOND,
        });
        expect(asked.length).toBeLessThan(80);
        for (const question of asked) {
          expect(question.at).toBeGreaterThanOrEqual(startsAt + 3 * SECOND);
          if (question.sources.includes("clob")) expect(question.at).toBeGreaterThan(endsAt);
        }
        expect(at).toBeLessThanOrEqual(endsAt + INQUIRY_DEFAULTS.graceMicros);
        expect(end.kind).toBe(winner < 30 * 60 ? "done" : "give_up");
      }),
    );
  });

  it("learns the strike from its service within seconds, and from Gamma if that stays silent", () => {
    const { asked } = follow({ winnerAt: endsAt + 30 * SECOND });
    expect(asked[0]).toEqual({ at: startsAt + 3 * SECOND, sources: ["strike_service"] });
    const gamma = asked.find((question) => question.sources.includes("gamma"))!;
    expect(gamma.at).toBeGreaterThanOrEqual(startsAt + 45 * SECOND);
    expect(gamma.at).toBeLessThan(startsAt + 2 * MINUTE);
  });

  it("asks nothing between the strike and the end, and then within ten seconds", () => {
    const { asked } = follow({ strikeAt: startsAt + 3 * SECOND, winnerAt: endsAt + 60 * SECOND });
    expect(asked[0]).toEqual({ at: endsAt + 10 * SECOND, sources: ["gamma"] });
    expect(asked.some((question) => question.sources.includes("clob"))).toBe(true);
  });

  it("gives up after the grace and says what is missing", () => {
    expect(follow({ strikeAt: startsAt }).end).toEqual({ kind: "give_up", missing: ["final price", "winner"] });
    expect(follow({}).end).toEqual({ kind: "give_up", missing: ["strike", "final price", "winner"] });
  });

  it("wants only the winner of what settles elsewhere", () => {
    expect(missingFacts({ ...market, settlement: { kind: "binance_candle", symbol: "btc" } })).toEqual(["winner"]);
    expect(missingFacts({ ...market, window: null, winner: "1" as InstrumentId })).toEqual([]);
  });

  it("looks at a market without a window now and then until it is closed and decided", () => {
    const open: Market = { ...market, window: null, settlement: { kind: "other", source: "" } };
    const first = nextInquiry(open, NEVER_ASKED, T0);
    if (first.kind !== "ask") throw new Error(first.kind);
    expect(nextInquiry(open, first.next, T0)).toEqual({ kind: "wait", until: T0 + 5 * MINUTE });
    const closed = { ...open, closed: true, closedAt: (T0 - HOUR) as UnixMicros };
    expect(nextInquiry(closed, first.next, T0)).toEqual({ kind: "give_up", missing: ["winner"] });
    expect(nextInquiry({ ...closed, winner: "1" as InstrumentId }, first.next, T0)).toEqual({ kind: "done" });
  });

  it("never forgets a fact for an answer that lacks it", () => {
    const known = { ...market, strike: price, winner: "1" as InstrumentId, closed: true };
    const fresh = { ...market, question: "new words", finalPrice: price };
    expect(mergeMarket(known, fresh)).toEqual({ ...known, question: "new words", finalPrice: price });
  });
});
