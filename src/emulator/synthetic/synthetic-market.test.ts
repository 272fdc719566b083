import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { Ladder, mirrorMismatches, Prover } from "#book";
import type { InstrumentId, Market, Seq, UnixMicros, VenueEvent } from "#model";
import { HOUR, MINUTE, SECOND } from "#model";
import { Decoder } from "#venue";
import { STARTS_AT } from "../fixtures/synthetic-venue.ts";
import { createSyntheticMarket, type SyntheticMarket, type SyntheticOptions } from "./synthetic-market.ts";

function create(options: Partial<SyntheticOptions> = {}): SyntheticMarket {
  return createSyntheticMarket({
    seed: 3,
    startsAt: STARTS_AT,
    series: ["btc-updown-5m"],
    aheadMicros: HOUR / 4,
    activity: 0.3,
    ...options,
  });
}

/** Steps on for so long; each decoded event is shown. */
function run(market: SyntheticMarket, seconds: number, visit: (event: VenueEvent, at: UnixMicros) => void): void {
  const decoder = new Decoder();
  const until = market.nextAt() + seconds * SECOND;
  while (market.nextAt() < until) {
    const at = market.nextAt();
    for (const item of market.step()) {
      if (item.kind === "reference") visit(item.price, at);
      if (item.kind !== "market") continue;
      for (const event of decoder.decode("market", item.bytes)) visit(event, at);
    }
  }
}

function fingerprint(market: SyntheticMarket, steps: number): string {
  const hash = createHash("sha256");
  for (let step = 0; step < steps; step++) {
    hash.update(String(market.nextAt()));
    for (const item of market.step()) hash.update(item.kind === "market" ? item.bytes : JSON.stringify(item));
  }
  return hash.digest("hex");
}

const tokensOf = (market: Market) => market.outcomes.map(({ instrument }) => instrument);

