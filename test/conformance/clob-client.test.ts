import { AssetType, Chain, ClobClient, OrderType, Side } from "@polymarket/clob-client-v2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { formatMicros } from "#model";
import { type ConformanceVenue, KEY, OTHER_KEY, openVenue, until, wallet } from "./venue.ts";

// @polymarket/clob-client-v2 1.1.0, unmodified: only its host is another.

let venue: ConformanceVenue;
let client: ClobClient;

const CHAIN = Chain.POLYGON;
type Refused = { readonly error?: string; readonly status?: number };

async function clientOf(key: `0x${string}`): Promise<ClobClient> {
  const host = venue.emulator.endpoints.clob;
  const signer = wallet(key);
  const creds = await new ClobClient({ host, chain: CHAIN, signer }).createOrDeriveApiKey();
  return new ClobClient({ host, chain: CHAIN, signer, creds });
}

beforeAll(async () => {
  venue = await openVenue({ takerDelayMillis: 0 });
  client = await clientOf(KEY);
});

afterAll(() => venue.close());

/** Best prices as numbers, from the client's own book. */
async function best(token = venue.token()): Promise<{ bid: number; ask: number }> {
  const book = await client.getOrderBook(token);
  return { bid: Number(book.bids.at(-1)?.price ?? 0), ask: Number(book.asks.at(-1)?.price ?? 1) };
}

const cents = (price: number) => Math.round(price * 100) / 100;
const cash = async () => Number((await client.getBalanceAllowance({ asset_type: AssetType.COLLATERAL })).balance);

