import { afterEach, describe, expect, it } from "vitest";
import { Prover } from "#book";
import type { InstrumentId, Seq, UnixMicros } from "#model";
import { Decoder, decodeBookAnswer, decodeGamma } from "#venue";
import { connect, type SocketClient } from "../fixtures/socket-client.ts";
import { type SyntheticVenue, startVenue } from "../fixtures/synthetic-venue.ts";

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

const isChange = (text: string) => text.includes('"price_change"');
const subscribe = (tokens: readonly InstrumentId[], more = {}) => ({ assets_ids: tokens, type: "market", ...more });

function prove(frames: readonly string[]): Prover {
  const decoder = new Decoder();
  const prover = new Prover({ search: "off" });
  for (const [seq, text] of frames.entries()) {
    for (const event of decoder.decode("market", Buffer.from(text))) {
      expect(event.kind).not.toBe("fault");
      prover.apply(event, { seq: seq as Seq, receivedAt: seq as UnixMicros });
    }
  }
  // Not flushed: the last frames may be half a batch, which proves only when the rest is there.
  return prover;
}

describe("the market channel", () => {
  it("opens with a compact dump of the books and goes on with frames that all prove", async () => {
    const { emulator, tokens } = await venue();
    const reader = await client(emulator.endpoints.marketSocket);
    reader.send(subscribe(tokens));
    await reader.untilCount(60, isChange);
    const dump = reader.received[0] ?? "";
    expect(dump).toMatch(
      /^\[\{"market":"0x[0-9a-f]{64}","asset_id":"\d+","timestamp":"\d+","hash":"[0-9a-f]{40}","bids":/,
    );
    expect(dump.endsWith("]\n")).toBe(true);
    expect(dump.match(/"event_type":"book"/g)).toHaveLength(2);
    const { states, bbo, crossed } = prove(reader.received).totals();
    expect(states).toMatchObject({ inferred: 0, contradicted: 0, unprovable: 0 });
    expect(states.proven).toBeGreaterThan(4);
    expect(bbo.agreed).toBe(bbo.checked);
    expect(crossed).toBe(0);
  });

  it("proves the books of who subscribes in mid-stream", async () => {
    const { emulator, tokens } = await venue();
    const early = await client(emulator.endpoints.marketSocket);
    early.send(subscribe(tokens));
    await early.untilCount(100, isChange);
    const late = await client(emulator.endpoints.marketSocket);
    late.send(subscribe([tokens[1]]));
    await late.untilCount(60, isChange);
    const proofs = [...prove(late.received).proofs()].filter(({ instrument }) => instrument === tokens[1]);
    expect(proofs[0]?.states).toMatchObject({ contradicted: 0, unprovable: 0 });
  });

  it("gives two readers the same frames in the same order", async () => {
    const { emulator, tokens } = await venue();
    const readers = [await client(emulator.endpoints.marketSocket), await client(emulator.endpoints.marketSocket)];
    for (const reader of readers) reader.send(subscribe(tokens));
    for (const reader of readers) await reader.untilCount(80, isChange);
    const [first, second] = readers.map(({ received }) => received.filter(isChange));
    const from = first!.indexOf(second![0]!);
    expect(first!.slice(Math.max(0, from), from + 60)).toEqual(
      second!.slice(0, first!.slice(Math.max(0, from), from + 60).length),
    );
  });

  it("adds and drops tokens on a socket that is open", async () => {
    const { emulator, tokens, source } = await venue();
    const next = [...source.markets()].find(({ closed, outcomes }) => !closed && outcomes[0]?.instrument !== tokens[0]);
    const reader = await client(emulator.endpoints.marketSocket);
    reader.send(subscribe([next!.outcomes[0]!.instrument]));
    await reader.until((text) => text.startsWith("[{"));
    expect(reader.received).toHaveLength(1);
    reader.send({ operation: "subscribe", assets_ids: [tokens[0]] });
    await reader.untilCount(10, isChange);
    reader.send({ operation: "unsubscribe", assets_ids: [tokens[0]] });
    reader.send("PING");
    await reader.until((text) => text === "PONG");
    const at = reader.received.indexOf("PONG");
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(reader.received.slice(at).filter((text) => text.includes(tokens[0]))).toEqual([]);
  });

  it("answers [] for unknown tokens, and nothing where no dump is wanted", async () => {
    const { emulator, tokens } = await venue();
    const reader = await client(emulator.endpoints.marketSocket);
    reader.send(subscribe(["123" as InstrumentId]));
    expect(await reader.until(() => true)).toBe("[]");
    const other = await client(emulator.endpoints.marketSocket);
    other.send(subscribe(tokens, { initial_dump: false }));
    expect(await other.until(() => true)).toContain('"price_change"');
  });

  it("sends best_bid_ask, new_market and market_resolved only to those who asked for custom features", async () => {
    const { emulator, tokens } = await venue({}, {}, 400);
    const plain = await client(emulator.endpoints.marketSocket);
    const custom = await client(emulator.endpoints.marketSocket);
    plain.send(subscribe(tokens));
    custom.send(subscribe(tokens, { custom_feature_enabled: true }));
    for (const type of ["best_bid_ask", "new_market", "market_resolved"]) {
      await custom.until((text) => text.includes(`"event_type":"${type}"`));
    }
    expect(plain.received.filter((text) => /best_bid_ask|new_market|market_resolved/.test(text))).toEqual([]);
    const late = await client(emulator.endpoints.marketSocket);
    late.send(subscribe(tokens));
    expect(await late.until(() => true)).toBe("[]");
  });

  it("falls silent above 500 tokens, but still answers PING", async () => {
    const { emulator, source } = await venue({ series: [], markets: 260, framesPerSecond: 2_000 });
    const tokens = [...source.markets()].flatMap(({ outcomes }) => outcomes.map(({ instrument }) => instrument));
    const reader = await client(emulator.endpoints.marketSocket);
    reader.send(subscribe(tokens));
    reader.send("PING");
    await reader.until((text) => text === "PONG");
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(reader.received).toEqual(["PONG"]);
    reader.send({ operation: "unsubscribe", assets_ids: tokens.slice(20) });
    await reader.until(isChange);
  });

  it("serves 2,000 tokens on 10 sockets", async () => {
    const { emulator, source } = await venue({ series: [], markets: 1_000, framesPerSecond: 500 });
    const tokens = [...source.markets()].flatMap(({ outcomes }) => outcomes.map(({ instrument }) => instrument));
    const readers = await Promise.all(Array.from({ length: 10 }, () => client(emulator.endpoints.marketSocket)));
    for (const [index, reader] of readers.entries())
      reader.send(subscribe(tokens.slice(index * 200, index * 200 + 200)));
    for (const reader of readers) await reader.untilCount(20, isChange);
    const states = prove(readers.flatMap(({ received }) => received)).totals().states;
    expect(states.contradicted).toBe(0);
    expect(readers.every(({ received }) => (received[0]?.match(/"event_type":"book"/g) ?? []).length === 200)).toBe(
      true,
    );
  });

  it("disconnects a reader that stalls, and nobody else", async () => {
    const { emulator, tokens } = await venue({ activity: 4 }, { maxBufferedBytes: 200_000 }, 60);
    const stalled = await client(emulator.endpoints.marketSocket);
    const healthy = await client(emulator.endpoints.marketSocket);
    stalled.send(subscribe(tokens));
    await stalled.until(isChange);
    stalled.socket.pause();
    healthy.send(subscribe(tokens));
    // More than the kernel's buffers and the bound together.
    await healthy.untilCount(12_000, isChange);
    stalled.socket.resume();
    await expect.poll(() => stalled.socket.readyState, { timeout: 5_000 }).toBe(stalled.socket.CLOSED);
    expect(healthy.socket.readyState).toBe(healthy.socket.OPEN);
    expect(prove(healthy.received).totals().states.contradicted).toBe(0);
  });
});

describe("HTTP", () => {
  const get = async (base: string, path: string) => {
    const response = await fetch(base + path);
    return { status: response.status, body: new Uint8Array(await response.arrayBuffer()) };
  };
  const text = (body: Uint8Array) => Buffer.from(body).toString();

  it("shows no strike, final price or winner before its time, and all of them after", async () => {
    const { emulator, market } = await venue({}, {}, 400);
    const { gamma } = emulator.endpoints;
    const ask = async () => decodeGamma((await get(gamma, `/events?slug=${market.slug}`)).body).markets[0]!;
    const early = await ask();
    expect(early).toMatchObject({ closed: false, winner: null, finalPrice: null });
    expect(early.strike?.exact).toMatch(/^\d+\.\d+$/);
    await expect.poll(async () => (await ask()).closed, { timeout: 8_000 }).toBe(true);
    const late = await ask();
    expect(late.winner).toBe(late.outcomes[late.finalPrice!.price >= late.strike!.price ? 0 : 1]?.instrument);
    const open = decodeGamma((await get(gamma, `/markets?slug=${market.slug}`)).body);
    expect(open.markets, "closed markets are left out unless asked for").toEqual([]);
    expect(decodeGamma((await get(gamma, `/markets?slug=${market.slug}&closed=true`)).body).markets).toHaveLength(1);
  });

  it("shows the strike of a window only once the one before is resolved, and chains them", async () => {
    const { emulator, market } = await venue({}, {}, 400);
    const { gamma } = emulator.endpoints;
    const list = async () =>
      decodeGamma((await get(gamma, "/events?series_slug=btc-up-or-down-5m&order=startDate&limit=50")).body).markets;
    const next = (await list()).find(({ window }) => window?.startsAt === market.window?.endsAt)!;
    const seen: { previousClosed: boolean; strike: string | undefined; final: string | undefined }[] = [];
    for (;;) {
      const markets = await list();
      const previous = markets.find(({ slug }) => slug === market.slug)!;
      const strike = markets.find(({ slug }) => slug === next.slug)!.strike?.exact;
      seen.push({ previousClosed: previous.closed, strike, final: previous.finalPrice?.exact });
      if (strike !== undefined) break;
    }
    expect(seen.filter(({ previousClosed }) => !previousClosed).every(({ strike }) => strike === undefined)).toBe(true);
    expect(seen.at(-1)?.strike).toBe(seen.at(-1)?.final);
  });

  it("answers every path that the clients ask", async () => {
    const { emulator, market, tokens } = await venue();
    const { gamma, clob, cryptoPrice } = emulator.endpoints;
    expect(text((await get(clob, "/ok")).body)).toBe("OK");
    expect(Number(text((await get(clob, "/time")).body))).toBeGreaterThan(1_763_000_000);
    expect(text((await get(clob, "/version")).body)).toBe('{"version":2}');
    expect(text((await get(clob, `/tick-size?token_id=${tokens[0]}`)).body)).toMatch(
      /^\{"minimum_tick_size":0\.0?01\}$/,
    );
    expect(text((await get(clob, `/neg-risk?token_id=${tokens[0]}`)).body)).toBe('{"neg_risk":false}');
    expect(text((await get(clob, `/fee-rate?token_id=${tokens[0]}`)).body)).toBe('{"base_fee":1000}');
    for (const path of ["midpoint", "price", "spread", "last-trade-price"]) {
      expect((await get(clob, `/${path}?token_id=${tokens[0]}&side=BUY`)).status).toBe(200);
    }
    expect(JSON.parse(text((await get(clob, `/markets/${market.id}`)).body)).tokens).toHaveLength(2);
    expect(JSON.parse(text((await get(clob, `/clob-markets/${market.id}`)).body)).c).toBe(market.id);
    expect(JSON.parse(text((await get(clob, `/markets-by-token/${tokens[1]}`)).body)).condition_id).toBe(market.id);
    const books = await fetch(`${clob}/books`, { method: "POST", body: JSON.stringify([{ token_id: tokens[0] }]) });
    expect(await books.json()).toHaveLength(1);
    expect(decodeGamma((await get(gamma, `/events/slug/${market.slug}`)).body).markets[0]?.id).toBe(market.id);
    expect(decodeGamma((await get(gamma, `/markets?condition_ids=${market.id}`)).body).markets).toHaveLength(1);
    expect(decodeGamma((await get(gamma, `/markets?clob_token_ids=${tokens[1]}`)).body).markets).toHaveLength(1);
    expect(decodeGamma((await get(gamma, "/events?tag_slug=up-or-down&limit=5")).body).markets).toHaveLength(5);
    const first = decodeGamma((await get(gamma, "/events/keyset?limit=3")).body);
    const second = decodeGamma((await get(gamma, `/events/keyset?limit=3&after_cursor=${first.nextCursor}`)).body);
    expect(new Set([...first.markets, ...second.markets].map(({ slug }) => slug)).size).toBe(6);
    expect(text((await get(gamma, "/series?slug=btc-up-or-down-5m")).body)).toContain(market.slug);
    expect((await get(gamma, "/events/slug/no-such-window")).status).toBe(404);
    const times = market.window!;
    const query = `?symbol=BTC&eventStartTime=${times.startsAt / 1e6}&endDate=${times.endsAt / 1e6}&variant=fiveminute&twapEnabled=true`;
    expect(JSON.parse(text((await get(cryptoPrice ?? "", query)).body))).toMatchObject({
      completed: false,
      closePrice: null,
    });
  });

  it("answers a book whose digest is right, and 404 for a token it does not know", async () => {
    const { emulator, tokens } = await venue();
    const answer = await get(emulator.endpoints.clob, `/book?token_id=${tokens[0]}`);
    const book = decodeBookAnswer(answer.body);
    if (book.kind !== "book") throw new Error(book.detail);
    const prover = new Prover({ search: "off" });
    prover.apply(book, { seq: 0 as Seq, receivedAt: 0 as UnixMicros });
    expect(prover.verdictNow(tokens[0])).toBe("proven");
    expect((await get(emulator.endpoints.clob, "/book?token_id=1")).status).toBe(404);
  });
});
