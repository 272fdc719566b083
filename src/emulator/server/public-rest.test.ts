import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "#host";
import type { BookSnapshot, Market, Trade, UnixMicros } from "#model";
import { SECOND } from "#model";
import { createPlayhead } from "#replay";
import { Decoder } from "#venue";
import { type RecordedVenue, recordVenue } from "../fixtures/recorded-venue.ts";
import { type RecordingSource, recordingSource } from "../recorded/recording-source.ts";
import { type Emulator, startEmulator } from "./emulator.ts";

let venue: RecordedVenue;
let trades: readonly { readonly at: UnixMicros; readonly trade: Trade }[];
const open: { close(): unknown }[] = [];

beforeAll(() => {
  venue = recordVenue(11);
  const decoder = new Decoder();
  trades = venue.frames
    .filter(({ connection }) => connection === "market-a-0")
    .flatMap(({ bytes, receivedAt }) =>
      decoder
        .decode("market", bytes)
        .flatMap((event) => (event.kind === "trade" ? [{ at: receivedAt, trade: event }] : [])),
    );
});

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

const at = (share: number) => Math.round(venue.from + (venue.to - venue.from) * share) as UnixMicros;
const running = (now: UnixMicros): Market =>
  venue.markets.find(({ window }) => window && window.startsAt <= now && now < window.endsAt)!;

async function standing(share: number): Promise<{ emulator: Emulator; source: RecordingSource; market: Market }> {
  const source = await recordingSource({ source: venue.source, from: at(share) });
  const clock = createPlayhead({ clock: systemClock(), at: at(share), playing: false });
  const emulator = await startEmulator({ source, clock });
  open.push(emulator);
  return { emulator, source, market: running(at(share)) };
}

async function get(url: string, body?: unknown) {
  const response = await fetch(url, body === undefined ? {} : { method: "POST", body: JSON.stringify(body) });
  return { status: response.status, body: JSON.parse(await response.text()) };
}

function bookOf(source: RecordingSource, { outcomes }: Market): BookSnapshot {
  const answer = source.book(outcomes[0]!.instrument);
  if (answer.kind !== "open") throw new Error("no book");
  return answer.book;
}

