import { describe, expect, it } from "vitest";
import type { UnixMicros, VenueEvent } from "#model";
import { Decoder } from "./decoder.ts";
import type { Surface } from "./surface.ts";

const decoder = new Decoder();
const bytesOf = (message: unknown): Uint8Array => Buffer.from(JSON.stringify(message));
const decode = (message: unknown, surface: Surface): readonly VenueEvent[] => decoder.decode(surface, bytesOf(message));

describe("reference prices", () => {
  it("dates and reads the history of Chainlink spot under its wrong topic", () => {
    const message = {
      payload: { data: [{ timestamp: 1_777_381_686_000, value: 76_211.80016560019 }], symbol: "btc/usd" },
      timestamp: 1_777_381_687_612,
      topic: "crypto_prices",
      type: "subscribe",
    };
    expect(decode(message, "rtds")).toStrictEqual([
      {
        kind: "reference_price",
        source: "rtds",
        provider: "chainlink",
        symbol: "btcusd",
        measure: "spot",
        windowSeconds: null,
        price: 76_211_800_165,
        exact: "76211.80016560019",
        observedAt: 1_777_381_686_000_000,
        sentAt: 1_777_381_687_612_000,
        history: true,
      },
    ]);
  });

  it("takes the plain decimal of Binance's topic as it is", () => {
    const payload = { symbol: "solusdt", timestamp: 1_753_314_064_213, value: 189.55, full_accuracy_value: "63000" };
    expect(
      decode({ topic: "crypto_prices", type: "update", timestamp: 1_753_314_064_237, payload }, "rtds"),
    ).toMatchObject([{ provider: "binance", symbol: "solusdt", exact: "63000", price: 63_000_000_000 }]);
  });

  it("names no provider for PolyBolt's spot where the frame names none", () => {
    const payload = { symbol: "btcusd", value: 1.5, full_accuracy_value: "1.50", timestamp: 1_788_973_001_000 };
    expect(decode({ v: 1, channel: "price.crypto", seq: 2, ts: 1_788_973_001_000, payload }, "polybolt")).toMatchObject(
      [{ provider: "unknown", exact: "1.50", price: 1_500_000 }],
    );
    expect(
      decode({ v: 1, channel: "price.crypto.twap", seq: 2, ts: 1_788_973_001_000, payload }, "polybolt"),
    ).toMatchObject([{ provider: "chainlink", measure: "twap", windowSeconds: 60 }]);
    expect(
      decode(
        { v: 1, channel: "price.equity", seq: 1, ts: 1, snapshot: true, payload: { symbol: "aapl", data: [] } },
        "polybolt",
      ),
    ).toStrictEqual([]);
  });

  it("reads Binance's streams, and the middle of a bookTicker to the last digit", () => {
    const trade = {
      e: "trade",
      E: 1_672_515_782_136,
      s: "BTCUSDT",
      t: 12_345,
      p: "16850.12345678",
      q: "1",
      T: 1_672_515_782_100,
    };
    const event = {
      source: "binance",
      symbol: "btcusdt",
      exact: "16850.12345678",
      price: 16_850_123_456,
      observedAt: 1_672_515_782_100_000,
      sentAt: 1_672_515_782_136_000,
    };
    expect(decode(trade, "binance")).toMatchObject([event]);
    expect(decode({ stream: "btcusdt@aggTrade", data: { ...trade, e: "aggTrade" } }, "binance")).toMatchObject([event]);
    const ticker = { u: 400_900_217, s: "BNBUSDT", b: "25.35190000", B: "31.21", a: "25.3652", A: "40.66" };
    const receivedAt = 1_672_515_782_200_000 as UnixMicros;
    expect(decoder.decode("binance", bytesOf(ticker), receivedAt)).toMatchObject([
      { exact: "25.358550000", price: 25_358_550, observedAt: receivedAt },
    ]);
    expect(decode({ ...ticker, b: "0.1", a: "0.2" }, "binance")).toMatchObject([
      { kind: "fault", reason: "bad_shape" },
    ]);
    expect(decode({ result: null, id: 1 }, "binance")).toMatchObject([{ kind: "notice" }]);
    expect(decode({ error: { code: 2, msg: "no" }, id: 1 }, "binance")).toMatchObject([
      { kind: "fault", reason: "refused" },
    ]);
  });
});