describe("API keys", () => {
  it("are derived as they were created, and list", async () => {
    const again = await clientOf(KEY);
    expect(again.creds).toEqual(client.creds);
    expect(await client.getApiKeys()).toEqual({ apiKeys: [client.creds?.key] });
    expect(await client.getClosedOnlyMode()).toEqual({ closed_only: false });
  });

  it("do nothing for another wallet, or with another secret", async () => {
    const host = venue.emulator.endpoints.clob;
    const stranger = new ClobClient({ host, chain: CHAIN, signer: wallet(OTHER_KEY), creds: client.creds! });
    expect(await stranger.getApiKeys()).toMatchObject({ error: "Unauthorized/Invalid api key", status: 401 });
    const creds = { ...client.creds!, secret: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" };
    const liar = new ClobClient({ host, chain: CHAIN, signer: wallet(KEY), creds });
    expect(await liar.getApiKeys()).toMatchObject({ status: 401 });
  });
});

describe("orders", () => {
  it("rest, are listed, and are cancelled", async () => {
    const { bid } = await best();
    const order = { tokenID: venue.token(), price: cents(bid - 0.05), size: 20, side: Side.BUY };
    const placed = await client.createAndPostOrder(order, {}, OrderType.GTC);
    expect(placed).toMatchObject({ success: true, errorMsg: "", status: "live", makingAmount: "", takingAmount: "" });
    expect(await client.getOpenOrders()).toMatchObject([
      { id: placed.orderID, status: "LIVE", side: "BUY", original_size: "20", size_matched: "0", outcome: "Up" },
    ]);
    expect(await client.getOrder(placed.orderID)).toMatchObject({ price: formatMicros(Math.round(order.price * 1e6)) });
    expect(await client.cancelOrder({ orderID: placed.orderID })).toEqual({
      canceled: [placed.orderID],
      not_canceled: {},
    });
    expect(await client.getOpenOrders()).toEqual([]);
    expect(await client.cancelOrder({ orderID: placed.orderID })).toMatchObject({ canceled: [] });
    expect(await client.getOrder(placed.orderID)).toMatchObject({ status: "CANCELED" });
  });

  it("that cannot be are refused in the venue's words", async () => {
    const { ask, bid } = await best();
    const tokenID = venue.token();
    const crossing = { tokenID, price: cents(ask), size: 5, side: Side.BUY };
    const refused = (answer: unknown) => [(answer as Refused).status, (answer as Refused).error];
    expect(refused(await client.createAndPostOrder(crossing, {}, OrderType.GTC, true))).toEqual([
      400,
      "invalid post-only order: order crosses book",
    ]);
    const deep = await client.createOrder({ tokenID, price: cents(ask), size: 8_000, side: Side.BUY });
    expect(refused(await client.postOrder(deep, OrderType.FOK))).toEqual([
      400,
      "order couldn't be fully filled. FOK orders are fully filled or killed.",
    ]);
    const far = await client.createOrder({ tokenID, price: cents(bid - 0.1), size: 50, side: Side.BUY });
    expect(refused(await client.postOrder(far, OrderType.FAK))).toEqual([
      400,
      "no orders found to match with FAK order. FAK orders are partially filled or killed if no match is found.",
    ]);
    const [, tooDear] = refused(await client.createAndPostOrder({ ...crossing, size: 90_000 }, {}, OrderType.GTC));
    expect(tooDear).toContain("not enough balance / allowance");
    const tooSmall = { tokenID, price: cents(bid), size: 1, side: Side.BUY };
    expect(refused(await client.createAndPostOrder(tooSmall, {}, OrderType.GTC))[1]).toContain(
      "lower than the minimum: 5",
    );
    const late = {
      tokenID,
      price: cents(bid),
      size: 5,
      side: Side.BUY,
      expiration: (await client.getServerTime()) + 59,
    };
    expect(refused(await client.createAndPostOrder(late, {}, OrderType.GTD))[1]).toBe("invalid expiration");
  });

  it("of another signer, or changed after signing, are refused", async () => {
    const order = await client.createOrder({ tokenID: venue.token(), price: 0.1, size: 10, side: Side.BUY });
    const other = await clientOf(OTHER_KEY);
    expect(await other.postOrder(order)).toMatchObject({
      error: "the order signer address has to be the address of the API KEY",
    });
    const forged = { ...order, takerAmount: "99000000" } as typeof order;
    expect(await client.postOrder(forged)).toMatchObject({ error: "invalid signature", status: 400 });
  });

  it("GTD dies a minute before its time", async () => {
    const { bid } = await best();
    const expiration = (await client.getServerTime()) + 60 + 10;
    const order = {
      tokenID: venue.token(),
      price: cents(Math.max(0.01, bid - 0.3)),
      size: 5,
      side: Side.BUY,
      expiration,
    };
    const placed = await client.createAndPostOrder(order, {}, OrderType.GTD);
    expect(placed.status).toBe("live");
    await venue.step(8);
    expect(await client.getOpenOrders()).toHaveLength(1);
    await venue.step(4);
    expect(await client.getOpenOrders()).toEqual([]);
  });

  it("are posted and cancelled by the batch", async () => {
    const { bid } = await best();
    const price = cents(Math.max(0.01, bid - 0.2));
    const order = () => client.createOrder({ tokenID: venue.token(), price, size: 5, side: Side.BUY });
    const args = await Promise.all(
      [1, 2, 3].map(async () => ({ order: await order(), orderType: OrderType.GTC, postOnly: false })),
    );
    const placed = (await client.postOrders(args)) as unknown as { orderID: string; status: string }[];
    expect(placed.map(({ status }) => status)).toEqual(["live", "live", "live"]);
    const held = await client.cancelOrders([placed[0]!.orderID]);
    expect(held).toMatchObject({ canceled: [placed[0]!.orderID] });
    expect(await client.cancelMarketOrders({ market: venue.market().id })).toMatchObject({
      canceled: placed.slice(1).map(({ orderID }) => orderID),
    });
    await client.postOrder(await order());
    expect(await client.cancelAll()).toMatchObject({ canceled: [expect.any(String)] });
    expect(await client.getOpenOrders()).toEqual([]);
  });
});

describe("a market order", () => {
  it("is matched, mined and confirmed, and moves the balances by what it says", async () => {
    venue.emulator.control.setPace(10);
    venue.emulator.control.play();
    const tokenID = venue.token();
    const before = await cash();
    const bought = await client.createAndPostMarketOrder(
      { tokenID, amount: 25, side: Side.BUY, price: 0.99 },
      {},
      OrderType.FOK,
    );
    expect(bought).toMatchObject({ success: true, status: "matched" });
    // The client waited for them.
    expect(bought.transactionsHashes?.every((hash: string) => /^0x[0-9a-f]{64}$/.test(hash))).toBe(true);
    expect(bought.transactionsHashes?.length).toBeGreaterThan(0);
    const trades = await until(
      () => client.getTrades(),
      (all) => all.length > 0 && all.every(({ status }) => status === "CONFIRMED"),
    );
    const shares = trades.reduce((sum, { size }) => sum + Number(size), 0);
    expect(shares).toBeCloseTo(Number(bought.takingAmount), 6);
    const fees = trades.reduce((sum, { size, price }) => {
      return sum + Math.ceil(Number(size) * 0.07 * Number(price) * (1 - Number(price)) * 1e5 - 1e-6) * 10;
    }, 0);
    expect(before - (await cash())).toBe(Math.round(Number(bought.makingAmount) * 1e6) + fees);
    const held = await client.getBalanceAllowance({ asset_type: AssetType.CONDITIONAL, token_id: tokenID });
    expect(Number(held.balance)).toBe(Math.round(shares * 1e6));
    // And back: what it sells cannot be more than it has.
    const amount = Math.floor(shares * 100) / 100;
    const sold = await client.createAndPostMarketOrder(
      { tokenID, amount, side: Side.SELL, price: 0.01 },
      {},
      OrderType.FAK,
    );
    expect(sold).toMatchObject({ success: true, status: "matched", makingAmount: formatMicros(amount * 1e6) });
    venue.emulator.control.pause();
  });
});

describe("a full window", () => {
  it("ends with books that the client hashes as we do, and the next one takes orders", async () => {
    const [, second] = [venue.market(), venue.market().window!.endsAt];
    venue.emulator.control.setPace(60);
    venue.emulator.control.play();
    await until(venue.now, (now) => now > second + 20_000_000);
    venue.emulator.control.pause();
    const next = venue.market();
    expect(next.window!.startsAt).toBe(second);
    for (const { instrument } of next.outcomes) {
      const book = await client.getOrderBook(instrument);
      const { hash } = book;
      expect(await client.getOrderBookHash(book)).toBe(hash);
    }
    const { bid } = await best(next.outcomes[0]!.instrument);
    const order = {
      tokenID: next.outcomes[0]!.instrument,
      price: cents(Math.max(0.01, bid - 0.05)),
      size: 5,
      side: Side.BUY,
    };
    expect(await client.createAndPostOrder(order, {}, OrderType.GTC)).toMatchObject({ status: "live" });
  }, 30_000);
});

describe("the taker delay", () => {
  it("holds a marketable order, refuses to cancel it, and then matches it", async () => {
    const delayed = await openVenue({ takerDelayMillis: 5_000 });
    try {
      const host = delayed.emulator.endpoints.clob;
      const signer = wallet(KEY);
      const creds = await new ClobClient({ host, chain: CHAIN, signer }).createOrDeriveApiKey();
      const own = new ClobClient({ host, chain: CHAIN, signer, creds });
      const order = { tokenID: delayed.token(), price: 0.99, size: 10, side: Side.BUY };
      const placed = await own.createAndPostOrder(order, {}, OrderType.GTC);
      expect(placed.status).toBe("delayed");
      const { not_canceled } = (await own.cancelOrder({ orderID: placed.orderID })) as { not_canceled: object };
      expect(Object.keys(not_canceled)).toEqual([placed.orderID]);
      await delayed.step(6);
      expect(await own.getOrder(placed.orderID)).toMatchObject({ status: "MATCHED", size_matched: "10" });
    } finally {
      await delayed.close();
    }
  });
});

describe("heartbeats", () => {
  it("go on by the id that was given last", async () => {
    const first = (await client.postHeartbeat("")) as { heartbeat_id: string };
    const second = (await client.postHeartbeat(first.heartbeat_id)) as { heartbeat_id: string };
    expect(second.heartbeat_id).not.toBe(first.heartbeat_id);
    expect(await client.postHeartbeat(first.heartbeat_id)).toMatchObject({
      heartbeat_id: second.heartbeat_id,
      status: 400,
    });
  });
});
