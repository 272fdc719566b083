import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "#host";
import type { InstrumentId, Market, UnixMicros } from "#model";
import { SECOND } from "#model";
import { bookAt, createPlayhead, marketsOf, UNLIMITED } from "#replay";
import { Decoder } from "#venue";
import { type RecordedVenue, recordVenue } from "../fixtures/recorded-venue.ts";
import { connect, type SocketClient } from "../fixtures/socket-client.ts";
import { STARTS_AT } from "../fixtures/synthetic-venue.ts";
import { recordingSource } from "../recorded/recording-source.ts";
import { type Emulator, type EmulatorOptions, startEmulator } from "../server/emulator.ts";
import type { EmulatorSource } from "../source.ts";
import { createSyntheticMarket } from "../synthetic/synthetic-market.ts";

let venue: RecordedVenue;
const open: { close(): unknown }[] = [];

beforeAll(() => {
  venue = recordVenue(8);
});

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

const at = (share: number) => Math.round(venue.from + (venue.to - venue.from) * share) as UnixMicros;
const running = (now: UnixMicros): Market =>
  venue.markets.find(({ window }) => window && window.startsAt <= now && now < window.endsAt)!;
const tokensOf = (market: Market) => market.outcomes.map(({ instrument }) => instrument);
const framesOf = ({ received }: SocketClient) => received.filter((text) => text !== "PONG" && text !== "");

async function start(
  source: EmulatorSource,
  {
    startsAt,
    speed = 1,
    playing = false,
    ...options
  }: { startsAt: UnixMicros; speed?: number; playing?: boolean } & Partial<EmulatorOptions>,
): Promise<Emulator> {
  const clock = createPlayhead({ clock: systemClock(), at: startsAt, speed, playing });
  const emulator = await startEmulator({ source, clock, ...options });
  open.push(emulator);
  return emulator;
}

/** The recording paused at a moment. */
async function standing(share: number): Promise<Emulator> {
  const source = await recordingSource({ source: venue.source, from: at(share) });
  return start(source, { startsAt: at(share) });
}

async function subscriber(emulator: Emulator, tokens: readonly InstrumentId[]): Promise<SocketClient> {
  const reader = await connect(emulator.endpoints.marketSocket);
  open.push(reader);
  reader.send({ assets_ids: tokens, type: "market", custom_feature_enabled: true });
  await reader.caughtUp();
  return reader;
}

async function ask(emulator: Emulator, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const base = emulator.endpoints.gamma.replace("/gamma", "");
  const how = body === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(body) };
  const response = await fetch(`${base}/control/${path}`, how);
  const text = await response.text();
  return { status: response.status, body: text === "" ? null : JSON.parse(text) };
}

/** The digests of the books in a frame. */
function digestsIn(frame: string): Map<InstrumentId, string> {
  const events = new Decoder().decode("market", Buffer.from(frame));
  return new Map(events.flatMap((event) => (event.kind === "book" ? [[event.instrument, event.digest] as const] : [])));
}

async function digestAt(token: InstrumentId, moment: UnixMicros): Promise<string | undefined> {
  const found = await bookAt(venue.source, await marketsOf(venue.source, { toTime: moment }), token, moment);
  return found?.book.digest;
}

