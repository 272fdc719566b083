import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ConnectionId, InstrumentId, Market, Settlement } from "#model";
import { PRODUCTION_ENDPOINTS } from "./endpoints.ts";
import { marketFeedPlan, marketGreeting, marketOperations, planReferenceFeeds } from "./feed-plan.ts";
import { parseMarketRequest, parsePolyBoltRequest, parseRtdsRequest } from "./wire-requests.ts";

const tokens = (count: number) => Array.from({ length: count }, (_, index) => String(index) as InstrumentId);
const settling = (settlement: Settlement) => ({ settlement }) as Market;
const twap = (coin: string, seconds = 60) => settling({ kind: "chainlink_twap", symbol: `${coin}usd`, seconds });
const credentials = { apiKey: "key-1", secret: "secret-1", passphrase: "phrase-1" };

describe("a market subscription", () => {
  it("asks for every token once, at most 100 a message, the first as the channel's and the others as additions", () => {
    fc.assert(
      fc.property(fc.nat(450), (count) => {
        const requests = marketGreeting(tokens(count)).map(parseMarketRequest);
        const asked = requests.flatMap((request) => {
          if (request.kind !== "subscribe") throw new Error(`not a subscription: ${request.kind}`);
          expect(request.instruments.length).toBeLessThanOrEqual(100);
          return request.instruments;
        });
        expect(asked).toEqual(tokens(count));
        const modes = requests.map((request) => request.kind === "subscribe" && request.mode);
        expect(modes).toEqual(modes.map((_, index) => (index === 0 ? "initial" : "dynamic")));
      }),
    );
  });

  it("is taken back in the same portions, and not at all for no tokens", () => {
    expect(marketOperations("unsubscribe", [])).toEqual([]);
    const requests = marketOperations("unsubscribe", tokens(201)).map(parseMarketRequest);
    expect(requests.map((request) => request.kind === "unsubscribe" && request.instruments.length)).toEqual([
      100, 100, 1,
    ]);
  });

  it("says at each opening what is wanted by then", () => {
    let wanted = tokens(1);
    const plan = marketFeedPlan("ws://x", "market-a-0" as ConnectionId, () => wanted);
    expect(plan.greeting()).toEqual(marketGreeting(tokens(1)));
    wanted = tokens(3);
    expect(plan.greeting()).toEqual(marketGreeting(tokens(3)));
  });
});

describe("the reference feeds of some markets", () => {
  const feedOf = (surface: string, markets: readonly Market[]) =>
    planReferenceFeeds(markets, { endpoints: PRODUCTION_ENDPOINTS, credentials }).feeds.find(
      (feed) => feed.surface === surface,
    )!;

  it("are none where nothing settles on a price", () => {
    const plan = planReferenceFeeds([settling({ kind: "other", source: "uma" })], { endpoints: PRODUCTION_ENDPOINTS });
    expect(plan).toEqual({ feeds: [], notes: [] });
  });

  it("leave PolyBolt out without credentials and say what is missing", () => {
    const plan = planReferenceFeeds([twap("btc")], { endpoints: PRODUCTION_ENDPOINTS });
    expect(plan.feeds.map((feed) => feed.surface)).toEqual(["rtds", "binance"]);
    expect(plan.notes).toEqual([expect.stringContaining("POLYPUNT_POLY_API_KEY")]);
  });

  it("ask PolyBolt for averages and spot only once it accepted the credentials, which stay out of the journal", () => {
    const feed = feedOf("polybolt", [twap("btc"), twap("hype"), twap("btc")]);
    expect(feed.greeting().map(parsePolyBoltRequest)).toEqual([{ kind: "auth", rid: "auth", credentials }]);
    for (const part of Object.values(credentials)) expect(feed.redact?.(feed.greeting()[0]!)).not.toContain(part);
    expect(feed.reply?.(Buffer.from('{"op":"error","code":"auth_invalid","rid":"auth"}'))).toEqual([]);
    const asked = feed.reply?.(Buffer.from('{"op":"authed","rid":"auth"}')).map(parsePolyBoltRequest) ?? [];
    const filters = asked.flatMap((request) => (request.kind === "subscribe" ? request.filters : []));
    expect(filters.map(({ channel, symbol, windowSeconds }) => [channel, symbol, windowSeconds])).toEqual([
      ["price.crypto.twap", "btcusd", 60],
      ["price.crypto.twap", "hypeusd", 60],
      ["price.crypto", "btcusd", undefined],
    ]);
  });

  it("ask RTDS for one topic a message, with a filter that holds no space", () => {
    const requests = feedOf("rtds", [twap("btc"), twap("eth", 30)])
      .greeting()
      .map(parseRtdsRequest);
    const filters = requests.map((request) => {
      if (request.kind !== "subscribe") throw new Error("not a subscription");
      expect(request.filters.length).toBe(1);
      expect(request.filters[0]?.spaced).toBe(false);
      return `${request.filters[0]?.topic} ${request.filters[0]?.symbols?.join()}`;
    });
    expect(filters).toEqual([
      "crypto_prices_twap_sixty btc/usd",
      "crypto_prices_twap_sixty eth/usd",
      "crypto_prices_twap_thirty btc/usd",
      "crypto_prices_twap_thirty eth/usd",
      "crypto_prices_chainlink btc/usd",
      "crypto_prices_chainlink eth/usd",
    ]);
  });

  it("ask Binance for a coin that settles on its candles", () => {
    const feed = feedOf("binance", [settling({ kind: "binance_candle", symbol: "btc" })]);
    expect(JSON.parse(feed.greeting()[0]!)).toMatchObject({ method: "SUBSCRIBE", params: ["btcusdt@aggTrade"] });
  });
});
