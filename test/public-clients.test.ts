import { createPublicClient, forkEnvironmentConfig } from "@polymarket/client";
import { Chain, ClobClient, PriceHistoryInterval, Side } from "@polymarket/clob-client-v2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSyntheticMarket, type Emulator, startEmulator } from "#emulator";
import { systemClock } from "#host";
import type { Market } from "#model";
import { HOUR, MINUTE } from "#model";
import { createPlayhead } from "#replay";
import { STARTS_AT } from "./capture-rig.ts";

// The public reading side, asked by the official clients, unmodified: they check every answer against their own schemas.

let emulator: Emulator;
let market: Market;
let token = "";

beforeAll(async () => {
  const source = createSyntheticMarket({
    seed: 9,
    startsAt: STARTS_AT,
    series: ["btc-updown-15m"],
    aheadMicros: HOUR / 2,
    activity: 2,
  });
  const clock = createPlayhead({ clock: systemClock(), at: STARTS_AT, playing: false });
  emulator = await startEmulator({ source, clock });
  await emulator.control.step(3 * MINUTE);
  const now = emulator.control.state().at;
  market = [...source.markets()].find(({ window }) => window && window.startsAt <= now && now < window.endsAt)!;
  token = market.outcomes[0]!.instrument;
});

afterAll(() => emulator.close());

describe("clob-client-v2", () => {
  it("reads books, prices, markets, trades and history", async () => {
    const client = new ClobClient({ host: emulator.endpoints.clob, chain: Chain.POLYGON });
    expect(await client.getOk()).toBe("OK");
    expect(await client.getServerTime()).toBe(Math.floor(emulator.control.state().at / 1e6));
    const book = await client.getOrderBook(token);
    const [bid, ask] = [book.bids.at(-1)!.price, book.asks.at(-1)!.price];
    const { hash } = book;
    expect(await client.getOrderBookHash(book)).toBe(hash);
    expect(await client.getPrice(token, Side.BUY)).toEqual({ price: bid });
    expect(await client.getPrice(token, Side.SELL)).toEqual({ price: ask });
    expect(Number((await client.getMidpoint(token)).mid)).toBeCloseTo((Number(bid) + Number(ask)) / 2, 9);
    const asked = [{ token_id: token, side: Side.BUY }];
    expect(await client.getOrderBooks(asked)).toMatchObject([{ asset_id: token, hash }]);
    expect(Object.keys(await client.getMidpoints(asked))).toEqual([token]);
    expect(await client.getPrices(asked)).toEqual({ [token]: { BUY: bid } });
    expect(Object.keys(await client.getSpreads(asked))).toEqual([token]);
    expect(await client.getLastTradesPrices(asked)).toMatchObject([{ token_id: token }]);
    expect(await client.getTickSize(token)).toBe(book.tick_size);
    expect(await client.getNegRisk(token)).toBe(false);
    expect((await client.getMarkets()).data.length).toBeGreaterThan(1);
    expect((await client.getSamplingSimplifiedMarkets()).data.length).toBeGreaterThan(0);
    expect(await client.getMarket(market.id)).toMatchObject({ market_slug: market.slug, closed: false });
    expect((await client.getMarketTradesEvents(market.id)).length).toBeGreaterThan(0);
    const history: unknown = await client.getPricesHistory({ market: token, interval: PriceHistoryInterval.ONE_HOUR });
    expect((history as { history: unknown[] }).history.length).toBeGreaterThan(1);
  });
});

describe("@polymarket/client", () => {
  /** Either a page or the first of several. */
  async function firstPage(paged: unknown): Promise<{ items: { slug?: string }[] }> {
    for await (const page of paged as AsyncIterable<{ items: { slug?: string }[] }>) return page;
    throw new Error("no page");
  }

  it("reads the catalog, books, prices and trades", async () => {
    const { marketSocket, rtdsSocket, gamma, clob } = emulator.endpoints;
    const data = gamma.replace("/gamma", "/data-api");
    const environment = forkEnvironmentConfig({
      name: "emulated",
      clob: { rest: clob, market: { ws: marketSocket }, user: { ws: marketSocket.replace("market", "user") } },
      gamma: { rest: gamma },
      data: { rest: data },
      rtds: { ws: rtdsSocket! },
    });
    const client = createPublicClient({ environment });
    expect(await client.fetchEvent({ slug: market.slug })).toMatchObject({ slug: market.slug });
    expect(await client.fetchMarket({ slug: market.slug })).toMatchObject({ slug: market.slug });
    expect((await firstPage(client.listMarkets({}))).items.length).toBeGreaterThan(0);
    expect((await firstPage(client.listSeries({}))).items).toMatchObject([{ slug: "btc-up-or-down-15m" }]);
    expect((await client.fetchOrderBook({ tokenId: token })).bids.length).toBeGreaterThan(0);
    expect(await client.fetchLastTradePrice({ tokenId: token })).toMatchObject({ side: expect.any(String) });
    expect((await client.fetchPriceHistory({ tokenId: token })).length).toBeGreaterThan(0);
    expect((await firstPage(client.listTrades({ market: [market.id] }))).items.length).toBeGreaterThan(0);
  });
});
