import { describe, expect, it } from "vitest";
import { decodeGamma } from "./gamma.ts";

const bytesOf = (message: unknown): Uint8Array =>
  Buffer.from(typeof message === "string" ? message : JSON.stringify(message));

describe("Gamma", () => {
  const market = {
    conditionId: "0xf6",
    slug: "btc-updown-15m-1790616600",
    question: "?",
    outcomes: '["Up", "Down"]',
    clobTokenIds: '["72", "73"]',
    outcomePrices: '["1", "0"]',
    eventStartTime: "2026-09-28T17:30:00Z",
    endDate: "2026-09-28T17:45:00Z",
    active: true,
    closed: true,
    closedTime: "2026-09-28 17:46:27+00",
    umaResolutionStatus: "resolved",
    orderMinSize: 5,
    orderPriceMinTickSize: 0.01,
    negRisk: false,
    feeSchedule: { exponent: 1, rate: 0.07, takerOnly: true, rebateRate: 0.2 },
    resolutionSource: "https://data.chain.link/streams/btc-usd-twap-60s-streams",
    version: "v1",
  };
  const group = {
    slug: market.slug,
    series: [{ slug: "btc-up-or-down-15m" }],
    eventMetadata: { priceToBeat: 83_884.316123, finalPrice: 64_123.57 },
    markets: [market],
  };

  it("tells a market's window, winner, settlement and exact strike", () => {
    expect(decodeGamma(bytesOf(group)).markets).toMatchObject([
      {
        id: "0xf6",
        groupSlug: market.slug,
        seriesSlug: "btc-up-or-down-15m",
        winner: "72",
        closedAt: Date.UTC(2026, 8, 28, 17, 46, 27) * 1_000,
        window: { startsAt: 1_790_616_600_000_000, endsAt: 1_790_617_500_000_000 },
        settlement: { kind: "chainlink_twap", symbol: "btcusd", seconds: 60 },
        strike: { price: 83_884_316_123, exact: "83884.316123" },
        finalPrice: { price: 64_123_570_000, exact: "64123.57" },
      },
    ]);
  });

  it("takes lists for JSON in strings, text for numbers, and slugs for what is missing", () => {
    const { eventStartTime: _start, resolutionSource: _source, ...bare } = market;
    const other = {
      ...bare,
      outcomes: ["Up", "Down"],
      clobTokenIds: ["72", "73"],
      outcomePrices: ["0", "1"],
      orderMinSize: "5",
      orderPriceMinTickSize: "0.001",
    };
    expect(decodeGamma(bytesOf(other)).markets).toMatchObject([
      {
        winner: "73",
        tickSize: 1_000,
        minOrderSize: 5_000_000,
        seriesSlug: "btc-up-or-down-15m",
        strike: null,
        window: { startsAt: 1_790_616_600_000_000 },
        settlement: { kind: "chainlink_twap", seconds: 60 },
      },
    ]);
    const hourly = {
      ...bare,
      slug: "bitcoin-up-or-down-august-30-2026-12pm-et",
      closed: false,
      umaResolutionStatus: null,
    };
    expect(decodeGamma(bytesOf([hourly])).markets).toMatchObject([
      { winner: null, settlement: { kind: "binance_candle", symbol: "btcusdt" } },
    ]);
  });

  it("settles each window by the rule of its start", () => {
    const settled = (slug: string) =>
      decodeGamma(bytesOf({ ...market, slug, resolutionSource: "" })).markets[0]?.settlement;
    const at = (iso: string) => Date.parse(iso) / 1_000;
    expect(settled(`btc-updown-5m-${at("2026-08-06T23:55:00Z")}`)).toEqual({
      kind: "chainlink_spot",
      symbol: "btcusd",
    });
    expect(settled(`btc-updown-5m-${at("2026-08-07T00:00:00Z")}`)).toEqual({
      kind: "chainlink_twap",
      symbol: "btcusd",
      seconds: 30,
    });
    expect(settled(`btc-updown-15m-${at("2026-08-07T00:00:00Z")}`)).toEqual({
      kind: "chainlink_twap",
      symbol: "btcusd",
      seconds: 60,
    });
    expect(settled(`eth-updown-5m-${at("2026-08-14T00:00:00Z")}`)).toEqual({
      kind: "chainlink_twap",
      symbol: "ethusd",
      seconds: 60,
    });
  });

  it("gives the sound markets of an answer and a fault for each other", () => {
    const answer = decodeGamma(
      bytesOf({ events: [{ ...group, markets: [market, { ...market, clobTokenIds: '["1"]' }, 7] }], next_cursor: "x" }),
    );
    expect(answer).toMatchObject({ markets: [{ id: "0xf6" }], nextCursor: "x" });
    expect(answer.faults.map((fault) => fault.reason)).toEqual(["bad_shape", "bad_shape"]);
    expect(decodeGamma(bytesOf("<html>")).faults).toMatchObject([{ reason: "not_json" }]);
  });
});
