import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  complementOf,
  type InstrumentId,
  type Market,
  type MarketId,
  type PriceMicros,
  type SizeMicros,
  type UnixMicros,
} from "#model";
import { Decoder } from "./decoder.ts";
import {
  encodeGammaGroup,
  encodeGammaGroups,
  encodeGammaGroupsPage,
  encodeGammaMarket,
  encodeGammaMarkets,
  encodeGammaMarketsPage,
  encodeGammaSeries,
} from "./encode-gamma.ts";
import { encodeNewMarket } from "./encode-market.ts";
import { decodeGamma } from "./gamma.ts";
import { seriesSlug, settlementOfWindow, TIMEFRAMES, type Timeframe, windowSlug } from "./series.ts";

const decoder = new Decoder();
/** As plain objects: fast-check's records have no prototype. */
const plain = <T>(value: T): T => structuredClone(value);
const market = fc.stringMatching(/^[0-9a-f]{64}$/).map((id) => `0x${id}` as MarketId);
const instrument = fc.stringMatching(/^[1-9][0-9]{76}$/).map((id) => id as InstrumentId);
const sentAt = fc
  .integer({ min: 1_000_000_000_000, max: 2_000_000_000_000 })
  .map((millis) => (millis * 1_000) as UnixMicros);
const exactPrice = fc
  .tuple(fc.integer({ min: 1, max: 200_000 }), fc.stringMatching(/^[0-9]{0,8}[1-9]$/))
  .map(([whole, fraction]) => ({
    price: (whole * 1e6 + Number(fraction.padEnd(6, "0").slice(0, 6))) as PriceMicros,
    exact: `${whole}.${fraction}`,
  }));
const windowMarket: fc.Arbitrary<Market> = fc
  .record({
    id: market,
    tokens: fc.tuple(instrument, instrument).filter(([up, down]) => up !== down),
    coin: fc.constantFrom("btc", "eth", "doge"),
    timeframe: fc.constantFrom<Timeframe>("5m", "15m", "4h"),
    slot: fc.integer({ min: 1_974_000, max: 2_010_000 }),
    tickSize: fc.constantFrom(10_000 as PriceMicros, 1_000 as PriceMicros),
    active: fc.boolean(),
    strike: fc.oneof(exactPrice, fc.constant(null)),
    end: fc.oneof(
      fc.record({ finalPrice: exactPrice, up: fc.boolean(), lateSeconds: fc.integer({ min: 15, max: 300 }) }),
      fc.constant(null),
    ),
    protocol: fc.constantFrom("v1" as const, "v2" as const),
    fee: fc.constantFrom({ rate: 0.07, exponent: 1, takerOnly: true, rebateRate: 0.2 }, null),
  })
  .map(plain)
  .map(({ tokens, coin, timeframe, slot, end, ...some }): Market => {
    const startsAt = (slot * 900 * 1e6) as UnixMicros;
    const window = { startsAt, endsAt: (startsAt + TIMEFRAMES[timeframe]) as UnixMicros };
    const slug = windowSlug(coin, timeframe, startsAt);
    return {
      ...some,
      slug,
      question: `${coin} Up or Down`,
      groupSlug: slug,
      seriesSlug: seriesSlug(coin, timeframe),
      outcomes: [
        { name: "Up", instrument: tokens[0] },
        { name: "Down", instrument: tokens[1] },
      ],
      window,
      minOrderSize: 5_000_000 as SizeMicros,
      negRisk: false,
      closed: end !== null,
      closedAt: end && ((window.endsAt + end.lateSeconds * 1e6) as UnixMicros),
      settlement: settlementOfWindow({ coin, timeframe, window }),
      finalPrice: end === null ? null : end.finalPrice,
      winner: end && tokens[end.up ? 0 : 1],
    };
  });

describe("markets", () => {
  it("come back from every form of a Gamma answer", () => {
    fc.assert(
      fc.property(windowMarket, windowMarket, (first, second) => {
        const group = (one: Market) => ({
          slug: one.slug,
          title: one.question,
          seriesSlug: one.seriesSlug,
          markets: [one],
        });
        const nothing = { faults: [], nextCursor: null };
        expect(decodeGamma(encodeGammaGroup(group(first)))).toStrictEqual({ markets: [first], ...nothing });
        const both = { markets: [first, second], ...nothing };
        expect(decodeGamma(encodeGammaGroups([group(first), group(second)]))).toStrictEqual(both);
        expect(decodeGamma(encodeGammaMarkets([first, second]))).toStrictEqual(both);
        expect(decodeGamma(encodeGammaMarket(second)).markets).toStrictEqual([second]);
        expect(decodeGamma(encodeGammaGroupsPage([group(first), group(second)], "abc="))).toStrictEqual({
          ...both,
          nextCursor: "abc=",
        });
        expect(decodeGamma(encodeGammaMarketsPage([first, second], null))).toStrictEqual(both);
        const series = { slug: first.seriesSlug!, title: "series", groups: [group(first), group(second)] };
        expect(decodeGamma(encodeGammaSeries([series]))).toStrictEqual({ markets: [], ...nothing });
      }),
      { numRuns: 50 },
    );
  });

  it("come back from their announcement, as far as it tells of them", () => {
    fc.assert(
      fc.property(windowMarket, sentAt, (some, at) => {
        const announced: Market = {
          ...some,
          active: false,
          closed: false,
          closedAt: null,
          strike: null,
          finalPrice: null,
          winner: null,
          protocol: "v1",
        };
        const event = { kind: "market_created" as const, sentAt: at, market: announced };
        expect(decoder.decode("market", encodeNewMarket(event))).toStrictEqual([event]);
        expect(complementOf(announced, announced.outcomes[0]!.instrument)).toBe(announced.outcomes[1]!.instrument);
      }),
      { numRuns: 50 },
    );
  });
});
