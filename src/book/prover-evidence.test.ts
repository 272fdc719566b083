import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Digest, Gap, InstrumentId, MarketId, PriceMicros, Seq, SizeMicros, UnixMicros, VenueEvent } from "#model";
import { DOWN, inBatch, MARKET, p, s, UP, Venue } from "./fixtures/venue.ts";
import type { StateVerdict } from "./instrument-state.ts";
import { Prover, type ProverOptions } from "./prover.ts";
import { mirrorMismatches } from "./views.ts";

// What the prover may conclude from what: fields that are only guessed, values found by search, two outcomes, losses.

interface Proof {
  readonly prover: Prover;
  readonly verdicts: StateVerdict[];
  feed(...events: VenueEvent[]): void;
  /** Ends the stream and says the verdicts. */
  kinds(): string[];
}

function proof(options: ProverOptions = {}): Proof {
  const verdicts: StateVerdict[] = [];
  const prover = new Prover({ ...options, onVerdict: (verdict) => verdicts.push(verdict) });
  let seq = 0;
  const feed = (...events: VenueEvent[]) => {
    for (const event of events) {
      prover.apply(event, { seq: seq as Seq, receivedAt: (seq * 1_000) as UnixMicros });
      seq++;
    }
  };
  const kinds = () => {
    prover.flush();
    return verdicts.map((each) => each.verdict);
  };
  return { prover, verdicts, feed, kinds };
}

function openVenue(instrument = UP): Venue {
  const venue = new Venue(instrument);
  venue.ladder.replace([{ price: p(48), size: s(10) }], [{ price: p(52), size: s(10) }]);
  return venue;
}

/** Each message at a moment of its own. */
function later(venue: Venue): Venue {
  venue.at += 10;
  return venue;
}

describe("fields that no frame shows", () => {
  it("are the up/down markets' where nobody says otherwise, and agreement proves them", () => {
    const { feed, kinds } = proof();
    feed(openVenue().dump());
    expect(kinds()).toEqual(["proven"]);
  });

  it("come from the catalog where it has them", () => {
    const venue = openVenue();
    venue.minOrderSize = s(15);
    venue.negRisk = true;
    venue.tick(1_000);
    const { feed, kinds, prover } = proof({
      facts: () => ({ minOrderSize: s(15), negRisk: true, tickSize: 1_000 as PriceMicros }),
    });
    const { tickSize: _, ...dump } = venue.dump();
    feed(dump, later(venue).change("bid", 48.1, 1));
    expect(prover.book(UP)?.ladder.tickSize).toBe(1_000);
    expect(kinds()).toEqual(["proven", "proven"]);
  });

  it("contradict nothing while they are only guessed", () => {
    const venue = openVenue();
    venue.minOrderSize = s(15);
    const { feed, kinds, prover } = proof();
    feed(venue.dump(), later(venue).change("bid", 47, 1));
    expect(kinds()).toEqual(["unprovable", "unprovable"]);
    expect(prover.gaps()).toEqual([]);
  });

  it("are believed once the venue's own book carried them", () => {
    const venue = openVenue();
    venue.minOrderSize = s(15);
    const { feed, kinds } = proof();
    feed({ ...venue.dump(), minOrderSize: s(15), negRisk: false }, later(venue).change("bid", 47, 1));
    expect(kinds()).toEqual(["proven", "proven"]);
  });

  it("may lack the tick of the opening dump", () => {
    const venue = openVenue();
    venue.tick(1_000);
    const { tickSize: _, ...dump } = venue.dump();
    const { feed, kinds } = proof({ search: "off" });
    feed(dump, later(venue).change("bid", 47, 1));
    expect(kinds()).toEqual(["proven", "proven"]);
  });
});

