import { once } from "node:events";
import { createConnection } from "node:net";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import WebSocket from "ws";
import { connect, type SocketClient } from "../fixtures/socket-client.ts";
import { type SyntheticVenue, startVenue } from "../fixtures/synthetic-venue.ts";
import { ArrayFrame } from "./array-frame.ts";

const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

async function venue(...args: Parameters<typeof startVenue>): Promise<SyntheticVenue> {
  const started = await startVenue(...args);
  open.push(started.emulator);
  return started;
}

async function client(url: string | null): Promise<SocketClient> {
  const connected = await connect(url ?? "");
  open.push(connected);
  return connected;
}

const closeCode = ({ socket }: SocketClient) => new Promise<number>((resolve) => socket.on("close", resolve));
const best = (token: string) => ({ channel: "price.polymarket", filter: { asset_id: token } });

/** The status that an upgrade is refused with; 101 where the socket opened. */
async function statusOf(url: string): Promise<number> {
  const socket = new WebSocket(url);
  open.push({ close: () => socket.terminate() });
  return new Promise((resolve) => {
    socket.on("open", () => resolve(101));
    socket.on("unexpected-response", (_, response) => resolve(response.statusCode ?? 0));
    socket.on("error", () => undefined);
  });
}

describe("PolyBolt", () => {
  it("closes with 4008 after more than 20 subscribe frames in a second", async () => {
    const { emulator } = await venue();
    const reader = await client(emulator.endpoints.polyboltSocket);
    const code = closeCode(reader);
    for (let n = 0; n < 21; n++) reader.send({ op: "unsubscribe", ...best(String(n + 1)) });
    await reader.until((text) => text.includes('"code":"rate_limited"'));
    expect(await code).toBe(4008);
    expect(reader.received.filter((text) => text.includes('"unsubscribed"'))).toHaveLength(20);
  });

  it("takes 20 in each second, and a batch of 64 pairs as one; the 65th pair closes with 4008", async () => {
    const { emulator, play } = await venue();
    const reader = await client(emulator.endpoints.polyboltSocket);
    const code = closeCode(reader);
    for (let second = 0; second < 2; second++) {
      for (let n = 0; n < 20; n++) reader.send({ op: "unsubscribe", ...best("9") });
      await reader.untilCount(20 * (second + 1), (text) => text.includes('"unsubscribed"'));
      await play(1);
    }
    reader.send({ op: "subscribe", subscriptions: Array.from({ length: 64 }, (_, n) => best(String(n + 1))) });
    await reader.untilCount(64, (text) => text.includes('"subscribed"'));
    reader.send({ op: "subscribe", ...best("77") });
    await reader.until((text) => text.includes('"code":"sub_limit"'));
    expect(await code).toBe(4008);
  });

  it("closes with 4008 on a frame above 64 KB", async () => {
    const { emulator } = await venue();
    const reader = await client(emulator.endpoints.polyboltSocket);
    const code = closeCode(reader);
    reader.send({ op: "ping", rid: "x".repeat(70_000) });
    expect(await code).toBe(4008);
  });

  it("gives best prices of a token without credentials: the book's now, then each change", async () => {
    const { emulator, tokens, play, source } = await venue();
    const reader = await client(emulator.endpoints.polyboltSocket);
    reader.send({ op: "subscribe", rid: "b", ...best(tokens[0]) });
    await reader.until((text) => text.includes('"snapshot":true'));
    const answer = source.book(tokens[0]);
    if (answer.kind !== "open") throw new Error("no book");
    const { bids, asks, digest } = answer.book;
    const snapshot = JSON.parse(reader.received.at(-1)!);
    expect(snapshot).toMatchObject({ v: 1, channel: "price.polymarket", seq: 1, snapshot: true });
    expect(snapshot.payload).toMatchObject({
      asset_id: tokens[0],
      best_bid: String(bids[0]!.price / 1e6),
      best_ask: String(asks[0]!.price / 1e6),
      hash: digest.slice(0, 8),
    });
    await play(20);
    await reader.untilCount(4, (text) => text.includes('"price.polymarket","seq"'));
    const updates = reader.received.filter((text) => text.includes('"seq"')).map((text) => JSON.parse(text));
    expect(updates.map(({ seq }) => seq)).toEqual(updates.map((_, index) => index + 1));
    const pairs = updates.map(({ payload }) => `${payload.best_bid}/${payload.best_ask}`);
    expect(pairs.every((pair, index) => pair !== pairs[index - 1])).toBe(true);
  });
});

