import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type BestPrices,
  type BookSnapshot,
  type Digest,
  type InstrumentId,
  type Level,
  type MarketId,
  type PriceChange,
  type PriceMicros,
  parsePrice,
  parseSize,
  type ReferencePrice,
  type SizeMicros,
  type TickSizeChange,
  type Trade,
  type UnixMicros,
  type VenueEvent,
} from "#model";
import { Decoder, decodeBookAnswer } from "./decoder.ts";
import { encodeBookAnswer, encodeBookDump, encodeBookUpdate } from "./encode-book.ts";
import {
  encodeBestPrices,
  encodeMarketResolved,
  encodePriceChange,
  encodeTickSizeChange,
  encodeTrade,
} from "./encode-market.ts";
import {
  encodeBinanceTrade,
  encodePolyBoltAnswer,
  encodePolyBoltBestPrices,
  encodePolyBoltSnapshot,
  encodePolyBoltUpdate,
  encodeRtdsHistory,
  encodeRtdsRefusal,
  encodeRtdsUpdate,
} from "./encode-prices.ts";

const decoder = new Decoder();
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");
const price = (dollars: string): PriceMicros => parsePrice(dollars)!;
const size = (shares: string): SizeMicros => parseSize(shares)!;
/** As plain objects: fast-check's records have no prototype. */
const plain = <T>(value: T): T => structuredClone(value);
const millis = (value: number): UnixMicros => (value * 1_000) as UnixMicros;

