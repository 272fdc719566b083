import { createPublicClient, createSecureClient, forkEnvironmentConfig, OrderSide } from "@polymarket/client";
import { privateKey } from "@polymarket/client/viem";
import { afterAll, beforeAll, expect, it } from "vitest";
import { snapshotDigest } from "#book";
import type { Level, PriceMicros, SizeMicros } from "#model";
import { type ConformanceVenue, KEY, openVenue, until, wallet } from "./venue.ts";

// @polymarket/client 0.2.0, unmodified: only its environment is another.

let venue: ConformanceVenue;

beforeAll(async () => {
  venue = await openVenue();
});

afterAll(() => venue.close());

function environment() {
  const { marketSocket, rtdsSocket, gamma, clob } = venue.emulator.endpoints;
  return forkEnvironmentConfig({
    name: "emulated",
    clob: { rest: clob, market: { ws: marketSocket }, user: { ws: marketSocket.replace("market", "user") } },
    gamma: { rest: gamma },
    data: { rest: gamma.replace("/gamma", "/data-api") },
    rtds: { ws: rtdsSocket! },
  });
}

interface Seen {
  readonly topic: string;
  readonly type: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

function collect(handle: AsyncIterable<unknown>, take: (event: Seen) => void): void {
  void (async () => {
    for await (const event of handle) take(event as Seen);
  })();
}

/** A book as a reader without any of our code would keep it. */
class NaiveBook {
  readonly bids = new Map<string, string>();
  readonly asks = new Map<string, string>();

  take(token: string, { type, payload }: Seen): void {
    if (type === "book" && payload.tokenId === token) {
      for (const [map, levels] of [
        [this.bids, payload.bids],
        [this.asks, payload.asks],
      ] as const) {
        map.clear();
        for (const { price, size } of levels as { price: string; size: string }[]) map.set(price, size);
      }
    }
    if (type !== "price_change") return;
    for (const change of payload.priceChanges as { tokenId: string; side: string; price: string; size: string }[]) {
      if (change.tokenId !== token) continue;
      const map = change.side === "BUY" ? this.bids : this.asks;
      if (Number(change.size) === 0) map.delete(change.price);
      else map.set(change.price, change.size);
    }
  }

  levels(side: "bids" | "asks"): Level[] {
    const levels = [...this[side]].map(([price, size]) => ({
      price: Math.round(Number(price) * 1e6) as PriceMicros,
      size: Math.round(Number(size) * 1e6) as SizeMicros,
    }));
    return levels.sort((a, b) => (side === "bids" ? b.price - a.price : a.price - b.price));
  }
}

it("follows a window into the next one and ends with our books", async () => {
  const client = createPublicClient({ environment: environment() });
  const [first] = [venue.market()];
  const next = [...venue.source.markets()].find(({ window }) => window?.startsAt === first.window!.endsAt)!;
  const tokens = [...first.outcomes, ...next.outcomes].map(({ instrument }) => instrument);
  const books = new Map(tokens.map((token) => [token as string, new NaiveBook()]));
  const prices: Seen[] = [];
  const types = new Set<string>();
  const market = await client.subscribe([{ topic: "market", tokenIds: tokens, customFeatureEnabled: true }]);
  collect(market, (event) => {
    types.add(event.type);
    for (const [token, book] of books) book.take(token, event);
  });
  const chainlink = await client.subscribe([{ topic: "prices.crypto.chainlink", symbols: ["btc/usd"] }]);
  collect(chainlink, (event) => prices.push(event));
  await until(() => [...books.values()].every(({ bids }) => bids.size > 0), Boolean);
  venue.emulator.control.setPace(40);
  venue.emulator.control.play();
  await until(venue.now, (now) => now > first.window!.endsAt + 60_000_000);
  venue.emulator.control.pause();
  for (const { instrument } of next.outcomes) {
    const naive = books.get(instrument)!;
    const digest = () => {
      const answer = venue.source.book(instrument);
      if (answer.kind !== "open") throw new Error("no book");
      const { market: id, sentAt, minOrderSize, tickSize, negRisk, lastTradePrice } = answer.book;
      const fields = {
        market: id,
        instrument,
        sentAt,
        minOrderSize: minOrderSize!,
        tickSize: tickSize!,
        negRisk: negRisk!,
        lastTradePrice: lastTradePrice ?? null,
      };
      return [snapshotDigest(naive.levels("bids"), naive.levels("asks"), fields), answer.book.digest] as const;
    };
    const [rebuilt, ours] = await until(digest, ([mine, venues]) => mine === venues);
    expect(rebuilt).toBe(ours);
  }
  expect(prices.length).toBeGreaterThan(100);
  expect([...types]).toEqual(expect.arrayContaining(["book", "price_change", "last_trade_price", "best_bid_ask"]));
  await Promise.all([market.close(), chainlink.close()]);
}, 30_000);

it("signs in, rests an order, cancels it, and hears of both; then trades and hears of each step", async () => {
  const client = await createSecureClient({
    environment: environment(),
    signer: privateKey(KEY),
    wallet: wallet(KEY).account.address,
  });
  const heard: Seen[] = [];
  const user = await client.subscribe([{ topic: "user" }]);
  collect(user, (event) => heard.push(event));
  const tokenId = venue.token();
  const book = await client.fetchOrderBook({ tokenId });
  const bid = Number(book.bids.at(-1)?.price ?? 0.02);
  const price = Math.max(0.01, Math.round((bid - 0.05) * 100) / 100);
  const placed = await client.placeLimitOrder({ tokenId, price, size: 10, side: OrderSide.BUY });
  expect(placed).toMatchObject({ ok: true, status: "live" });
  const orderId = placed.ok ? placed.orderId : "";
  expect(await client.fetchOrder({ orderId })).toMatchObject({ id: orderId, status: "LIVE" });
  expect(await client.cancelOrder({ orderId })).toMatchObject({ canceled: [orderId] });
  await until(
    () => heard.length,
    (count) => count >= 2,
  );
  expect(heard.map(({ payload }) => [payload.id, payload.orderEventType])).toEqual([
    [orderId, "PLACEMENT"],
    [orderId, "CANCELLATION"],
  ]);
  venue.emulator.control.setPace(5);
  venue.emulator.control.play();
  const taken = await client.placeLimitOrder({ tokenId, price: 0.99, size: 5, side: OrderSide.BUY });
  // Crypto markets hold marketable orders for 150 ms.
  expect(taken).toMatchObject({ ok: true, status: "delayed" });
  const isTrade = ({ type }: Seen) => type === "trade";
  await until(
    () => heard.filter(isTrade),
    (trades) => trades.some(({ payload }) => /CONFIRMED/.test(String(payload.status))),
  );
  venue.emulator.control.pause();
  const statuses = heard.filter(isTrade).map(({ payload }) => String(payload.status).replace("TRADE_STATUS_", ""));
  expect([...new Set(statuses)]).toEqual(["MATCHED", "MINED", "CONFIRMED"]);
  for (const { payload } of heard.filter(isTrade)) {
    expect(payload.transactionHash === "").toBe(/MATCHED/.test(String(payload.status)));
  }
  await user.close();
}, 30_000);