describe("the last trade price", () => {
  it("is the market's: what one outcome's message shows, the other's digest holds", () => {
    const [up, down] = [openVenue(UP), openVenue(DOWN)];
    const { feed, kinds } = proof({ search: "off" });
    feed(up.dump(), down.dump());
    const trade = later(up).trade(52);
    later(down).trade(52);
    feed(trade, up.change("ask", 52, 3), down.change("bid", 48, 3));
    expect(kinds()).toEqual(["proven", "proven", "proven", "proven"]);
  });

  it("that was found counts as found until a frame shows it", () => {
    const venue = openVenue();
    const { feed, kinds } = proof();
    feed(venue.dump());
    const unseen = later(venue).trade(51);
    feed(venue.change("ask", 52, 4), later(venue).change("ask", 52, 5));
    feed(unseen, later(venue).change("ask", 52, 6));
    expect(kinds()).toEqual(["proven", "inferred", "inferred", "proven"]);
  });

  it("that was found does not displace one that a frame showed meanwhile", () => {
    const venue = openVenue();
    const { feed, kinds } = proof();
    feed(venue.dump());
    later(venue).trade(51);
    const change = venue.change("ask", 52, 4);
    feed(change, later(venue).trade(50));
    feed(venue.change("ask", 52, 5));
    expect(kinds()).toEqual(["proven", "inferred", "proven"]);
  });

  it("may be any of several that were published after the book", () => {
    const venue = openVenue();
    const { feed, kinds } = proof({ search: "off" });
    feed(venue.dump());
    const first = later(venue).trade(52);
    const change = venue.change("ask", 52, 4);
    feed(change, first, venue.trade(53), venue.trade(54));
    expect(kinds()).toEqual(["proven", "proven"]);
  });

  it("is searched for everywhere at the first disagreement and ever more rarely after it", () => {
    const venue = openVenue();
    const { feed, prover, verdicts } = proof();
    feed(venue.dump());
    later(venue).change("bid", 40, 1);
    // A far-off price that only the search everywhere finds, in a stretch that is broken from its first state on.
    venue.trade(3.7);
    for (let n = 0; n < 200; n++) feed(later(venue).change("ask", 52, n + 1));
    expect(new Set(verdicts.slice(1).map((each) => each.verdict))).toEqual(new Set(["contradicted"]));
    // Healed by hand: the book is right again, and within 64 states that is found out.
    feed(later(venue).change("bid", 40, 2));
    for (let n = 0; n < 65; n++) feed(later(venue).change("ask", 53, n + 1));
    prover.flush();
    expect(verdicts.at(-1)?.verdict).toBe("inferred");
    expect(prover.gaps()).toHaveLength(1);
    expect(prover.gaps()[0]?.to).not.toBeNull();
  });
});

describe("losses", () => {
  it("opens one gap for two losses in a row, from the last good state to the next", () => {
    const venue = openVenue();
    const records: [string, Gap][] = [];
    const { feed, kinds, prover } = proof({ onGap: ({ phase, gap }) => records.push([phase, gap]) });
    feed(venue.dump(), later(venue).change("bid", 47, 1));
    later(venue).change("bid", 46, 1);
    feed(later(venue).change("bid", 47, 2));
    later(venue).change("ask", 60, 1);
    feed(later(venue).change("bid", 46, 3), later(venue).change("ask", 60, 0), later(venue).change("bid", 45, 1));
    expect(kinds()).toEqual(["proven", "proven", "contradicted", "contradicted", "proven", "proven"]);
    expect(records.map(([phase]) => phase)).toEqual(["opened", "closed"]);
    expect(prover.gaps()).toEqual([records[1]?.[1]]);
    expect(records[0]?.[1]).toMatchObject({ id: `contradiction-1-${UP}`, fromSeq: 1, from: 1_000, to: null });
    expect(records[0]?.[1].evidence).toContain("frame 2");
    expect(records[1]?.[1]).toMatchObject({ fromSeq: 1, toSeq: 4, to: 4_000 });
  });

  it("is mended by a snapshot", () => {
    const venue = openVenue();
    const { feed, kinds, prover } = proof();
    feed(venue.dump());
    later(venue).change("bid", 46, 1);
    feed(later(venue).change("bid", 47, 2), later(venue).update());
    expect(kinds()).toEqual(["proven", "contradicted", "proven"]);
    expect(prover.gaps()).toMatchObject([{ fromSeq: 0, toSeq: 2 }]);
  });

  it("leaves what an instrument counted to whoever forgets it, and forgets the rest", () => {
    const [up, down] = [openVenue(UP), openVenue(DOWN)];
    const { feed, prover } = proof();
    feed(up.dump(), down.dump());
    later(up).change("bid", 46, 1);
    feed(later(up).change("bid", 47, 2), later(up).change("bid", 45, 2));
    expect(prover.forget(UP)).toMatchObject({ instrument: UP, states: { proven: 1, contradicted: 2 } });
    expect(prover.forget(UP)).toBeUndefined();
    expect([...prover.proofs()].map((each) => each.instrument)).toEqual([DOWN]);
    expect(prover.gaps()).toEqual([]);
    expect(prover.book(UP)).toBeUndefined();
  });
});

