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
  /** Lets time pass, until both readers have all that was sent in it. */
  run(seconds: number): Promise<void>;
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
    await reader.caughtUp();
  }
  const run = async (seconds: number) => {
    await venue.play(seconds);
    await Promise.all(readers.map((reader) => reader.caughtUp()));
  };
  return { ...venue, readers: readers as [SocketClient, SocketClient], run };
}

const framesOf = ({ received }: SocketClient) => received.filter((text) => text !== "PONG");

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

/** What the second socket got and the first did not; both have the same subscription from the start. */
function missingIn([first, second]: readonly [SocketClient, SocketClient]): string[] {
  const had = new Set(framesOf(first));
  return framesOf(second).filter((text) => !had.has(text));
}

describe("a fault", () => {
  it("freeze: stops the stream of one socket, which still answers PING, and ends by itself", async () => {
    const { emulator, readers, run } = await rig();
    await run(2);
    emulator.inject({ kind: "freeze", socket: 0, forMicros: 8 * SECOND });
    const [frozen, healthy] = readers.map((reader) => framesOf(reader).length);
    await run(7.5);
    expect(framesOf(readers[0]).length).toBe(frozen);
    expect(framesOf(readers[1]).length).toBeGreaterThan(healthy! + 50);
    await run(5);
    expect(framesOf(readers[0]).length).toBeGreaterThan(frozen! + 20);
    const [record] = emulator.injected();
    expect(record?.endedAt).toBe(record!.at + 8 * SECOND);
    expect(missingIn(readers)).toHaveLength(record!.hits);
    expect(totalsOf(framesOf(readers[1])).states.contradicted).toBe(0);
  });

  it("freeze: can be of some tokens only", async () => {
    const { emulator, readers, tokens, source, run } = await rig({ series: ["btc-updown-5m", "eth-updown-5m"] });
    const eth = [...source.markets()].find(
      ({ slug, strike, winner }) => slug.startsWith("eth") && strike !== null && winner === null,
    )!;
    readers[0].send({ operation: "subscribe", assets_ids: eth.outcomes.map(({ instrument }) => instrument) });
    await run(2);
    emulator.inject({ kind: "freeze", instruments: tokens, forMicros: 60 * SECOND });
    const from = framesOf(readers[0]).length;
    await run(5);
    const since = framesOf(readers[0]).slice(from);
    expect(since.length).toBeGreaterThan(20);
    expect(since.every((text) => text.includes(eth.id))).toBe(true);
  });

  it("lose and duplicate: so many frames on that socket, and the log says how many", async () => {
    const { emulator, readers, run } = await rig();
    await run(1);
    emulator.inject({ kind: "lose", frames: 3, socket: 0 });
    emulator.inject({ kind: "duplicate", frames: 2, socket: 1 });
    await run(5);
    const [lost, doubled] = emulator.injected();
    expect([lost?.hits, doubled?.hits]).toEqual([3, 2]);
    expect(lost?.endedAt).not.toBeNull();
    const frames = framesOf(readers[1]);
    expect(frames.filter((text, index) => frames[index - 1] === text)).toHaveLength(2);
    expect(new Set(missingIn(readers)).size).toBe(3);
  });

  it("cross: shows a crossed book for one message, whose digest is right, and the true one after it", async () => {
    const { emulator, readers, tokens, run } = await rig();
    await run(1);
    emulator.inject({ kind: "cross", instrument: tokens[0], socket: 0 });
    await run(2);
    // Both outcomes' books were crossed for one frame.
    expect(totalsOf(framesOf(readers[0]))).toMatchObject({ crossed: 2, states: { contradicted: 0 } });
    expect(totalsOf(framesOf(readers[1]))).toMatchObject({ crossed: 0, states: { contradicted: 0 } });
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
    const { emulator, readers, play } = await rig();
    await play(1);
    await readers[0].caughtUp();
    const before = framesOf(readers[0]).length;
    emulator.inject({ kind: "slow", socket: 0, byMicros: 4 * SECOND, forMicros: 10 * SECOND });
    await play(3.9);
    await readers[1].caughtUp();
    expect(framesOf(readers[0]).length).toBe(before);
    expect(framesOf(readers[1]).length).toBeGreaterThan(before + 20);
    await play(15);
    await Promise.all(readers.map((reader) => reader.caughtUp()));
    expect(framesOf(readers[0])).toEqual(framesOf(readers[1]));
  });

  it("stale_book: REST and dumps stand still while the stream goes on, and catch up after", async () => {
    const { emulator, tokens, run } = await rig();
    const url = `${emulator.endpoints.clob}/book?token_id=${tokens[0]}`;
    const ask = async () => ((await (await fetch(url)).json()) as { hash: string }).hash;
    await run(1);
    emulator.inject({ kind: "stale_book", forMicros: 10 * SECOND });
    const stale = await ask();
    await run(5);
    expect(await ask()).toBe(stale);
    const late = await connect(emulator.endpoints.marketSocket);
    open.push(late);
    late.send({ assets_ids: [tokens[0]], type: "market" });
    expect(await late.until(() => true)).toContain(stale);
    await run(6);
    expect(await ask()).not.toBe(stale);
  });

  it("http_error: refuses so many requests, then serves; sockets are refused apart", async () => {
    const { emulator } = await rig();
    emulator.inject({ kind: "http_error", status: 429, requests: 2, surface: "clob" });
    const ask = async (path: string) => {
      const { status, headers } = await fetch(emulator.endpoints.clob + path);
      return [status, headers.get("retry-after")];
    };
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
    const { emulator, readers, run } = await rig({ activity: 0.05 });
    emulator.inject({ kind: "forget_resolution", markets: 1, socket: 0 });
    await run(340);
    const heard = readers.map((reader) => framesOf(reader).some((text) => text.includes("market_resolved")));
    expect(heard).toEqual([false, true]);
    expect(emulator.injected()[0]).toMatchObject({ hits: 1 });
  });

  it("clock_skew: shifts the venue's times and the digests with them, and back without a step backwards", async () => {
    const { emulator, readers, run, clock } = await rig({ activity: 0.5 });
    await run(1);
    emulator.inject({ kind: "clock_skew", byMicros: 10 * SECOND, forMicros: 5 * SECOND });
    await run(4);
    const times = () => framesOf(readers[0]).filter(isChange).map(sentAtOf);
    expect(Math.abs(times().at(-1)! - clock.now() - 10 * SECOND)).toBeLessThan(2 * SECOND);
    await run(25);
    expect(Math.abs(times().at(-1)! - clock.now())).toBeLessThan(2 * SECOND);
    expect(times()).toEqual(times().toSorted((a, b) => a - b));
    expect(totalsOf(framesOf(readers[0])).states.contradicted).toBe(0);
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
