import { privateKeyToAccount } from "viem/accounts";
import { afterEach, describe, expect, it } from "vitest";
import { SECOND } from "#model";
import { type Credentials, EXCHANGES, requestSignature } from "#venue";
import { connect, type SocketClient } from "../fixtures/socket-client.ts";
import { type SyntheticVenue, startVenue } from "../fixtures/synthetic-venue.ts";
import type { TradingOptions } from "./trading.ts";

const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

const account = privateKeyToAccount(`0x${"17".repeat(32)}`);
const TYPES = {
  Order: [
    { name: "salt", type: "uint256" },
    { name: "maker", type: "address" },
    { name: "signer", type: "address" },
    { name: "tokenId", type: "uint256" },
    { name: "makerAmount", type: "uint256" },
    { name: "takerAmount", type: "uint256" },
    { name: "side", type: "uint8" },
    { name: "signatureType", type: "uint8" },
    { name: "timestamp", type: "uint256" },
    { name: "metadata", type: "bytes32" },
    { name: "builder", type: "bytes32" },
  ],
} as const;
const ZERO = `0x${"00".repeat(32)}` as const;

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

interface Trader {
  readonly venue: SyntheticVenue;
  readonly credentials: Credentials;
  call(method: string, path: string, body?: unknown, query?: string): Promise<Answer>;
  order(
    cents: number,
    shares: number,
    more?: { side?: 0 | 1; orderType?: string; postOnly?: boolean; outcome?: 0 | 1 },
  ): Promise<object>;
  user(message?: object): Promise<SocketClient>;
}

let salt = 1;

/** A client written from the documents alone: no official one, and nothing of ours but the HMAC. */
async function rig(trading: TradingOptions = {}): Promise<Trader> {
  const venue = await startVenue({}, { trading: { takerDelayMillis: 0, ...trading } });
  open.push(venue.emulator);
  const { clob, marketSocket } = venue.emulator.endpoints;
  const login = {
    address: account.address,
    timestamp: "1795373417",
    nonce: 0n,
    message: "This message attests that I control the given wallet",
  };
  const signature = await account.signTypedData({
    domain: { name: "ClobAuthDomain", version: "1", chainId: 137 },
    types: {
      ClobAuth: [
        { name: "address", type: "address" },
        { name: "timestamp", type: "string" },
        { name: "nonce", type: "uint256" },
        { name: "message", type: "string" },
      ],
    },
    primaryType: "ClobAuth",
    message: login,
  });
  const made = await fetch(`${clob}/auth/api-key`, {
    method: "POST",
    headers: {
      POLY_ADDRESS: account.address,
      POLY_SIGNATURE: signature,
      POLY_TIMESTAMP: login.timestamp,
      POLY_NONCE: "0",
    },
  });
  const credentials = (await made.json()) as Credentials;

  async function call(method: string, path: string, body?: unknown, query = ""): Promise<Answer> {
    const text = body === undefined ? "" : JSON.stringify(body);
    const response = await fetch(`${clob}${path}${query}`, {
      method,
      ...(body === undefined ? {} : { body: text }),
      headers: {
        POLY_ADDRESS: account.address,
        POLY_API_KEY: credentials.apiKey,
        POLY_PASSPHRASE: credentials.passphrase,
        POLY_TIMESTAMP: "1795373417",
        POLY_SIGNATURE: requestSignature(credentials.secret, "1795373417", method, path, text),
      },
    });
    const answer = (await response.json()) as Record<string, unknown>;
    return { status: response.status, headers: response.headers, body: answer };
  }

  return {
    venue,
    credentials,
    call,
    async order(cents, shares, { side = 0, orderType = "GTC", postOnly = false, outcome = 0 } = {}) {
      const [cash, size] = [BigInt(cents * shares) * 10_000n, BigInt(shares) * 1_000_000n];
      const message = {
        salt: BigInt(salt++),
        maker: account.address,
        signer: account.address,
        tokenId: BigInt(venue.tokens[outcome]),
        makerAmount: side === 0 ? cash : size,
        takerAmount: side === 0 ? size : cash,
        side,
        signatureType: 0,
        timestamp: 1795373418017n,
        metadata: ZERO,
        builder: ZERO,
      };
      const signed = await account.signTypedData({
        domain: { name: "Polymarket CTF Exchange", chainId: 137, ...EXCHANGES.standard },
        types: TYPES,
        primaryType: "Order",
        message,
      });
      const wire = Object.fromEntries(
        Object.entries(message).map(([name, value]) => [name, typeof value === "bigint" ? String(value) : value]),
      );
      return {
        order: {
          ...wire,
          salt: Number(message.salt),
          side: side === 0 ? "BUY" : "SELL",
          expiration: "0",
          signature: signed,
        },
        owner: credentials.apiKey,
        orderType,
        postOnly,
        deferExec: false,
      };
    },
    async user(message = { auth: credentials, type: "user" }) {
      const socket = await connect(marketSocket.replace("market", "user"));
      open.push(socket);
      socket.send(message);
      return socket;
    },
  };
}