const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`));
const instrument = fc.stringMatching(/^[1-9][0-9]{76}$/).map((id) => id as InstrumentId);
const market = hex(64).map((id) => `0x${id}` as MarketId);
const digest = hex(40).map((id) => id as Digest);
const sentAt = fc.integer({ min: 1_000_000_000_000, max: 2_000_000_000_000 }).map(millis);
const outcomePrice = fc.oneof(
  fc.integer({ min: 1, max: 999 }).map((tenths) => tenths * 1_000),
  fc.integer({ min: 1, max: 999_999 }),
) as fc.Arbitrary<PriceMicros>;
const shares = fc.oneof(
  fc.integer({ min: 0, max: 1e9 }),
  fc.integer({ min: 0, max: 1e6 }).map((whole) => whole * 1e6),
) as fc.Arbitrary<SizeMicros>;
const bestPrice = fc.oneof(outcomePrice, fc.constant(null));
const levels = (side: "bid" | "ask"): fc.Arbitrary<readonly Level[]> =>
  fc
    .uniqueArray(fc.record({ price: outcomePrice, size: shares }), { selector: (level) => level.price, maxLength: 30 })
    .map((some) => some.sort((a, b) => (side === "bid" ? b.price - a.price : a.price - b.price)));
const plainBook = fc.record({
  kind: fc.constant("book" as const),
  market,
  instrument,
  sentAt,
  digest,
  bids: levels("bid"),
  asks: levels("ask"),
});
const threeDecimals = fc.integer({ min: 1, max: 999 }).map((tenths) => (tenths * 1_000) as PriceMicros);
const openingBook = fc
  .tuple(plainBook, fc.constantFrom(price("0.01"), price("0.001")), fc.oneof(threeDecimals, fc.constant(null)))
  .map(([book, tickSize, lastTradePrice]): BookSnapshot => ({ ...book, tickSize, lastTradePrice }));
const answeredBook = openingBook.map((book): BookSnapshot => ({ ...book, minOrderSize: size("5"), negRisk: false }));

describe("decode(encode(event)) is the event", () => {
  const same = (event: VenueEvent, bytes: Uint8Array) =>
    expect(decoder.decode("market", bytes)).toStrictEqual([plain(event)]);

  it("for opening dumps, updates and REST answers of books", () => {
    fc.assert(
      fc.property(
        fc.array(openingBook, { minLength: 1, maxLength: 3 }),
        plainBook,
        answeredBook,
        (dump, update, answer) => {
          expect(decoder.decode("market", encodeBookDump(dump))).toStrictEqual(plain(dump));
          same(update, encodeBookUpdate(update));
          expect(decodeBookAnswer(encodeBookAnswer(answer))).toStrictEqual(plain(answer));
        },
      ),
    );
  });

  it("for price changes", () => {
    const change = fc.record({
      instrument,
      side: fc.constantFrom("bid" as const, "ask" as const),
      price: outcomePrice,
      size: shares,
      digest,
      bestBid: fc.oneof(bestPrice, fc.constant(undefined)),
      bestAsk: fc.oneof(bestPrice, fc.constant(undefined)),
    });
    const event = fc.record({ market, sentAt, changes: fc.array(change, { minLength: 1, maxLength: 5 }) });
    fc.assert(
      fc.property(event, (some) => {
        const priceChange: PriceChange = { kind: "price_change", ...some };
        same(priceChange, encodePriceChange(priceChange));
      }),
    );
  });

  it("for trades, tick sizes, best prices and resolutions", () => {
    const known = { market, instrument, sentAt };
    const trade: fc.Arbitrary<Trade> = fc.record({
      kind: fc.constant("trade" as const),
      ...known,
      price: outcomePrice,
      size: fc.oneof(shares, fc.constant(null)),
      takerSide: fc.constantFrom("buy", "sell", null),
      transaction: fc.oneof(
        hex(64).map((id) => `0x${id}`),
        fc.constant(null),
      ),
    });
    const tick: fc.Arbitrary<TickSizeChange> = fc.record({
      kind: fc.constant("tick_size_change" as const),
      ...known,
      tickSize: fc.constantFrom(price("0.01"), price("0.001")),
      previous: fc.constantFrom(price("0.1"), null),
    });
    const best: fc.Arbitrary<BestPrices> = fc.record({
      kind: fc.constant("best_prices" as const),
      ...known,
      bestBid: bestPrice,
      bestAsk: bestPrice,
    });
    fc.assert(
      fc.property(trade, tick, best, (aTrade, aTick, aBest) => {
        same(aTrade, encodeTrade(aTrade));
        same(aTick, encodeTickSizeChange(aTick));
        same(aBest, encodeBestPrices(aBest));
        const resolved = {
          kind: "market_resolved" as const,
          market: aTrade.market,
          sentAt: aTrade.sentAt,
          winner: aTrade.instrument,
          outcome: 'Up "or" Äq',
        };
        same(resolved, encodeMarketResolved(resolved, [aTrade.instrument, aBest.instrument]));
      }),
    );
  });
});

const exactPrice = fc
  .tuple(fc.integer({ min: 1, max: 200_000 }), fc.stringMatching(/^[0-9]{0,8}[1-9]$/))
  .map(([whole, fraction]) => ({
    price: (whole * 1e6 + Number(fraction.padEnd(6, "0").slice(0, 6))) as PriceMicros,
    exact: `${whole}.${fraction}`,
  }));
describe("reference prices", () => {
  const point = (shape: Partial<ReferencePrice>): fc.Arbitrary<ReferencePrice> =>
    fc.record({ exactly: exactPrice, observedAt: sentAt, sentAt }).map(({ exactly, ...times }) => ({
      kind: "reference_price",
      source: "polybolt",
      provider: "chainlink",
      symbol: "btcusd",
      measure: "spot",
      windowSeconds: null,
      ...exactly,
      ...times,
      history: false,
      ...shape,
    }));
  const twap = { measure: "twap", windowSeconds: 60 } as const;

  it("come back from PolyBolt's updates and snapshots", () => {
    fc.assert(
      fc.property(
        point({}),
        point(twap),
        fc.array(point(twap), { maxLength: 5 }),
        sentAt,
        (spot, average, past, at) => {
          expect(decoder.decode("polybolt", encodePolyBoltUpdate(spot, 7))).toStrictEqual([spot]);
          expect(decoder.decode("polybolt", encodePolyBoltUpdate(average, 7))).toStrictEqual([average]);
          const snapshot = encodePolyBoltSnapshot(average, past, { seq: 1, sentAt: at });
          expect(decoder.decode("polybolt", snapshot)).toStrictEqual(
            past.map((one) => ({ ...one, sentAt: at, history: true })),
          );
        },
      ),
    );
  });

  it("come back from RTDS's updates and histories, whatever topic these are labelled with", () => {
    const rtds = { source: "rtds" } as const;
    const binance = { ...rtds, provider: "binance", symbol: "btcusdt" } as const;
    fc.assert(
      fc.property(point(rtds), point({ ...rtds, ...twap }), point(binance), sentAt, (spot, average, other, at) => {
        for (const one of [spot, average, other]) {
          expect(decoder.decode("rtds", encodeRtdsUpdate(one, "abc="))).toStrictEqual([one]);
          const [past] = decoder.decode("rtds", encodeRtdsHistory(one, [one], at));
          // Points of a history have a JSON number only, of 17 digits.
          expect(past).toMatchObject({
            provider: one.provider,
            symbol: one.symbol,
            measure: one.measure,
            windowSeconds: one.windowSeconds,
            observedAt: one.observedAt,
            sentAt: at,
            history: true,
          });
          expect(past?.kind === "reference_price" && Number(past.exact)).toBe(Number(one.exact));
        }
      }),
    );
  });

  it("come back from Binance's trades", () => {
    fc.assert(
      fc.property(point({ source: "binance", provider: "binance", symbol: "btcusdt" }), (one) => {
        expect(decoder.decode("binance", encodeBinanceTrade(one, { trade: 1, quantity: "0.1" }))).toStrictEqual([one]);
      }),
    );
  });
});

describe("bytes are the venue's", () => {
  it("for a price change: a space after each comma and none after the colon", () => {
    const bytes =
      '{"market":"0x5f65177b394277fd294cd75650044e32ba009a95022d88a0c1d565897d72f8f1", "price_changes":[{"asset_id":"71321045679252212594626385532706912750332728571942532289631379312455583992563", "price":"0.5", "size":"200", "side":"BUY", "hash":"56621a121a47ed9333273e21c83b660cff37ae50", "best_bid":"0.5", "best_ask":"1"}, {"asset_id":"52114319501245915516055106046884209969926127482827954674443846427813813222426", "price":"0.5", "size":"200", "side":"SELL", "hash":"1895759e4df7a796bf4f1c5a5950b748306923e2", "best_bid":"0", "best_ask":"0.5"}], "timestamp":"1757908892351", "event_type":"price_change"}';
    const [event] = decoder.decode("market", Buffer.from(bytes));
    expect(text(encodePriceChange(event as PriceChange))).toBe(bytes);
  });

  it("for an opening dump: compact, levels worst first, a newline at the end", () => {
    const bytes =
      '[{"market":"0x8a9f8be5bef9bc8d36c7895707a4f2561d49de9f5467b6675ba206196e8bd2e2","asset_id":"98756637703320879198441871470345384821367334051929992047845197222571333888980","timestamp":"1790908667676","hash":"9e4f2ff8ba2be56177e8bdc8623dfaba4d18f5c8","bids":[{"price":"0.01","size":"112689"},{"price":"0.02","size":"133687"},{"price":"0.03","size":"41666.32"}],"asks":[{"price":"0.99","size":"37677.02"},{"price":"0.98","size":"25298"},{"price":"0.97","size":"8960.67"}],"tick_size":"0.01","event_type":"book","last_trade_price":"0.140"},{"market":"0x8a9f8be5bef9bc8d36c7895707a4f2561d49de9f5467b6675ba206196e8bd2e2","asset_id":"1111","timestamp":"1790908667676","hash":"0000000000000000000000000000000000000000","bids":[],"asks":[],"tick_size":"0.01","event_type":"book","last_trade_price":""}]\n';
    const books = decoder.decode("market", Buffer.from(bytes)) as BookSnapshot[];
    expect(books[0]?.bids[0]).toStrictEqual({ price: price("0.03"), size: size("41666.32") });
    expect(books[1]?.lastTradePrice).toBeNull();
    expect(text(encodeBookDump(books))).toBe(bytes);
    expect(text(encodeBookDump([]))).toBe("[]");
  });

  it("for a REST answer", () => {
    const bytes =
      '{"market":"0xd967d7d5a0b33a1526e5f2239568e58de8c924a14fe3b69a1c50aff38cb0d4e0","asset_id":"28718769439282091652995010258948804660150865727547676008909086622855303551587","timestamp":"1777325080783","hash":"6244f63858a1e3ef43606706e51a484907d911a0","bids":[{"price":"0.01","size":"100"}],"asks":[{"price":"0.99","size":"100"}],"min_order_size":"5","tick_size":"0.01","neg_risk":false,"last_trade_price":""}\n';
    expect(text(encodeBookAnswer(decodeBookAnswer(Buffer.from(bytes)) as BookSnapshot))).toBe(bytes);
  });

  it("for an RTDS update", () => {
    const bytes =
      '{"connection_id":"ciCgacUjLPECFKQ=","payload":{"full_accuracy_value":"76211800165600190000000","symbol":"btc/usd","timestamp":1777381686000,"value":76211.80016560019},"timestamp":1777381687612,"topic":"crypto_prices_chainlink","type":"update"}';
    const [event] = decoder.decode("rtds", Buffer.from(bytes));
    expect(event).toMatchObject({
      exact: "76211.80016560019",
      price: 76_211_800_165,
      observedAt: millis(1_777_381_686_000),
    });
    expect(text(encodeRtdsUpdate(event as ReferencePrice, "ciCgacUjLPECFKQ="))).toBe(bytes);
  });

  it("for PolyBolt's answers and prices", () => {
    const bytes =
      '{"v":1,"channel":"price.crypto.twap","seq":3,"ts":1788886177000,"payload":{"symbol":"btcusd","value":78803.7152610941,"full_accuracy_value":"78803.715261094101516288","timestamp":1788886177000,"window_seconds":60,"source":"chainlink"}}';
    const [event] = decoder.decode("polybolt", Buffer.from(bytes));
    expect(text(encodePolyBoltUpdate(event as ReferencePrice, 3))).toBe(bytes);
    expect(text(encodePolyBoltAnswer({ op: "authed", rid: "a1" }))).toBe('{"op":"authed","rid":"a1"}');
    expect(
      text(encodePolyBoltAnswer({ op: "subscribed", rid: "s1", channel: "price.crypto", provider: "chainlink" })),
    ).toBe('{"op":"subscribed","channel":"price.crypto","rid":"s1","provider":"chainlink"}');
    const refusal = encodePolyBoltAnswer({ op: "error", code: "auth_required", channel: "price.crypto", rid: "s1" });
    expect(text(refusal)).toBe('{"op":"error","code":"auth_required","channel":"price.crypto","rid":"s1"}');
    expect(decoder.decode("polybolt", refusal)).toMatchObject([{ kind: "fault", reason: "refused" }]);
    expect(decoder.decode("rtds", encodeRtdsRefusal("nonsense"))).toMatchObject([{ kind: "fault", reason: "refused" }]);
  });

  it("for best prices of both services", () => {
    const best: BestPrices = {
      kind: "best_prices",
      market: "0x01" as MarketId,
      instrument: "853" as InstrumentId,
      sentAt: millis(1_766_789_469_958),
      bestBid: price("0.73"),
      bestAsk: price("0.77"),
    };
    expect(text(encodeBestPrices(best))).toBe(
      '{"event_type":"best_bid_ask", "market":"0x01", "asset_id":"853", "best_bid":"0.73", "best_ask":"0.77", "spread":"0.04", "timestamp":"1766789469958"}',
    );
    const bytes = encodePolyBoltBestPrices(
      best,
      { seq: 1, sentAt: millis(1_766_789_470_000) },
      { snapshot: true, digest: "3f9c1e7a" },
    );
    expect(decoder.decode("polybolt", bytes)).toStrictEqual([best]);
  });
});
