import { AssetType, Chain, ClobClient, OrderType, Side } from "@polymarket/clob-client-v2";
import { createWalletClient, http } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { polygon } from "viem/chains";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createSyntheticMarket, type Emulator, type SyntheticMarket, startEmulator } from "#emulator";
import { systemClock } from "#host";
import { type Market, MINUTE, parseTime, SECOND, type UnixMicros } from "#model";
import { createPlayhead } from "#replay";

// Orders placed, matched and cancelled by clob-client-v2, unmodified: only the host is another, and its wallet is made here.

const STARTS_AT = parseTime("2026-11-22T18:01:00Z")!;
const KEY = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";

let source: SyntheticMarket;
let emulator: Emulator;
let client: ClobClient;

beforeEach(async () => {
  source = createSyntheticMarket({
    seed: 4,
    startsAt: STARTS_AT,
    series: ["btc-updown-5m"],
    aheadMicros: 30 * MINUTE,
    activity: 1,
    holes: false,
  });
  const clock = createPlayhead({ clock: systemClock(), at: STARTS_AT, playing: false });
  emulator = await startEmulator({ source, clock });
  emulator.control.setPace(10);
  emulator.control.play();
  const account = privateKeyToAccount(KEY);
  const signer = createWalletClient({ account, chain: polygon, transport: http("http://127.0.0.1:9") });
  const host = emulator.endpoints.clob;
  const unnamed = new ClobClient({ host, chain: Chain.POLYGON, signer, useServerTime: true });
  const creds = await unnamed.createOrDeriveApiKey();
  client = new ClobClient({ host, chain: Chain.POLYGON, signer, creds, useServerTime: true });
});

afterEach(() => emulator.close());

const now = (): UnixMicros => emulator.control.state().at;
const running = (): Market =>
  [...source.markets()].find(({ window }) => window && window.startsAt <= now() && now() < window.endsAt)!;

async function bestOf(token: string): Promise<{ bid: number; ask: number }> {
  const { bids, asks } = await client.getOrderBook(token);
  return { bid: Number(bids.at(-1)!.price), ask: Number(asks.at(-1)!.price) };
}

async function cash(): Promise<number> {
  const { balance } = await client.getBalanceAllowance({ asset_type: AssetType.COLLATERAL });
  return Number(balance);
}

describe("clob-client-v2", () => {
  it("rests a limit order, finds it, and cancels it", async () => {
    const token = running().outcomes[0]!.instrument;
    const placed = await client.createAndPostOrder(
      { tokenID: token, price: 0.02, size: 10, side: Side.BUY },
      {},
      OrderType.GTC,
    );
    expect(placed).toMatchObject({ success: true, status: "live", errorMsg: "" });
    expect(placed.orderID).toMatch(/^0x[0-9a-f]{64}$/);
    const order = await client.getOrder(placed.orderID);
    expect(order).toMatchObject({ id: placed.orderID, asset_id: token, side: "BUY", price: "0.02", size_matched: "0" });
    expect((await client.getOpenOrders()).map(({ id }) => id)).toEqual([placed.orderID]);
    expect(await client.cancelOrder({ orderID: placed.orderID })).toMatchObject({ canceled: [placed.orderID] });
    expect(await client.getOpenOrders()).toEqual([]);
  });

  it("takes at the market; the trade is confirmed, and cash and shares move", async () => {
    const token = running().outcomes[0]!.instrument;
    const before = await cash();
    const taken = await client.createAndPostMarketOrder(
      { tokenID: token, amount: 20, side: Side.BUY },
      {},
      OrderType.FAK,
    );
    expect(taken, JSON.stringify(taken)).toMatchObject({ success: true });
    await vi.waitUntil(async () => (await cash()) < before, { timeout: 10_000, interval: 50 });
    await vi.waitUntil(async () => (await client.getTrades()).some(({ status }) => /CONFIRMED/.test(status)), {
      timeout: 20_000,
      interval: 100,
    });
    const spent = before - (await cash());
    // Twenty dollars and the taker's fee, at most 7 % of them.
    expect(spent).toBeGreaterThan(0);
    expect(spent).toBeLessThanOrEqual(20e6 * 1.07);
    const shares = await client.getBalanceAllowance({ asset_type: AssetType.CONDITIONAL, token_id: token });
    expect(Number(shares.balance)).toBeGreaterThan(0);
  });

  it("is refused a post-only order that crosses, in the venue's words", async () => {
    const token = running().outcomes[0]!.instrument;
    const { ask } = await bestOf(token);
    const refused = await client.createAndPostOrder(
      { tokenID: token, price: Math.min(0.99, ask + 0.02), size: 10, side: Side.BUY },
      {},
      OrderType.GTC,
      true,
    );
    expect(JSON.stringify(refused)).toContain("invalid post-only order: order crosses book");
    expect(await client.getOpenOrders()).toEqual([]);
  });

  it("loses a GTD order at its time, and all others by cancelAll", async () => {
    const token = running().outcomes[0]!.instrument;
    const good = { tokenID: token, price: 0.01, size: 10, side: Side.BUY };
    const expiration = Math.floor(now() / SECOND) + 75;
    const dying = await client.createAndPostOrder({ ...good, expiration }, {}, OrderType.GTD);
    const staying = await client.createAndPostOrder(good, {}, OrderType.GTC);
    expect([dying.status, staying.status]).toEqual(["live", "live"]);
    await vi.waitUntil(async () => (await client.getOpenOrders()).length === 1, { timeout: 15_000, interval: 50 });
    expect((await client.getOpenOrders())[0]!.id).toBe(staying.orderID);
    expect(await client.cancelAll()).toMatchObject({ canceled: [staying.orderID] });
    expect(await client.getOpenOrders()).toEqual([]);
  });
});