const parsed = ({ received }: SocketClient) =>
  received.filter((text) => text.startsWith("{")).map((text) => JSON.parse(text) as Record<string, unknown>);

describe("the user channel", () => {
  it("tells of an order and each step of its trade, keys as documented, on the replay clock", async () => {
    const { venue, order, call, user } = await rig();
    const socket = await user();
    await socket.caughtUp();
    await call("POST", "/order", await order(99, 10));
    await socket.until((text) => text.includes('"MATCHED"') && text.includes('"trade"'));
    expect(parsed(socket).some(({ status }) => status === "MINED")).toBe(false);
    await venue.play(3);
    await socket.until((text) => text.includes('"MINED"'));
    await venue.play(10);
    await socket.until((text) => text.includes('"CONFIRMED"'));
    const events = parsed(socket);
    expect(events.filter(({ event_type }) => event_type === "order").map(({ type, status }) => [type, status])).toEqual(
      [
        ["PLACEMENT", "LIVE"],
        ["UPDATE", "MATCHED"],
      ],
    );
    const trades = events.filter(({ event_type }) => event_type === "trade");
    expect(trades.map(({ status, transaction_hash }) => [status, transaction_hash !== ""])).toEqual([
      ["MATCHED", false],
      ["MINED", true],
      ["CONFIRMED", true],
    ]);
    expect(Object.keys(trades[0]!).slice(0, 8)).toEqual([
      "event_type",
      "type",
      "id",
      "taker_order_id",
      "market",
      "asset_id",
      "side",
      "size",
    ]);
    expect(Number(trades[1]!.timestamp) - Number(trades[0]!.timestamp)).toBe(2_500);
  });

  it("drops who cannot prove who it is, and whoever asks before it says so", async () => {
    const { credentials, user } = await rig();
    for (const message of [
      { auth: { ...credentials, secret: "wrong" }, type: "user" },
      { auth: {}, type: "user" },
      { operation: "subscribe", markets: [] },
      { nonsense: true },
    ]) {
      const { socket } = await user(message);
      if (socket.readyState !== socket.CLOSED) await new Promise((resolve) => socket.once("close", resolve));
      expect(socket.readyState).toBe(socket.CLOSED);
    }
  });

  it("tells only of the markets that were asked for, as they are asked for", async () => {
    const { venue, credentials, user, order, call } = await rig();
    const socket = await user({ auth: credentials, type: "user", markets: ["0xother"] });
    await socket.caughtUp();
    await call("POST", "/order", await order(1, 10));
    await socket.caughtUp();
    expect(parsed(socket)).toEqual([]);
    socket.send({ operation: "subscribe", markets: [venue.market.id] });
    await socket.caughtUp();
    await call("POST", "/order", await order(1, 11));
    await socket.until((text) => text.includes('"PLACEMENT"'));
    socket.send({ operation: "unsubscribe", markets: [venue.market.id] });
    await socket.caughtUp();
    await call("DELETE", "/cancel-all");
    await socket.caughtUp();
    expect(parsed(socket)).toHaveLength(1);
  });
});

