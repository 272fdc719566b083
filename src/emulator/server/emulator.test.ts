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

/** A socket with a subscription that the emulator has served. */
async function subscriber(started: SyntheticVenue, tokens: readonly InstrumentId[], more = {}): Promise<SocketClient> {
  const reader = await client(started.emulator.endpoints.marketSocket);
  reader.send({ assets_ids: tokens, type: "market", ...more });
  await reader.caughtUp();
  return reader;
}

const framesOf = ({ received }: SocketClient) => received.filter((text) => text !== "PONG");
const tokensOf = ({ source }: SyntheticVenue) =>
  [...source.markets()].flatMap(({ outcomes }) => outcomes.map(({ instrument }) => instrument));

describe("the market channel", () => {
  it("opens with a compact dump of the books and goes on with frames that all prove", async () => {
    const started = await venue();
    const reader = await subscriber(started, started.tokens);
    await started.play(5);
    await reader.caughtUp();
    const frames = framesOf(reader);
    expect(frames[0]).toMatch(
      /^\[\{"market":"0x[0-9a-f]{64}","asset_id":"\d+","timestamp":"\d+","hash":"[0-9a-f]{40}","bids":.*\}\]\n$/,
    );
    expect(frames[0]?.match(/"event_type":"book"/g)).toHaveLength(2);
    const { states, bbo, crossed } = prove(frames).totals();
    expect(states).toMatchObject({ inferred: 0, contradicted: 0, unprovable: 0 });
    expect(states.proven).toBeGreaterThan(20);
    expect(bbo.agreed).toBe(bbo.checked);
    expect(crossed).toBe(0);
  });

  it("gives who comes in mid-stream the present books, and the rest of what the others get", async () => {
    const started = await venue();
    const early = await subscriber(started, started.tokens);
    await started.play(5);
    const late = await subscriber(started, started.tokens);
    await started.play(5);
    await Promise.all([early.caughtUp(), late.caughtUp()]);
    const updates = framesOf(late).slice(1);
    expect(updates.length).toBeGreaterThan(50);
    expect(updates).toEqual(framesOf(early).slice(-updates.length));
    expect(prove(framesOf(late)).totals().states).toMatchObject({ inferred: 0, contradicted: 0, unprovable: 0 });
  });

  it("gives who subscribed one token the messages of both that name it, and no other", async () => {
    const started = await venue();
    const both = await subscriber(started, started.tokens);
    const one = await subscriber(started, [started.tokens[1]]);
    await started.play(5);
    await Promise.all([both.caughtUp(), one.caughtUp()]);
    const wanted = framesOf(both)
      .slice(1)
      .filter((text) => text.includes(started.tokens[1]));
    expect(wanted.length).toBeGreaterThan(50);
    expect(framesOf(one).slice(1)).toEqual(wanted);
  });

  it("adds and drops tokens on a socket that is open", async () => {
    const started = await venue();
    const reader = await subscriber(started, []);
    await started.play(2);
    reader.send({ operation: "subscribe", assets_ids: [started.tokens[0]] });
    await reader.caughtUp();
    expect(framesOf(reader)).toHaveLength(1);
    await started.play(2);
    reader.send({ operation: "unsubscribe", assets_ids: [started.tokens[0]] });
    await reader.caughtUp();
    const count = framesOf(reader).length;
    expect(count).toBeGreaterThan(20);
    await started.play(2);
    await reader.caughtUp();
    expect(framesOf(reader)).toHaveLength(count);
  });

  it("answers [] for unknown tokens, and nothing where no dump is wanted", async () => {
    const started = await venue();
    expect(framesOf(await subscriber(started, ["123" as InstrumentId]))).toEqual(["[]"]);
    expect(framesOf(await subscriber(started, started.tokens, { initial_dump: false }))).toEqual([]);
  });

  it("sends best_bid_ask, new_market and market_resolved only to those who asked for custom features", async () => {
    const started = await venue({ activity: 0.05 });
    const plain = await subscriber(started, started.tokens);
    const custom = await subscriber(started, started.tokens, { custom_feature_enabled: true });
    await started.play(600);
    await Promise.all([plain.caughtUp(), custom.caughtUp()]);
    const types = (reader: SocketClient) =>
      new Set(framesOf(reader).flatMap((text) => /"event_type":"(\w+)"/.exec(text)?.[1] ?? []));
    const everyone = ["book", "last_trade_price", "price_change"];
    expect([...types(plain)].filter((type) => type !== "tick_size_change").sort()).toEqual(everyone);
    expect(types(custom)).toEqual(new Set([...types(plain), "best_bid_ask", "new_market", "market_resolved"]));
    expect(framesOf(await subscriber(started, started.tokens)), "closed markets have no book").toEqual(["[]"]);
  });

  it("falls silent above 500 tokens, but still answers PING", async () => {
    const started = await venue({ series: [], markets: 260, framesPerSecond: 500 });
    const tokens = tokensOf(started);
    const reader = await subscriber(started, tokens);
    await started.play(2);
    await reader.caughtUp();
    expect(framesOf(reader)).toEqual([]);
    reader.send({ operation: "unsubscribe", assets_ids: tokens.slice(20) });
    await reader.caughtUp();
    await started.play(5);
    await reader.until(isChange);
  });

  it("serves 2,000 tokens on 10 sockets", async () => {
    const started = await venue({ series: [], markets: 1_000, framesPerSecond: 3_000 });
    const tokens = tokensOf(started);
    const readers = await Promise.all(
      Array.from({ length: 10 }, (_, index) => subscriber(started, tokens.slice(index * 200, index * 200 + 200))),
    );
    await started.play(2);
    await Promise.all(readers.map((reader) => reader.caughtUp()));
    const frames = readers.map(framesOf);
    expect(frames.every(([dump]) => dump?.match(/"event_type":"book"/g)?.length === 200)).toBe(true);
    expect(frames.every((received) => received.length > 100)).toBe(true);
    expect(prove(frames.flat()).totals().states.contradicted).toBe(0);
  });

  it("disconnects a reader that stalls, and nobody else", async () => {
    const started = await venue({ activity: 4 }, { maxBufferedBytes: 1_000_000 });
    const stalled = await subscriber(started, started.tokens);
    const healthy = await subscriber(started, started.tokens);
    stalled.socket.pause();
    // About 18 MB: more than the kernel's buffers and the bound together.
    await started.play(50);
    stalled.socket.resume();
    await expect.poll(() => stalled.socket.readyState, { timeout: 10_000 }).toBe(stalled.socket.CLOSED);
    await healthy.caughtUp();
    expect(framesOf(healthy).length).toBeGreaterThan(10_000);
    expect(framesOf(stalled).length).toBeLessThan(framesOf(healthy).length);
  });
});