describe("CLOB, as of the moment", () => {
  it("answers batches as it answers single questions, and leaves unknown tokens out", async () => {
    const { emulator, market } = await standing(0.5);
    const { clob } = emulator.endpoints;
    const [up, down] = market.outcomes.map(({ instrument }) => instrument as string);
    const list = [{ token_id: up }, { token_id: down }, { token_id: "77" }];
    const single = async (path: string) => (await get(`${clob}${path}`)).body;
    expect((await get(`${clob}/midpoints`, list)).body).toEqual({
      [up!]: (await single(`/midpoint?token_id=${up}`)).mid,
      [down!]: (await single(`/midpoint?token_id=${down}`)).mid,
    });
    expect((await get(`${clob}/spreads`, list)).body[up!]).toBe((await single(`/spread?token_id=${up}`)).spread);
    const priced = await get(`${clob}/prices`, [
      { token_id: up, side: "BUY" },
      { token_id: up, side: "SELL" },
    ]);
    expect(priced.body).toEqual({
      [up!]: {
        BUY: (await single(`/price?token_id=${up}&side=BUY`)).price,
        SELL: (await single(`/price?token_id=${up}&side=SELL`)).price,
      },
    });
    const last = (await get(`${clob}/last-trades-prices`, list)).body;
    expect(last).toMatchObject([{ token_id: up }, { token_id: down }]);
    expect(last[0].price).toBe((await single(`/last-trade-price?token_id=${up}`)).price);
    expect((await get(`${clob}/midpoints`, { token_id: up })).status).toBe(400);
  });

  it("takes the bid for BUY and the ask for SELL", async () => {
    const { emulator, market, source } = await standing(0.5);
    const book = bookOf(source, market);
    const ask = async (side: string) =>
      (await get(`${emulator.endpoints.clob}/price?token_id=${book.instrument}&side=${side}`)).body.price;
    expect(Number(await ask("BUY"))).toBe(book.bids[0]!.price / 1e6);
    expect(Number(await ask("SELL"))).toBe(book.asks[0]!.price / 1e6);
  });

  it("lists markets in pages that end with LTE=, open ones alone where sampled, and none ahead of its time", async () => {
    const { emulator, market } = await standing(0.5);
    const { clob } = emulator.endpoints;
    const page = (await get(`${clob}/markets`)).body;
    expect(page).toMatchObject({ next_cursor: "LTE=", count: page.data.length });
    expect((await get(`${clob}/markets?next_cursor=LTE=`)).body.data).toEqual([]);
    const mine = page.data.find(({ condition_id }: { condition_id: string }) => condition_id === market.id);
    expect(mine).toMatchObject({ market_slug: market.slug, closed: false, accepting_orders: true });
    expect(mine.tokens.map(({ winner }: { winner: boolean }) => winner)).toEqual([false, false]);
    const prices = mine.tokens.map(({ price }: { price: number }) => price);
    expect(prices[0] + prices[1]).toBeCloseTo(1);
    for (const name of ["sampling-markets", "sampling-simplified-markets"]) {
      const { data } = (await get(`${clob}/${name}`)).body;
      expect(data.every(({ closed }: { closed: boolean }) => !closed)).toBe(true);
    }
    expect((await get(`${clob}/simplified-markets`)).body.data[0]).not.toHaveProperty("question");
  });

  it("tells prices of the past in whole minutes, and none of the future", async () => {
    const { emulator, market } = await standing(0.6);
    const token = market.outcomes[0]!.instrument;
    const { history } = (await get(`${emulator.endpoints.clob}/prices-history?market=${token}&interval=1h`)).body;
    expect(history.length).toBeGreaterThan(1);
    for (const { t, p } of history) {
      expect(t % 60).toBe(0);
      expect(t * SECOND).toBeLessThanOrEqual(at(0.6));
      expect(p > 0 && p < 1).toBe(true);
    }
    const coarse = await get(`${emulator.endpoints.clob}/prices-history?market=${token}&interval=max&fidelity=3`);
    expect(coarse.body.history.every(({ t }: { t: number }) => t % 180 === 0)).toBe(true);
    expect((await get(`${emulator.endpoints.clob}/prices-history?market=77&interval=1d`)).body).toEqual({
      history: [],
    });
    expect((await get(`${emulator.endpoints.clob}/prices-history?market=${token}&interval=1c`)).status).toBe(400);
  });
});

describe("trades, as of the moment", () => {
  it("are those of the recording up to now, newest first, in v1, v2 and the live activity", async () => {
    const { emulator, market } = await standing(0.55);
    const expected = trades
      .filter((one) => one.at <= at(0.55) && one.trade.market === market.id)
      .map(({ trade }) => trade);
    expect(expected.length).toBeGreaterThan(5);
    const base = emulator.endpoints.clob.replace("/clob", "/data-api");
    const v1 = (await get(`${base}/trades?market=${market.id}&limit=10000`)).body;
    expect(v1.map(({ transactionHash }: { transactionHash: string }) => transactionHash)).toEqual(
      expected.toReversed().map(({ transaction }) => transaction),
    );
    const first = (await get(`${base}/v2/trades?condition=${market.id}&limit=3`)).body;
    expect(first.pagination).toMatchObject({ limit: 3, offset: 0, has_more: true });
    const second = (
      await get(`${base}/v2/trades?condition=${market.id}&limit=3&cursor=${first.pagination.next_cursor}`)
    ).body;
    const hashes = [...first.data, ...second.data].map((trade) => trade.transaction_hash);
    expect(hashes).toEqual(v1.slice(0, 6).map(({ transactionHash }: { transactionHash: string }) => transactionHash));
    expect(first.data[0]).toMatchObject({
      condition_id: market.id,
      slug: market.slug,
      price: expected.at(-1)!.price / 1e6,
    });
    const live = (await get(`${emulator.endpoints.clob}/markets/live-activity/${market.id}`)).body;
    expect(live[0]).toMatchObject({ event_type: "trade", transaction_hash: expected.at(-1)!.transaction });
    const buys = (await get(`${base}/trades?market=${market.id}&side=BUY&limit=10000`)).body;
    expect(buys).toHaveLength(expected.filter(({ takerSide }) => takerSide === "buy").length);
  });
});