describe("limits", () => {
  it("a signer's orders come out of a bucket; a batch is taken whole or not at all", async () => {
    const { order, call } = await rig();
    const batch = await Promise.all(Array.from({ length: 15 }, () => order(1, 5)));
    for (const left of [45, 30, 15, 0]) {
      const { status, headers } = await call("POST", "/orders", batch);
      expect([status, headers.get("poly-ratelimit-remaining")]).toEqual([200, String(left)]);
    }
    const refused = await call("POST", "/orders", batch);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    // Cancels have a bucket of their own.
    expect((await call("DELETE", "/cancel-all")).status).toBe(200);
  });

  it("a request holds 15 orders or 1,000 cancels at most", async () => {
    const { order, call } = await rig();
    const one = await order(1, 5);
    expect((await call("POST", "/orders", Array(16).fill(one))).status).toBe(400);
    expect((await call("DELETE", "/orders", Array(1_001).fill("0x1"))).status).toBe(400);
    expect((await call("DELETE", "/orders", { not: "a list" })).status).toBe(400);
    expect((await call("POST", "/order", "nothing")).status).toBe(400);
  });

  it("an order is taken once", async () => {
    const { order, call } = await rig();
    const one = await order(1, 5);
    expect((await call("POST", "/order", one)).body).toMatchObject({ success: true, status: "live" });
    expect((await call("POST", "/order", one)).body.error).toContain("Duplicated");
  });

  it("pages go on by their cursor", async () => {
    const { order, call } = await rig({ rateLimits: false });
    for (let batch = 0; batch < 8; batch++) {
      await call("POST", "/orders", await Promise.all(Array.from({ length: 15 }, () => order(1, 5))));
    }
    const first = await call("GET", "/data/orders", undefined, "?next_cursor=MA==");
    expect(first.body).toMatchObject({ count: 100, limit: 100 });
    const second = await call("GET", "/data/orders", undefined, `?next_cursor=${first.body.next_cursor}`);
    expect(second.body).toMatchObject({ count: 20, next_cursor: "LTE=" });
  });

  it("a refusal on order hits it: the engine restarts, 425", async () => {
    const { venue, order, call } = await rig();
    venue.emulator.inject({ kind: "http_error", status: 425, requests: 1, surface: "clob" });
    const one = await order(1, 5);
    expect((await call("POST", "/order", one)).status).toBe(425);
    expect((await call("POST", "/order", one)).status).toBe(200);
  });
});

describe("the dead-man switch", () => {
  it("cancels everything fifteen seconds after the last heartbeat, and nothing of who never began", async () => {
    const { venue, order, call } = await rig();
    await call("POST", "/order", await order(1, 5));
    await venue.play(40);
    const openOrders = async () => (await call("GET", "/data/orders")).body.count;
    expect(await openOrders()).toBe(1);
    const { heartbeat_id } = (await call("POST", "/v1/heartbeats", { heartbeat_id: "" })).body;
    await venue.play(14);
    await call("POST", "/v1/heartbeats", { heartbeat_id });
    await venue.play(14);
    expect(await openOrders()).toBe(1);
    await venue.play(2);
    expect(await openOrders()).toBe(0);
  });
});

describe("a resolution", () => {
  it.each([
    ["announced", 0],
    ["never announced, but in the catalog", 1],
  ])("%s pays a dollar a share of the winner and ends orders", async (_how, forgotten) => {
    const { venue, order, call } = await rig();
    if (forgotten > 0) venue.emulator.inject({ kind: "forget_resolution", markets: forgotten });
    // Down wins in this invented past, so that nobody sells it for a cent.
    await call("POST", "/order", await order(99, 20, { outcome: 1 }));
    await call("POST", "/order", await order(1, 5, { outcome: 1 }));
    const cash = async () =>
      Number((await call("GET", "/balance-allowance", undefined, "?asset_type=COLLATERAL")).body.balance);
    const shares = async () => {
      const query = `?asset_type=CONDITIONAL&token_id=${venue.tokens[1]}`;
      return Number((await call("GET", "/balance-allowance", undefined, query)).body.balance);
    };
    expect(await shares()).toBe(20 * 1_000_000);
    const before = await cash();
    const { endsAt } = venue.market.window!;
    await venue.play((endsAt - venue.clock.now()) / SECOND + 400);
    const { winner } = [...venue.source.markets()].find(({ id }) => id === venue.market.id)!;
    expect(winner).toBe(venue.tokens[1]);
    expect(await shares()).toBe(0);
    expect((await cash()) - before).toBe(20 * 1_000_000);
    expect((await call("GET", "/data/orders")).body.count).toBe(0);
    expect((await call("POST", "/order", await order(50, 5))).body.error).toContain("does not exist");
  });
});