describe("the synthetic market", () => {
  it("gives the same bytes at the same times for the same seed, and others for another", () => {
    expect(fingerprint(create(), 600)).toBe(fingerprint(create(), 600));
    expect(fingerprint(create(), 600)).not.toBe(fingerprint(create({ seed: 4 }), 600));
    const load = { series: [], markets: 50, framesPerSecond: 1_000 };
    expect(fingerprint(create(load), 600)).toBe(fingerprint(create(load), 600));
  });

  it("does not change a series because another is listed beside it", () => {
    const alone: string[] = [];
    const beside: string[] = [];
    const note = (into: string[]) => (event: VenueEvent) => {
      if (event.kind === "price_change" && event.market === btc) into.push(event.changes[0]!.digest);
    };
    const one = create();
    const btc = [...one.markets()].find(({ window }) => window!.startsAt > STARTS_AT - 5 * MINUTE)!.id;
    run(one, 60, note(alone));
    run(create({ series: ["btc-updown-5m", "eth-updown-15m"] }), 60, note(beside));
    expect(alone.length).toBeGreaterThan(50);
    expect(beside.slice(0, alone.length)).toEqual(alone.slice(0, beside.length));
  });

  it.each([
    ["windows", {}, 900],
    ["generic markets", { series: [], markets: 40, framesPerSecond: 600 }, 60],
  ])("of %s proves whole, mirrors exactly, and is never crossed", (_, options, seconds) => {
    const market = create(options);
    const prover = new Prover({ search: "off" });
    const at = { seq: 0 as Seq, receivedAt: 0 as UnixMicros };
    const open = (tokens: readonly InstrumentId[]) => {
      for (const token of tokens) {
        const answer = market.book(token);
        if (answer.kind === "open") prover.apply(answer.book, at);
      }
    };
    const known = [...market.markets()];
    for (const one of known) open(tokensOf(one));
    let mirrors = 0;
    run(market, seconds, (event) => {
      prover.apply(event, at);
      if (event.kind === "market_created") {
        known.push(event.market);
        open(tokensOf(event.market));
      }
    });
    prover.flush();
    for (const one of known) {
      const [first, second] = tokensOf(one).map((token) => prover.book(token)?.ladder ?? new Ladder(one.tickSize));
      expect(mirrorMismatches(first!, second!)).toEqual([]);
      if (first!.count("bid") + first!.count("ask") > 0) mirrors++;
    }
    expect(mirrors).toBeGreaterThan(2);
    const { states, bbo, crossed, locked } = prover.totals();
    expect(states).toMatchObject({ inferred: 0, contradicted: 0, unprovable: 0 });
    expect(states.proven).toBeGreaterThan(1_000);
    expect(bbo.agreed).toBe(bbo.checked);
    expect([crossed, locked]).toEqual([0, 0]);
  });

  it("never lets the venue's time of a book stand still or go back between states", () => {
    const market = create();
    const last = new Map<string, { sentAt: number; digest: string }>();
    run(market, 300, (event) => {
      if (event.kind !== "price_change") return;
      const { instrument, digest } = event.changes[0]!;
      const before = last.get(instrument);
      if (before && before.digest !== digest) expect(event.sentAt).toBeGreaterThan(before.sentAt);
      last.set(instrument, { sentAt: event.sentAt, digest });
    });
    expect(last.size).toBeGreaterThan(2);
  });

  it("resolves each window 20 to 90 s after its end: Up where the average did not fall, and the next starts there", () => {
    const market = create({ activity: 0.02 });
    const resolved: { id: string; winner: string; at: number }[] = [];
    run(market, 1_800, (event, at) => {
      if (event.kind === "market_resolved") resolved.push({ id: event.market, winner: event.winner, at });
    });
    expect(resolved.length).toBeGreaterThanOrEqual(5);
    const markets = [...market.markets()];
    for (const { id, winner, at } of resolved) {
      const one = markets.find((candidate) => candidate.id === id)!;
      expect(one.winner).toBe(winner);
      const up = Number(one.finalPrice!.exact) >= Number(one.strike!.exact);
      expect(winner).toBe(one.outcomes[up ? 0 : 1]?.instrument);
      expect((at - one.window!.endsAt) / SECOND).toBeGreaterThanOrEqual(20);
      expect((at - one.window!.endsAt) / SECOND).toBeLessThanOrEqual(90);
      const next = markets.find(({ window }) => window!.startsAt === one.window!.endsAt);
      expect(next?.strike).toEqual(one.finalPrice);
    }
    expect(
      new Set(resolved.map(({ winner }) => markets.find((one) => tokensOf(one)[0] === winner) !== undefined)).size,
    ).toBe(2);
  });

  it("settles by the average of the price feed at the boundary, as its subscribers see it", () => {
    const market = create({ activity: 0.02, holes: false });
    const averages = new Map<number, string>();
    run(market, 700, (event) => {
      if (event.kind === "reference_price" && event.measure === "twap") averages.set(event.observedAt, event.exact);
    });
    const settled = [...market.markets()].filter(
      ({ window, winner }) => winner !== null && window!.startsAt > STARTS_AT,
    );
    expect(settled.length).toBeGreaterThan(0);
    for (const { window, strike, finalPrice } of settled) {
      expect(strike?.exact).toBe(averages.get(window!.startsAt));
      expect(finalPrice?.exact).toBe(averages.get(window!.endsAt));
    }
  });

  it("announces a window about as long ahead as told, with the book already there", () => {
    const market = create({ activity: 0.02 });
    let announced = 0;
    run(market, 900, (event, at) => {
      if (event.kind !== "market_created") return;
      announced++;
      const ahead = event.market.window!.startsAt - at;
      expect(ahead).toBeGreaterThan(HOUR / 4 - 6 * MINUTE);
      expect(ahead).toBeLessThanOrEqual(HOUR / 4);
      expect(market.book(event.market.outcomes[0]!.instrument).kind).toBe("open");
    });
    expect(announced).toBeGreaterThanOrEqual(2);
  });

  it("changes the tick beyond 0.96 and 0.04", () => {
    const bests: { tick: number; bid: number; ask: number }[] = [];
    const market = create({ seed: 2, activity: 0.2 });
    run(market, 1_500, (event) => {
      if (event.kind !== "tick_size_change") return;
      const answer = market.book(event.instrument);
      if (answer.kind !== "open") return;
      const [bid, ask] = [answer.book.bids[0]?.price ?? 0, answer.book.asks[0]?.price ?? 1_000_000];
      bests.push({ tick: event.tickSize, bid, ask });
    });
    const fine = bests.filter(({ tick }) => tick === 1_000);
    expect(fine.length).toBeGreaterThan(0);
    expect(fine.every(({ bid, ask }) => bid > 900_000 || ask < 100_000)).toBe(true);
  });

  it("keeps to the rate that a load is asked for", () => {
    const market = create({ series: [], markets: 500, framesPerSecond: 2_000 });
    let frames = 0;
    const from = market.nextAt();
    while (market.nextAt() < from + 20 * SECOND) frames += market.step().length;
    expect(frames / 20).toBeGreaterThan(1_700);
    expect(frames / 20).toBeLessThan(2_300);
  });

  it("lists four-hour windows by Eastern time, summer and winter", () => {
    const windowAt = (iso: string) => {
      const startsAt = (Date.parse(iso) * 1_000) as UnixMicros;
      const market = createSyntheticMarket({ seed: 1, startsAt, series: ["btc-updown-4h"], aheadMicros: SECOND });
      return [...market.markets()].some(({ window }) => window!.startsAt === startsAt);
    };
    expect(windowAt("2026-05-26T20:00:00Z")).toBe(true);
    expect(windowAt("2026-11-22T21:00:00Z")).toBe(true);
  });

  it("refuses a series that it does not know", () => {
    expect(() => create({ series: ["btc-updown-7m"] })).toThrow(/btc-updown-7m/);
  });
});