describe("a recording that cannot be read", () => {
  it("is said with 500 to who asked, and the others are answered", async () => {
    const source = await recordingSource({ source: venue.source, from: at(0.5) });
    source.history = () => Promise.reject(new Error("the disk is gone"));
    const clock = createPlayhead({ clock: systemClock(), at: at(0.5), playing: false });
    const emulator = await startEmulator({ source, clock });
    open.push(emulator);
    const { clob } = emulator.endpoints;
    const token = running(at(0.5)).outcomes[0]!.instrument;
    const { status, body } = await get(`${clob}/prices-history?market=${token}&interval=1h`);
    expect({ status, error: body.error }).toEqual({ status: 500, error: expect.stringContaining("the disk is gone") });
    expect((await get(`${clob}/midpoint?token_id=${token}`)).status).toBe(200);
  });
});

describe("Gamma, as of the moment", () => {
  it("shows an open market at the prices of its books, and a resolved one at 1 and 0 once that was recorded", async () => {
    const { emulator, market, source } = await standing(0.5);
    const ask = async () => (await get(`${emulator.endpoints.gamma}/markets/slug/${market.slug}`)).body;
    const { bids, asks } = bookOf(source, market);
    const then = await ask();
    expect(then).toMatchObject({ closed: false, bestBid: bids[0]!.price / 1e6, bestAsk: asks[0]!.price / 1e6 });
    expect(then.umaResolutionStatus).toBeUndefined();
    expect(JSON.parse(then.outcomePrices)[0]).toBe(String((bids[0]!.price + asks[0]!.price) / 2e6));
    await emulator.control.seek(venue.source.span!.lastReceivedAt);
    const late = await ask();
    if (running(at(0.5)).window!.endsAt > venue.to) throw new Error("the recording is too short for this test");
    expect(JSON.parse(late.outcomePrices).toSorted()).toEqual(["0", "1"]);
  });

  it("finds by id, search, series and tag, leaves markets out, and refuses an offset that is too large", async () => {
    const { emulator, market } = await standing(0.5);
    const { gamma } = emulator.endpoints;
    const slugsIn = (list: { slug: string }[]) => list.map(({ slug }) => slug);
    const group = (await get(`${gamma}/events/slug/${market.slug}`)).body;
    expect((await get(`${gamma}/events/${group.id}`)).body.slug).toBe(market.slug);
    expect(slugsIn((await get(`${gamma}/events?id=${group.id}`)).body)).toEqual([market.slug]);
    expect((await get(`${gamma}/markets/${group.markets[0].id}`)).body.conditionId).toBe(market.id);
    const series = (await get(`${gamma}/series?slug=${market.seriesSlug}`)).body[0];
    expect((await get(`${gamma}/series/${series.id}`)).body.slug).toBe(market.seriesSlug);
    expect(slugsIn((await get(`${gamma}/events?series_id=${series.id}&limit=100`)).body)).toContain(market.slug);
    const search = (await get(`${gamma}/public-search?q=${market.slug.slice(-10)}`)).body;
    expect(slugsIn(search.events)).toEqual([market.slug]);
    expect((await get(`${gamma}/public-search?q=weather`)).body.events).toEqual([]);
    expect((await get(`${gamma}/events?include_markets=false`)).body[0]).not.toHaveProperty("markets");
    expect((await get(`${gamma}/events?offset=2001`)).status).toBe(422);
  });
});