describe("sockets", () => {
  it("beyond the limit are refused with 429, and admitted when others have gone", async () => {
    const { emulator } = await venue({}, { maxSockets: 2 });
    const first = await client(emulator.endpoints.marketSocket);
    await client(emulator.endpoints.rtdsSocket);
    expect(await statusOf(emulator.endpoints.marketSocket)).toBe(429);
    first.close();
    await expect.poll(() => statusOf(emulator.endpoints.marketSocket)).toBe(101);
  });

  it("in a burst are refused with 429 where that is wanted", async () => {
    const { emulator, play } = await venue({}, { connectsASecond: 3 });
    const statuses: number[] = [];
    for (let n = 0; n < 4; n++) statuses.push(await statusOf(emulator.endpoints.marketSocket));
    expect(statuses).toEqual([101, 101, 101, 429]);
    await play(1);
    expect(await statusOf(emulator.endpoints.marketSocket)).toBe(101);
  });

  it("of one that floods messages or hoards tokens are closed with 1008, and the others do not notice", async () => {
    const { emulator, tokens, play } = await venue();
    const other = await client(emulator.endpoints.marketSocket);
    other.send({ type: "market", assets_ids: tokens });
    const flooding = await client(emulator.endpoints.marketSocket);
    const hoarding = await client(emulator.endpoints.marketSocket);
    const codes = Promise.all([closeCode(flooding), closeCode(hoarding)]);
    for (let n = 0; n < 2_001; n++) flooding.send("PING");
    hoarding.send({ type: "market", assets_ids: Array.from({ length: 10_001 }, (_, n) => String(n + 1)) });
    expect(await codes).toEqual([1008, 1008]);
    await play(2);
    await other.until((text) => text.includes('"price_change"'));
  });

  it("open with and without a slash at the end, and on no other path", async () => {
    const { emulator } = await venue();
    const base = emulator.endpoints.marketSocket;
    expect(await statusOf(`${base}/`)).toBe(101);
    expect(await statusOf(base.replace("/ws/market", "//ws/market"))).toBe(101);
    expect(await statusOf(`${base}s`)).toBe(404);
  });

  it("say nothing to {} and other noise, and live on", async () => {
    const { emulator } = await venue();
    const reader = await client(emulator.endpoints.marketSocket);
    for (const noise of ["{}", "[]", "null", "hello", '{"type":"ping"}']) reader.send(noise);
    await reader.caughtUp();
    expect(reader.received).toEqual(["PONG"]);
    reader.socket.ping();
    await once(reader.socket, "pong");
  });

  it("give a token held already no second dump, but its custom features", async () => {
    const { emulator, tokens, play } = await venue();
    const reader = await client(emulator.endpoints.marketSocket);
    reader.send({ type: "market", assets_ids: tokens });
    reader.send({ operation: "subscribe", assets_ids: [tokens[0]], custom_feature_enabled: true });
    await reader.caughtUp();
    expect(reader.received.filter((text) => text.startsWith("["))).toHaveLength(1);
    await play(20);
    await reader.until((text) => text.includes('"best_bid_ask"'));
  });
});

describe("whatever is sent", () => {
  const members = fc.constantFrom(
    "op",
    "type",
    "operation",
    "assets_ids",
    "channel",
    "filter",
    "subscriptions",
    "auth",
  );
  const message = fc.oneof(
    fc.string({ maxLength: 60 }),
    fc.json(),
    fc.dictionary(members, fc.jsonValue()).map((value) => JSON.stringify(value)),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  );

  it("to a socket or over HTTP, the emulator answers the next one", async () => {
    const { emulator, tokens } = await venue();
    const { marketSocket, polyboltSocket, rtdsSocket } = emulator.endpoints;
    const base = emulator.endpoints.gamma.replace("/gamma", "");
    const { port } = new URL(base);
    await fc.assert(
      fc.asyncProperty(
        fc.array(message, { minLength: 1, maxLength: 5 }),
        fc.constantFrom(marketSocket, polyboltSocket!, rtdsSocket!),
        fc.constantFrom(
          "/gamma/events",
          "/clob/books",
          "/clob/book",
          "/data-api/trades",
          "/control/inject",
          "",
          "//",
          "/%",
        ),
        fc.string({ maxLength: 20 }),
        async (messages, url, path, query) => {
          const socket = new WebSocket(url);
          await once(socket, "open");
          for (const each of messages) socket.send(each);
          const raw = createConnection(Number(port), "127.0.0.1");
          const line = `${path}?${encodeURI(query.replace(/[\uD800-\uDFFF]/g, ""))}`.replaceAll(" ", "+");
          raw.end(
            `POST ${line || "/"} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}`,
          );
          const [answer] = (await once(raw, "data")) as [Buffer];
          expect(answer.toString()).toMatch(/^HTTP\/1\.1 [2-4]\d\d /);
          socket.terminate();
          raw.destroy();
        },
      ),
      { numRuns: 150 },
    );
    const reader = await client(marketSocket);
    reader.send({ type: "market", assets_ids: tokens });
    await reader.until((text) => text.startsWith("[{"));
  });
});

describe("a list of messages", () => {
  const one = '{"market":"0xa","asset_id":"1","bids":[{"price":"0.1","size":"5"}],"event_type":"book"}';
  const two = '{"market":"0xa","asset_id":"2","bids":[],"note":"}]\\"","event_type":"book"}';
  const three = '{"event_type":"new_thing"}';

  it.each([",", ", "])("is cut to what is held, in its own spacing %j", (comma) => {
    const frame = ArrayFrame.of(Buffer.from(`[${[one, two, three].join(comma)}]\n`))!;
    const cut = (...ids: string[]) => {
      const part = frame.cut((id) => ids.includes(id));
      return part && Buffer.from(part).toString();
    };
    expect(cut("1", "2")).toBe(`[${[one, two, three].join(comma)}]\n`);
    expect(cut("2")).toBe(`[${[two, three].join(comma)}]\n`);
  });

  it("is nothing to who holds none of it, and no list where there is one message or broken JSON", () => {
    const frame = ArrayFrame.of(Buffer.from(`[${one},${two}]`))!;
    expect(frame.cut(() => false)).toBeNull();
    expect(ArrayFrame.of(Buffer.from(one))).toBeNull();
    expect(ArrayFrame.of(Buffer.from(`[${one}]`))).toBeNull();
    expect(ArrayFrame.of(Buffer.from(`[${one},{"x"`))).toBeNull();
  });
});