describe("HTTP", () => {
  const get = async (base: string, path: string) => {
    const response = await fetch(base + path);
    return { status: response.status, body: new Uint8Array(await response.arrayBuffer()) };
  };
  const text = (body: Uint8Array) => Buffer.from(body).toString();

  it("shows no strike, final price or winner before its time, and all of them after", async () => {
    const { emulator, market, play } = await venue({ activity: 0.05 });
    const { gamma } = emulator.endpoints;
    const ask = async () => decodeGamma((await get(gamma, `/events?slug=${market.slug}`)).body).markets[0]!;
    const early = await ask();
    expect(early).toMatchObject({ closed: false, winner: null, finalPrice: null });
    expect(early.strike?.exact).toMatch(/^\d+\.\d+$/);
    // The window is over, but nobody has said so yet: the fastest resolution takes 20 s.
    await play(255);
    expect(await ask()).toMatchObject({ closed: false, winner: null, finalPrice: null });
    await play(80);
    const late = await ask();
    expect(late.closed).toBe(true);
    expect(late.winner).toBe(late.outcomes[late.finalPrice!.price >= late.strike!.price ? 0 : 1]?.instrument);
    const open = decodeGamma((await get(gamma, `/markets?slug=${market.slug}`)).body);
    expect(open.markets, "closed markets are left out unless asked for").toEqual([]);
    expect(decodeGamma((await get(gamma, `/markets?slug=${market.slug}&closed=true`)).body).markets).toHaveLength(1);
  });

  it("shows the strike of a window only once the one before is resolved, and chains them", async () => {
    const { emulator, market, play } = await venue({ activity: 0.05 });
    const list = async () => {
      const { body } = await get(emulator.endpoints.gamma, "/events?series_slug=btc-up-or-down-5m&limit=50");
      const { markets } = decodeGamma(body);
      const next = markets.find(({ window }) => window?.startsAt === market.window?.endsAt);
      return { present: markets.find(({ slug }) => slug === market.slug), next };
    };
    await play(255);
    expect((await list()).next?.strike).toBeNull();
    await play(80);
    const { present, next } = await list();
    expect(next?.strike).not.toBeNull();
    expect(next?.strike).toEqual(present?.finalPrice);
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
