import { hash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Digest, InstrumentId, Level, MarketId, PriceMicros, SizeMicros, UnixMicros } from "#model";
import { formatMicros, parsePrice, parseSize } from "#model";
import { bookDigest, type DigestFields, snapshotDigest } from "./digest.ts";
import { Ladder } from "./ladder.ts";

// Production REST bodies of 2026-04-27/28 and the official test data in the server's key order (shared reference, 2.6).
interface Vector {
  readonly digest: string;
  readonly market: string;
  readonly instrument: string;
  readonly millis: number;
  readonly bids: readonly (readonly [string, string])[];
  readonly asks: readonly (readonly [string, string])[];
}

const VECTORS: readonly Vector[] = [
  {
    digest: "6244f63858a1e3ef43606706e51a484907d911a0",
    market: "0xd967d7d5a0b33a1526e5f2239568e58de8c924a14fe3b69a1c50aff38cb0d4e0",
    instrument: "28718769439282091652995010258948804660150865727547676008909086622855303551587",
    millis: 1777325080783,
    bids: [["0.01", "100"]],
    asks: [["0.99", "100"]],
  },
  {
    digest: "e2db0e233efd1f83878784e82e4b646788023ffc",
    market: "0xd967d7d5a0b33a1526e5f2239568e58de8c924a14fe3b69a1c50aff38cb0d4e0",
    instrument: "39432833452780425269156082358028067738244234077813167766309428284741849585937",
    millis: 1777325080783,
    bids: [["0.01", "100"]],
    asks: [["0.99", "100"]],
  },
  {
    digest: "2641799594ca630c7cfbcb1eefa308abb6cd4eab",
    market: "0xf9ac0e77c3f0f1ad3c26c31d6d34e4a77c4e0236509fd82c28b7385ca5d6a08f",
    instrument: "85600252644170731211210566152921956764401066963486188642737546170874308262312",
    millis: 1777366470133,
    bids: [],
    asks: [],
  },
];

const levels = (pairs: readonly (readonly [string, string])[]): Level[] =>
  pairs.map(([price, size]) => ({ price: parsePrice(price) as PriceMicros, size: parseSize(size) as SizeMicros }));

function fieldsOf(vector: Vector): DigestFields {
  return {
    market: vector.market as MarketId,
    instrument: vector.instrument as InstrumentId,
    sentAt: (vector.millis * 1_000) as UnixMicros,
    minOrderSize: 5_000_000 as SizeMicros,
    tickSize: 10_000 as PriceMicros,
    negRisk: false,
    lastTradePrice: null,
  };
}