describe("books of all shapes", () => {
  it("proves one-sided and empty books and does not call their missing best price a disagreement", () => {
    const venue = new Venue();
    const { feed, kinds, prover } = proof();
    feed(venue.dump(), later(venue).change("bid", 99, 5));
    const emptied = later(venue).change("bid", 99, 0);
    // What some messages say of an empty side: the end of the scale.
    const [change] = emptied.changes;
    feed({ ...emptied, changes: [{ ...change!, bestBid: p(0), bestAsk: p(100) }] });
    expect(kinds()).toEqual(["proven", "proven", "proven"]);
    expect(prover.totals().bbo).toEqual({ checked: 2, agreed: 2 });
  });

  it("proves both outcomes from messages that change both, and finds them mirrored", () => {
    const [up, down] = [openVenue(UP), openVenue(DOWN)];
    const { feed, kinds, prover } = proof();
    feed(up.dump(), down.dump());
    for (let n = 1; n < 20; n++) {
      const one = later(up).change("bid", n, n);
      const other = later(down).change("ask", 100 - n, n);
      feed({ ...one, changes: [...one.changes, ...other.changes] });
    }
    expect(new Set(kinds())).toEqual(new Set(["proven"]));
    const ladderOf = (instrument: InstrumentId) => prover.book(instrument)!.ladder;
    expect(mirrorMismatches(ladderOf(UP), ladderOf(DOWN))).toEqual([]);
    expect(prover.totals()).toMatchObject({ states: { proven: 40 }, bbo: { checked: 38, agreed: 38 } });
  });

  it("compares an instrument's best prices once a message, after the whole of it", () => {
    const venue = openVenue();
    const { feed, prover } = proof();
    feed(venue.dump(), later(venue).changes(["bid", 49, 1], ["bid", 50, 1], ["bid", 49, 0]));
    expect(prover.totals().bbo).toEqual({ checked: 1, agreed: 1 });
  });

  it("compares a best_prices message only with the book of its moment", () => {
    const venue = openVenue();
    const { feed, prover } = proof();
    feed(venue.dump());
    const said = { kind: "best_prices" as const, market: MARKET, instrument: UP, bestBid: p(48), bestAsk: p(52) };
    feed({ ...said, sentAt: venue.sentAt }, { ...said, sentAt: later(venue).sentAt });
    feed({ ...said, sentAt: (venue.sentAt - 10_000) as UnixMicros, bestAsk: p(53) });
    expect(prover.totals().bbo).toEqual({ checked: 2, agreed: 1 });
  });

  it("proves any stream of batches, single changes and whole books of a venue that tells everything", () => {
    const level = fc.tuple(
      fc.constantFrom("bid" as const, "ask" as const),
      fc.integer({ min: 1, max: 999 }),
      fc.nat(50),
    );
    const step = fc.oneof(
      fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => ({ do: "batch" as const, levels })),
      fc.integer({ min: 1, max: 999 }).map((tenths) => ({ do: "trade" as const, tenths })),
      fc.constantFrom(1_000, 10_000, 5_000, 2_500).map((micros) => ({ do: "tick" as const, micros })),
      fc.constant({ do: "update" as const }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const venue = openVenue();
        const { feed, kinds, prover } = proof({ search: "off" });
        feed(venue.dump());
        for (const each of steps) {
          later(venue);
          if (each.do === "trade") feed(venue.trade(each.tenths / 10));
          else if (each.do === "tick") feed(venue.tick(each.micros));
          else if (each.do === "update") feed(venue.update());
          else {
            const messages = each.levels.map(([side, tenths, shares]) => venue.change(side, tenths / 10, shares));
            feed(...messages.map((message) => inBatch(message, venue.digest())));
          }
        }
        expect(kinds().every((kind) => kind === "proven")).toBe(true);
        expect(prover.book(UP)?.ladder.levels("bid")).toEqual(venue.ladder.levels("bid"));
        expect(prover.book(UP)?.ladder.levels("ask")).toEqual(venue.ladder.levels("ask"));
      }),
      { numRuns: 100 },
    );
  });
});

