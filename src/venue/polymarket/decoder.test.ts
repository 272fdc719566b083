import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type ConnectionId,
  FRAME_KINDS,
  type Frame,
  NO_MONOTONIC,
  type Seq,
  type UnixMicros,
  type VenueEvent,
} from "#model";
import { Decoder, decodeBookAnswer } from "./decoder.ts";
import { decodeGamma } from "./gamma.ts";
import { type Surface, surfaceOf } from "./surface.ts";

const decoder = new Decoder();
const bytesOf = (message: unknown): Uint8Array =>
  Buffer.from(typeof message === "string" ? message : JSON.stringify(message));
const decode = (message: unknown, surface: Surface = "market"): readonly VenueEvent[] =>
  decoder.decode(surface, bytesOf(message));
const ids = { market: "0xbd31", asset_id: "6581", timestamp: "1757908892351" };
const known = { market: "0xbd31", instrument: "6581", sentAt: 1_757_908_892_351_000 };

describe("the market channel", () => {
  it.each(["", "PONG", "[]", "pong"])("takes %j as a sign of life", (text) => {
    expect(decode(text)).toMatchObject([{ kind: "notice" }]);
  });

  it("keeps the rest of an array when one element is bad", () => {
    const trade = { ...ids, event_type: "last_trade_price", price: "0.456" };
    expect(decode([trade, { ...trade, price: "0.4.5" }, 7, trade]).map((event) => event.kind)).toEqual([
      "trade",
      "fault",
      "fault",
      "trade",
    ]);
  });

  it("sorts a book best first, in whatever order it comes", () => {
    const level = (price: string) => ({ price, size: "1" });
    const book = {
      ...ids,
      event_type: "book",
      hash: "ab",
      bids: [level("0.2"), level("0.4"), level("0.3")],
      asks: [level("0.5"), level("0.9"), level("0.6")],
    };
    const [event] = decode(book);
    expect(event).toMatchObject({ ...known, kind: "book", digest: "ab" });
    expect(event?.kind === "book" && event.bids.map((one) => one.price)).toEqual([400_000, 300_000, 200_000]);
    expect(event?.kind === "book" && event.asks.map((one) => one.price)).toEqual([500_000, 600_000, 900_000]);
    expect(event).not.toHaveProperty("tickSize");
    expect(event).not.toHaveProperty("lastTradePrice");
    const { bids, asks, ...rest } = book;
    expect(decode({ ...rest, buys: bids, sells: asks })).toStrictEqual([event]);
  });

  it("reads price changes of before 2025-09-15", () => {
    const changes = [
      { price: "0.4", side: "SELL", size: "3300" },
      { price: ".5", side: "BUY", size: "0" },
    ];
    expect(decode({ ...ids, event_type: "price_change", hash: "3cd4", changes })).toStrictEqual([
      {
        kind: "price_change",
        market: known.market,
        sentAt: known.sentAt,
        changes: [
          {
            instrument: "6581",
            side: "ask",
            price: 400_000,
            size: 3_300_000_000,
            digest: "3cd4",
            bestBid: undefined,
            bestAsk: undefined,
          },
          {
            instrument: "6581",
            side: "bid",
            price: 500_000,
            size: 0,
            digest: "3cd4",
            bestBid: undefined,
            bestAsk: undefined,
          },
        ],
      },
    ]);
  });

  it.each([
    ["", "", null, null],
    ["0", "1", null, null],
    ["0", "0", null, null],
    [".48", "0.52", 480_000, 520_000],
    [undefined, null, undefined, undefined],
  ])("tells an empty side from an untold one: best_bid %j, best_ask %j", (bid, ask, bestBid, bestAsk) => {
    const change = { asset_id: "1", price: "0.5", size: "2", side: "BUY", hash: "", best_bid: bid, best_ask: ask };
    expect(decode({ ...ids, event_type: "price_change", price_changes: [change] })).toMatchObject([
      { changes: [{ bestBid, bestAsk }] },
    ]);
  });

  it("reads the small messages of the docs", () => {
    const trade = {
      event_type: "last_trade_price",
      ...ids,
      price: "0.456",
      size: "219.217767",
      fee_rate_bps: "0",
      side: "BUY",
      transaction_hash: "0xee",
    };
    expect(decode(trade)).toStrictEqual([
      { kind: "trade", ...known, price: 456_000, size: 219_217_767, takerSide: "buy", transaction: "0xee" },
    ]);
    expect(decode({ event_type: "last_trade_price", ...ids, price: "0.98", size: "", side: null })).toStrictEqual([
      { kind: "trade", ...known, price: 980_000, size: null, takerSide: null, transaction: null },
    ]);
    expect(
      decode({ event_type: "tick_size_change", ...ids, old_tick_size: "0.01", new_tick_size: "0.001" }),
    ).toStrictEqual([{ kind: "tick_size_change", ...known, tickSize: 1_000, previous: 10_000 }]);
    expect(decode({ event_type: "best_bid_ask", ...ids, best_bid: "0.73", best_ask: "", spread: "" })).toStrictEqual([
      { kind: "best_prices", ...known, bestBid: 730_000, bestAsk: null },
    ]);
    expect(
      decode({
        event_type: "market_resolved",
        id: "1",
        ...ids,
        winning_asset_id: "76",
        winning_outcome: "Yes",
        tags: [],
      }),
    ).toStrictEqual([
      { kind: "market_resolved", market: known.market, sentAt: known.sentAt, winner: "76", outcome: "Yes" },
    ]);
  });

  it("passes types it does not know through by name", () => {
    expect(decode({ event_type: "surprise", x: 1 })).toStrictEqual([{ kind: "unknown", type: "surprise" }]);
  });

  it.each([
    ["not_json", "{"],
    ["bad_shape", { event_type: "book", ...ids }],
    [
      "bad_shape",
      { event_type: "price_change", ...ids, price_changes: [{ asset_id: "1", price: "0.5", size: "1", side: "HOLD" }] },
    ],
    [
      "bad_number",
      { event_type: "price_change", ...ids, price_changes: [{ asset_id: "1", price: "1.5", size: "1", side: "BUY" }] },
    ],
    ["bad_number", { event_type: "last_trade_price", ...ids, timestamp: "soon", price: "0.5" }],
    ["bad_number", { event_type: "tick_size_change", ...ids, new_tick_size: "0" }],
  ])("says %s", (reason, message) => {
    expect(decode(message)).toMatchObject([{ kind: "fault", reason }]);
  });
});