describe("the venue's digest", () => {
  it.each(VECTORS)("of a recorded production book is $digest", (vector) => {
    const ladder = new Ladder(10_000 as PriceMicros);
    ladder.replace(levels(vector.bids), levels(vector.asks));
    expect(bookDigest(ladder, fieldsOf(vector))).toBe(vector.digest as Digest);
    expect(snapshotDigest(levels(vector.bids), levels(vector.asks), fieldsOf(vector))).toBe(vector.digest as Digest);
  });

  it("depends on every field and every level", () => {
    const fields = fieldsOf(VECTORS[0]!);
    const ladder = new Ladder(10_000 as PriceMicros);
    ladder.replace(levels([["0.01", "100"]]), levels([["0.99", "100"]]));
    const variants: Partial<DigestFields>[] = [
      { minOrderSize: 15_000_000 as SizeMicros },
      { tickSize: 1_000 as PriceMicros },
      { negRisk: true },
      { lastTradePrice: 480_000 as PriceMicros },
      { sentAt: (fields.sentAt + 1_000) as UnixMicros },
    ];
    const digests = [fields, ...variants.map((variant) => ({ ...fields, ...variant }))].map((each) =>
      bookDigest(ladder, each),
    );
    ladder.set("bid", 10_000 as PriceMicros, 100_000_001 as SizeMicros);
    digests.push(bookDigest(ladder, fields));
    expect(new Set(digests).size).toBe(digests.length);
  });

  it("has the official test data's value in the server's key order", () => {
    // T3c: a book without a timestamp, which no frame has. Its text with a moment put in, hashed the plain way.
    const text =
      '{"market":"0xaabbcc","asset_id":"100","timestamp":"123456789","hash":"","bids":[{"price":"0.3","size":"100"},{"price":"0.4","size":"100"}],"asks":[{"price":"0.7","size":"100"},{"price":"0.6","size":"100"}],"min_order_size":"15","tick_size":"0.001","neg_risk":false,"last_trade_price":"0.000"}';
    const fields: DigestFields = {
      market: "0xaabbcc" as MarketId,
      instrument: "100" as InstrumentId,
      sentAt: 123_456_789_000 as UnixMicros,
      minOrderSize: 15_000_000 as SizeMicros,
      tickSize: 1_000 as PriceMicros,
      negRisk: false,
      lastTradePrice: 0 as PriceMicros,
    };
    const ladder = new Ladder(1_000 as PriceMicros);
    ladder.replace(
      levels([
        ["0.4", "100"],
        ["0.3", "100"],
      ]),
      levels([
        ["0.6", "100"],
        ["0.7", "100"],
      ]),
    );
    expect(bookDigest(ladder, fields)).toBe(hash("sha1", text) as Digest);
  });

  it("is that of compact JSON for any book and any fields, also when asked again after changes", () => {
    const anyField = fc.record({
      market: fc.string({ unit: fc.constantFrom("0", "x", "a", "f") }),
      instrument: fc.string({ unit: fc.constantFrom("1", "2", "9"), maxLength: 90 }),
      millis: fc.oneof(fc.nat(), fc.integer({ min: 0, max: 9_000_000_000_000 })),
      minOrderSize: fc.constantFrom("5", "15", "0.1"),
      tickSize: fc.constantFrom("0.1", "0.01", "0.005", "0.0025", "0.001", "0.0001"),
      negRisk: fc.boolean(),
      lastTradePrice: fc.option(fc.integer({ min: 0, max: 1_000 })),
    });
    const change = fc.record({
      side: fc.constantFrom("bid" as const, "ask" as const),
      price: fc.oneof(
        fc.integer({ min: 0, max: 100 }).map((cents) => cents * 10_000),
        fc.nat({ max: 1_000_000 }),
      ),
      size: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 9_000_000_000 }), fc.maxSafeNat()),
    });
    const ladder = new Ladder(10_000 as PriceMicros);
    fc.assert(
      fc.property(anyField, fc.array(change, { maxLength: 12 }), (field, changes) => {
        if (changes.length === 0) ladder.clear();
        for (const { side, price, size } of changes) ladder.set(side, price as PriceMicros, size as SizeMicros);
        const side = (of: "bid" | "ask") =>
          ladder
            .levels(of)
            .toReversed()
            .map(({ price, size }) => ({ price: formatMicros(price), size: formatMicros(size) }));
        const { market, instrument, millis, minOrderSize, tickSize, negRisk, lastTradePrice } = field;
        const text = JSON.stringify({
          market,
          asset_id: instrument,
          timestamp: String(millis),
          hash: "",
          bids: side("bid"),
          asks: side("ask"),
          min_order_size: minOrderSize,
          tick_size: tickSize,
          neg_risk: negRisk,
          last_trade_price: lastTradePrice === null ? "" : (lastTradePrice / 1_000).toFixed(3),
        });
        const fields = {
          market: market as MarketId,
          instrument: instrument as InstrumentId,
          sentAt: (millis * 1_000) as UnixMicros,
          minOrderSize: parseSize(minOrderSize) as SizeMicros,
          tickSize: parsePrice(tickSize) as PriceMicros,
          negRisk,
          lastTradePrice: lastTradePrice === null ? null : ((lastTradePrice * 1_000) as PriceMicros),
        };
        expect(bookDigest(ladder, fields)).toBe(hash("sha1", text) as Digest);
        expect(snapshotDigest(ladder.levels("bid"), ladder.levels("ask"), fields)).toBe(hash("sha1", text) as Digest);
      }),
      { numRuns: 400 },
    );
  });
});