describe("one clock for all", () => {
  it("a seek gives every client the opening books of the new moment, forwards and back", async () => {
    const emulator = await standing(0.3);
    const tokens = tokensOf(running(at(0.3)));
    const readers = await Promise.all([subscriber(emulator, tokens), subscriber(emulator, [tokens[1]!])]);
    for (const share of [0.45, 0.2]) {
      expect((await ask(emulator, "seek", { at: at(share) })).status).toBe(200);
      for (const reader of readers) {
        await reader.caughtUp();
        const dump = framesOf(reader).at(-1)!;
        expect(dump).toMatch(/^\[\{.*\}\]\n$/s);
        for (const [token, digest] of digestsIn(dump)) expect(digest).toBe(await digestAt(token, at(share)));
      }
      expect(digestsIn(framesOf(readers[0]!).at(-1)!).size).toBe(2);
      expect(digestsIn(framesOf(readers[1]!).at(-1)!).size).toBe(1);
    }
  });

  it("two clients get the same frames, step by step, and nothing while it stands still", async () => {
    const emulator = await standing(0.4);
    const tokens = tokensOf(running(at(0.4)));
    const readers = await Promise.all([subscriber(emulator, tokens), subscriber(emulator, tokens)]);
    const counts = readers.map((reader) => framesOf(reader).length);
    await systemClock().sleep(50_000);
    for (const reader of readers) await reader.caughtUp();
    expect(readers.map((reader) => framesOf(reader).length)).toEqual(counts);
    await ask(emulator, "step", { by: "5s" });
    expect(emulator.control.state().at).toBe(at(0.4) + 5 * SECOND);
    for (const reader of readers) await reader.caughtUp();
    expect(framesOf(readers[0]!).length).toBeGreaterThan(counts[0]! + 20);
    expect(framesOf(readers[0]!)).toEqual(framesOf(readers[1]!));
  });

  it("a step of a frame is one frame", async () => {
    const emulator = await standing(0.4);
    const before = emulator.control.state();
    await ask(emulator, "step", { by: "frame" });
    await ask(emulator, "step", {});
    const after = emulator.control.state();
    expect(after.frames).toBe(before.frames + 2);
    expect(after.at).toBeGreaterThan(before.at);
    expect(after.playing).toBe(false);
  });

  it("runs at the speed it is told, and stands when paused", async () => {
    const emulator = await standing(0.3);
    await ask(emulator, "speed", { speed: 100 });
    await ask(emulator, "play", {});
    await expect.poll(() => emulator.control.state().at, { timeout: 5_000 }).toBeGreaterThan(at(0.3) + 10 * SECOND);
    await ask(emulator, "pause", {});
    const { at: stopped, pace } = emulator.control.state();
    await systemClock().sleep(30_000);
    expect(emulator.control.state().at).toBe(stopped);
    expect(pace).toBe(100);
  });

  it("plays to the end at full speed, says so, and comes back from it", async () => {
    const emulator = await standing(0.9);
    const reader = await subscriber(emulator, tokensOf(running(at(0.9))));
    await ask(emulator, "speed", { speed: "max" });
    await ask(emulator, "play", {});
    await emulator.finished;
    await expect.poll(() => emulator.control.state().ended).toBe(true);
    await reader.caughtUp();
    const count = framesOf(reader).length;
    expect(count).toBeGreaterThan(100);
    await ask(emulator, "pause", {});
    const { status, body } = await ask(emulator, "seek", { at: at(0.9) });
    expect({ status, ended: body.ended }).toEqual({ status: 200, ended: false });
    await ask(emulator, "step", { by: "1s" });
    await reader.caughtUp();
    expect(framesOf(reader).length).toBeGreaterThan(count);
  });

  it("the price services begin again with the history of the new moment", async () => {
    const emulator = await standing(0.6);
    const bolt = await connect(emulator.endpoints.polyboltSocket!);
    const rtds = await connect(emulator.endpoints.rtdsSocket!);
    open.push(bolt, rtds);
    bolt.send({ op: "auth", auth: { apiKey: "k", secret: "s", passphrase: "p" } });
    bolt.send({ op: "subscribe", channel: "price.crypto.twap", filter: { symbol: "btcusd", window_seconds: 60 } });
    rtds.send({ action: "subscribe", subscriptions: [{ topic: "crypto_prices_twap_sixty", type: "update" }] });
    await bolt.until((text) => text.includes('"snapshot":true'));
    await rtds.until((text) => text.includes('"type":"subscribe"'));
    await ask(emulator, "seek", { at: at(0.5) });
    await ask(emulator, "step", { by: "5s" });
    // RTDS was not recorded: it is served from what PolyBolt brought.
    await rtds.until((text) => text.includes('"type":"update"'));
    await bolt.untilCount(5, (text) => text.includes('"channel":"price.crypto.twap","seq"'));
    const snapshots = bolt.received.filter((text) => text.includes('"snapshot":true')).map((text) => JSON.parse(text));
    expect(snapshots).toHaveLength(2);
    const points: { timestamp: number }[] = snapshots[1].payload.data;
    expect(points.length).toBeGreaterThan(100);
    expect(points.at(-1)!.timestamp).toBeLessThanOrEqual(at(0.5) / 1_000);
    const seqs = bolt.received.flatMap((text) => /twap","seq":(\d+)/.exec(text)?.[1] ?? []).map(Number);
    expect(seqs).toEqual(seqs.map((_, index) => index + 1));
  });

  it("tells who is connected and what can be subscribed to, without an outcome", async () => {
    const emulator = await standing(0.5);
    await subscriber(emulator, tokensOf(running(at(0.5))));
    const { body } = await ask(emulator, "state");
    expect(body).toMatchObject({ playing: false, speed: 1, seekable: true, lagMicros: 0, faults: 0 });
    expect(body.clients).toEqual([{ surface: "market", socket: 0, subscriptions: 2, bufferedBytes: 0 }]);
    const markets = (await ask(emulator, "markets")).body;
    expect(markets.map(({ slug }: { slug: string }) => slug)).toContain(running(at(0.5)).slug);
    expect(JSON.stringify(markets)).not.toMatch(/winner|final|strike/);
  });

  it("injects faults", async () => {
    const emulator = await standing(0.5);
    const tokens = tokensOf(running(at(0.5)));
    const readers = await Promise.all([subscriber(emulator, tokens), subscriber(emulator, tokens)]);
    expect((await ask(emulator, "inject", { kind: "lose", frames: 3, socket: 1 })).body.faults).toBe(1);
    await ask(emulator, "step", { by: "5s" });
    for (const reader of readers) await reader.caughtUp();
    expect(framesOf(readers[1]!).length).toBe(framesOf(readers[0]!).length - 3);
    expect((await ask(emulator, "injections")).body).toMatchObject([{ hits: 3 }]);
  });
});

describe("the control API", () => {
  it.each([
    ["seek", { at: "yesterday" }, /ISO 8601/],
    ["seek", { at: 1 }, /nothing is recorded at 1970/],
    ["speed", { speed: 0 }, /from 0\.1 up/],
    ["step", { by: "a while" }, /"frame" or a duration/],
    ["inject", { kind: "earthquake" }, /kind/],
    ["inject", { kind: "lose" }, /"frames"/],
    ["inject", { kind: "lose", frames: 1, colour: "red" }, /colour/],
  ])("%s %j is refused in one line", async (name, body, message) => {
    const answer = await ask(await standing(0.5), name, body);
    expect(answer.status).toBe(400);
    expect(answer.body.error).toMatch(message);
    expect(answer.body.error).not.toContain("\n");
  });

  it("knows no other commands, and takes orders only by POST", async () => {
    const emulator = await standing(0.5);
    expect((await ask(emulator, "rewind", {})).status).toBe(404);
    expect((await ask(emulator, "toString", {})).status).toBe(404);
    expect((await ask(emulator, "play")).status).toBe(405);
    expect(emulator.control.state().playing).toBe(false);
  });

  it.each([
    { origin: "https://evil.example" },
    { origin: "null" },
    { origin: "http://127.0.0.1:1" },
    { "sec-fetch-site": "cross-site" },
  ])("answers no web page: %j", async (headers) => {
    const emulator = await standing(0.5);
    expect((await ask(emulator, "state", undefined, headers)).status).toBe(403);
    expect((await ask(emulator, "play", {}, headers)).status).toBe(403);
    expect(emulator.control.state().playing).toBe(false);
  });

  it("cannot move a source or a clock that only goes on", async () => {
    const source = createSyntheticMarket({ seed: 1, startsAt: STARTS_AT, series: ["btc-updown-5m"] });
    const emulator = await start(source, { startsAt: STARTS_AT });
    expect((await ask(emulator, "seek", { at: STARTS_AT })).status).toBe(409);
    expect((await ask(emulator, "step", { by: "1s" })).status).toBe(200);
    const other = await startEmulator({
      source: createSyntheticMarket({ seed: 1, startsAt: STARTS_AT }),
      clock: systemClock(),
    });
    open.push(other);
    expect((await ask(other, "pause", {})).body.error).toMatch(/cannot be controlled/);
  });
});

describe("readers at full speed", () => {
  it("one that stops reading is closed with 1013, and holds up neither the clock nor the others", async () => {
    const source = createSyntheticMarket({ seed: 2, startsAt: STARTS_AT, series: ["btc-updown-5m"], activity: 4 });
    const tokens = [...source.markets()]
      .filter(({ closed }) => !closed)
      .flatMap(tokensOf)
      .slice(0, 8);
    const emulator = await start(source, { startsAt: STARTS_AT, speed: UNLIMITED, maxBufferedBytes: 2_000_000 });
    const [stalled, healthy] = await Promise.all([subscriber(emulator, tokens), subscriber(emulator, tokens)]);
    const closed = new Promise<number>((resolve) => stalled.socket.on("close", resolve));
    stalled.socket.pause();
    emulator.control.play();
    const target = STARTS_AT + 90 * SECOND;
    await expect.poll(() => emulator.control.state().at, { timeout: 20_000 }).toBeGreaterThan(target);
    emulator.control.pause();
    await healthy.caughtUp();
    expect(framesOf(healthy).length).toBeGreaterThan(10_000);
    stalled.socket.resume();
    expect(await closed).toBe(1013);
    await expect.poll(() => emulator.control.state().clients.map(({ socket }) => socket)).toEqual([1]);
  }, 40_000);
});
