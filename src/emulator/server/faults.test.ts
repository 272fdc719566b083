import { afterEach, describe, expect, it } from "vitest";
import { Prover } from "#book";
import type { InstrumentId, PriceChange, Seq, UnixMicros } from "#model";
import { SECOND } from "#model";
import { Decoder } from "#venue";
import { connect, type SocketClient } from "../fixtures/socket-client.ts";
import { type SyntheticVenue, startVenue } from "../fixtures/synthetic-venue.ts";

const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

const isChange = (text: string) => text.includes('"price_change"');

interface Rig extends SyntheticVenue {
  /** Two sockets with the same subscription: 0 and 1. */
  readonly readers: readonly [SocketClient, SocketClient];
}

async function rig(...args: Parameters<typeof startVenue>): Promise<Rig> {
  const venue = await startVenue(...args);
  open.push(venue.emulator);
  const readers: SocketClient[] = [];
  for (let index = 0; index < 2; index++) {
    const reader = await connect(venue.emulator.endpoints.marketSocket);
    open.push(reader);
    readers.push(reader);
    reader.send({ assets_ids: venue.tokens, type: "market", custom_feature_enabled: true });
    await reader.until(isChange);
  }
  return { ...venue, readers: readers as [SocketClient, SocketClient] };
}

function totalsOf(frames: readonly string[]) {
  const decoder = new Decoder();
  const prover = new Prover({ search: "off" });
  for (const [seq, text] of frames.entries()) {
    for (const event of decoder.decode("market", Buffer.from(text))) {
      prover.apply(event, { seq: seq as Seq, receivedAt: seq as UnixMicros });
    }
  }
  return prover.totals();
}

/** What the later socket got and the earlier one did not, up to the last frame of the earlier. */
async function missingIn(earlier: SocketClient, later: SocketClient): Promise<ReadonlySet<string>> {
  const last = earlier.received.at(-1)!;
  await later.until((text) => text === last);
  const had = new Set(earlier.received);
  // Without its own opening dump.
  return new Set(later.received.slice(1, later.received.indexOf(last)).filter((text) => !had.has(text)));
}

const settle = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis));