describe("frames", () => {
  const frame = (kind: Frame["kind"], connection: string): Frame => ({
    seq: 0 as Seq,
    connection: connection as ConnectionId,
    kind,
    receivedAt: 1 as UnixMicros,
    monotonicAt: NO_MONOTONIC,
    bytes: bytesOf("PONG"),
  });

  it("hold messages only where they were received", () => {
    for (const kind of FRAME_KINDS)
      expect(decoder.decodeFrame(frame(kind, "market-a-0"))).toHaveLength(kind === "received" ? 1 : 0);
  });

  it("are the market channel's under any label that is not ours", () => {
    expect(
      ["market-a-0", "polybolt-a-0", "rtds-b-1", "binance-a-0", "btc-updown-5m-1776323400", "rtdsx"].map((label) =>
        surfaceOf(label as ConnectionId),
      ),
    ).toEqual(["market", "polybolt", "rtds", "binance", "market", "market"]);
  });
});

describe("nothing that a socket may bring makes a decoder throw", () => {
  const surfaces: readonly Surface[] = ["market", "polybolt", "rtds", "binance"];
  const nasty = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom<unknown>(
      "",
      null,
      -1,
      1e300,
      {},
      [],
      { toString: 1, valueOf: 1 },
      { toJSON: 1 },
      "0.5",
      "1757908892351",
      "BUY",
    ),
  );
  const KEYS = [
    "event_type",
    "market",
    "asset_id",
    "timestamp",
    "bids",
    "asks",
    "price_changes",
    "changes",
    "price",
    "size",
    "side",
    "hash",
    "op",
    "code",
    "channel",
    "ts",
    "payload",
    "topic",
    "statusCode",
    "body",
    "e",
    "p",
    "s",
    "E",
    "T",
    "b",
    "a",
    "data",
    "value",
    "symbol",
    "slug",
    "outcomes",
    "assets_ids",
    "fee_schedule",
    "fees_enabled",
    "conditionId",
    "clobTokenIds",
    "orderMinSize",
    "feeSchedule",
    "cryptoMarketConfig",
    "markets",
    "events",
  ];
  const TYPES = [
    "book",
    "price_change",
    "last_trade_price",
    "tick_size_change",
    "best_bid_ask",
    "new_market",
    "market_resolved",
  ];
  const shaped = fc
    .tuple(fc.dictionary(fc.constantFrom(...KEYS), nasty), fc.constantFrom(...TYPES))
    .map(([members, type]) => ({ event_type: type, ...members }));

  it("be it JSON of any shape", () => {
    fc.assert(
      fc.property(fc.oneof(shaped, fc.array(shaped, { maxLength: 3 }), nasty), (message) => {
        const bytes = bytesOf(message);
        for (const surface of surfaces) decoder.decode(surface, bytes);
        decodeGamma(bytes);
        decodeBookAnswer(bytes);
      }),
      { numRuns: 2_000 },
    );
  });

  it("be it no text at all, or nested beyond reason", () => {
    const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
    const all = [
      deep,
      `{"event_type":"book","market":${deep}}`,
      `{"channel":"price.crypto","payload":${deep}}`,
      `{"events":${deep}}`,
      `{"conditionId":${deep},"slug":${deep}}`,
    ];
    for (const text of all) {
      for (const surface of surfaces) decode(text, surface);
      decodeGamma(bytesOf(text));
      decodeBookAnswer(bytesOf(text));
    }
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void surfaces.map((surface) => decoder.decode(surface, bytes))));
  });
});