describe("any well-typed events", () => {
  const micros = fc.oneof(
    fc.constantFrom(0, 1, 480_000, 1_000_000, 1_000_001, -1),
    fc.maxSafeInteger(),
    fc.integer({ min: 0, max: 1_000_000 }),
  );
  const own = {
    market: fc.constantFrom("m", "n") as fc.Arbitrary<MarketId>,
    instrument: fc.constantFrom("1", "2", "3") as fc.Arbitrary<InstrumentId>,
    sentAt: fc.oneof(fc.nat(3), fc.maxSafeNat()) as fc.Arbitrary<UnixMicros>,
  };
  const price = micros as fc.Arbitrary<PriceMicros>;
  const size = micros as fc.Arbitrary<SizeMicros>;
  const digest = fc.constantFrom("", "a", "b") as fc.Arbitrary<Digest>;
  const levels = fc.array(fc.record({ price, size }), { maxLength: 4 });
  const best = fc.option(price, { nil: undefined });
  const { instrument, market, sentAt } = own;
  const change = fc.record({ instrument, side: fc.constantFrom("bid" as const, "ask" as const), price, size, digest });
  const event = fc.oneof(
    fc.record({ kind: fc.constant("book" as const), ...own, digest, bids: levels, asks: levels }),
    fc
      .record({ kind: fc.constant("book" as const), ...own, digest, bids: levels, asks: levels, tickSize: price })
      .chain((book) =>
        fc.record({ minOrderSize: size, lastTradePrice: fc.option(price) }).map((rest) => ({ ...book, ...rest })),
      ),
    fc.record({
      kind: fc.constant("price_change" as const),
      market,
      sentAt,
      changes: fc.array(
        fc.tuple(change, best, best).map(([each, bestBid, bestAsk]) => ({ ...each, bestBid, bestAsk })),
        { maxLength: 4 },
      ),
    }),
    fc.record({ kind: fc.constant("tick_size_change" as const), ...own, tickSize: price, previous: fc.constant(null) }),
    fc.record({
      kind: fc.constant("best_prices" as const),
      ...own,
      bestBid: fc.option(price),
      bestAsk: fc.option(price),
    }),
    own.market.chain((id) =>
      fc.record({ ...own, price }).map((trade) => ({
        kind: "trade" as const,
        ...trade,
        market: id,
        size: null,
        takerSide: null,
        transaction: null,
      })),
    ),
  );

  it("are borne: nothing throws, and each state that ended has one verdict", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 30 }), (events) => {
        const { feed, kinds, prover } = proof({ search: "near" });
        feed(...events);
        const counted = kinds().length;
        const { states } = prover.totals();
        expect(states.proven + states.inferred + states.contradicted + states.unprovable).toBe(counted);
      }),
      { numRuns: 300 },
    );
  });
});