describe("a fault", () => {
  it("freeze: stops the stream of one socket, which still answers PING, and ends by itself", async () => {
    const { emulator, readers } = await rig();
    emulator.inject({ kind: "freeze", socket: 0, forMicros: 8 * SECOND });
    readers[0].send("PING");
    await readers[0].until((text) => text === "PONG");
    const before = readers[0].received.length;
    const other = readers[1].received.length;
    await settle(200);
    expect(readers[0].received.length).toBe(before);
    expect(readers[1].received.length).toBeGreaterThan(other);
    await readers[0].untilCount(before + 200, () => true);
    const [record] = emulator.injected();
    expect(record?.hits).toBeGreaterThan(0);
    expect(record?.endedAt).toBe(record!.at + 8 * SECOND);
    const missing = await missingIn(readers[0], readers[1]);
    expect(missing.size).toBe(record?.hits);
    expect(totalsOf(readers[1].received).states.contradicted).toBe(0);
  });

  it("freeze: can be of some tokens only", async () => {
    const { emulator, readers, tokens, source } = await rig({ series: ["btc-updown-5m", "eth-updown-5m"] });
    const eth = [...source.markets()].find(
      ({ slug, window }) =>
        slug.startsWith("eth") && window!.startsAt <= source.nextAt() && source.nextAt() < window!.endsAt,
    )!;
    const ethTokens = eth.outcomes.map(({ instrument }) => instrument);
    readers[0].send({ operation: "subscribe", assets_ids: ethTokens });
    await readers[0].until((text) => isChange(text) && text.includes(eth.id));
    emulator.inject({ kind: "freeze", instruments: tokens, forMicros: 60 * SECOND });
    const from = readers[0].received.length;
    await settle(200);
    const since = readers[0].received.slice(from + 1);
    expect(since.some((text) => text.includes(eth.id))).toBe(true);
    expect(since.filter((text) => tokens.some((token) => text.includes(token)))).toEqual([]);
  });

  it("lose and duplicate: so many frames on that socket, and the log says how many", async () => {
    const { emulator, readers } = await rig();
    emulator.inject({ kind: "lose", frames: 3, socket: 0 });
    emulator.inject({ kind: "duplicate", frames: 2, socket: 1 });
    await readers[0].untilCount(300, isChange);
    await readers[1].untilCount(300, isChange);
    const [lost, doubled] = emulator.injected();
    expect([lost?.hits, doubled?.hits]).toEqual([3, 2]);
    expect(lost?.endedAt).not.toBeNull();
    const repeated = readers[1].received.filter((text, index, all) => all[index - 1] === text);
    expect(repeated).toHaveLength(2);
    expect((await missingIn(readers[0], readers[1])).size).toBe(3);
  });

  it("cross: shows a crossed book for one message, whose digest is right, and the true one after it", async () => {
    const { emulator, readers, tokens } = await rig();
    emulator.inject({ kind: "cross", instrument: tokens[0], socket: 0 });
    await readers[0].untilCount(200, isChange);
    const crossed = totalsOf(readers[0].received);
    expect(crossed.crossed).toBe(2);
    expect(crossed.states).toMatchObject({ contradicted: 0 });
    await readers[1].untilCount(100, isChange);
    expect(totalsOf(readers[1].received).crossed).toBe(0);
    expect(emulator.injected()[0]).toMatchObject({ hits: 1, possible: true });
  });

  it("disconnect: ends one socket, with a code where one is given", async () => {
    const { emulator, readers } = await rig();
    const closed = new Promise<number>((resolve) => readers[0].socket.once("close", resolve));
    emulator.inject({ kind: "disconnect", socket: 0, code: 1012 });
    expect(await closed).toBe(1012);
    expect(readers[1].socket.readyState).toBe(readers[1].socket.OPEN);
    const cut = new Promise<number>((resolve) => readers[1].socket.once("close", resolve));
    emulator.inject({ kind: "disconnect" });
    expect(await cut).toBe(1006);
  });

  it("slow: brings everything late and in order", async () => {
    const { emulator, readers } = await rig();
    emulator.inject({ kind: "slow", socket: 0, byMicros: 4 * SECOND, forMicros: 20 * SECOND });
    const [at, other] = readers.map(({ received }) => received.length) as [number, number];
    await settle(120);
    expect(readers[0].received.length).toBe(at);
    expect(readers[1].received.length).toBeGreaterThan(other);
    await readers[0].untilCount(200, isChange);
    expect(totalsOf(readers[0].received).states.contradicted).toBe(0);
  });

  it("stale_book: REST and dumps stand still while the stream goes on, and catch up after", async () => {
    const { emulator, readers, tokens } = await rig();
    const ask = async () =>
      (await (await fetch(`${emulator.endpoints.clob}/book?token_id=${tokens[0]}`)).json()) as { hash: string };
    emulator.inject({ kind: "stale_book", forMicros: 10 * SECOND });
    const stale = await ask();
    await readers[0].untilCount(60, isChange);
    expect(await ask()).toEqual(stale);
    const late = await connect(emulator.endpoints.marketSocket);
    open.push(late);
    late.send({ assets_ids: [tokens[0]], type: "market" });
    expect(await late.until(() => true)).toContain(stale.hash);
    await expect.poll(async () => (await ask()).hash).not.toBe(stale.hash);
  });

  it("http_error: refuses so many requests, then serves; sockets are refused apart", async () => {
    const { emulator } = await rig();
    emulator.inject({ kind: "http_error", status: 429, requests: 2, surface: "clob" });
    const ask = (path: string) =>
      fetch(`${emulator.endpoints.clob}${path}`).then(({ status, headers }) => [status, headers.get("retry-after")]);
    expect([await ask("/ok"), await ask("/time"), await ask("/ok")]).toEqual([
      [429, "1"],
      [429, "1"],
      [200, null],
    ]);
    emulator.inject({ kind: "http_error", status: 503, requests: 1, surface: "upgrade" });
    await expect(connect(emulator.endpoints.marketSocket)).rejects.toThrow("503");
    open.push(await connect(emulator.endpoints.marketSocket));
  });

  it("forget_resolution: one socket never hears of it", async () => {
    const { emulator, readers } = await rig({}, {}, 400);
    emulator.inject({ kind: "forget_resolution", markets: 1, socket: 0 });
    await readers[1].until((text) => text.includes("market_resolved"));
    await settle(50);
    expect(readers[0].received.some((text) => text.includes("market_resolved"))).toBe(false);
    expect(emulator.injected()[0]).toMatchObject({ hits: 1 });
  });

  it("clock_skew: shifts the venue's times and the digests with them", async () => {
    const { emulator, readers } = await rig();
    const last = sentAtOf(readers[0].received.filter(isChange).at(-1)!);
    emulator.inject({ kind: "clock_skew", byMicros: 60 * SECOND, forMicros: 600 * SECOND });
    const shifted = await readers[0].until((text) => isChange(text) && sentAtOf(text) > last + 55 * SECOND);
    expect(shifted).toBeDefined();
    await readers[0].untilCount(100, isChange);
    expect(totalsOf(readers[0].received).states.contradicted).toBe(0);
  });

  it("is put on record also where it could not be done", async () => {
    const { emulator } = await rig();
    emulator.inject({ kind: "disconnect", socket: 99 });
    emulator.inject({ kind: "cross", instrument: "5" as InstrumentId });
    expect(emulator.injected().map(({ possible, hits }) => ({ possible, hits }))).toEqual([
      { possible: false, hits: 0 },
      { possible: false, hits: 0 },
    ]);
  });
});

function sentAtOf(text: string): number {
  const [event] = new Decoder().decode("market", Buffer.from(text));
  return (event as PriceChange).sentAt;
}
