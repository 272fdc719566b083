import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { HttpError, manualClock, seededRandom, silentLog } from "#host";
import type { InstrumentId, Market, MarketId, UnnumberedFrame } from "#model";
import { decodeExchange, parseTime, SECOND, type UnixMicros } from "#model";
import { PRODUCTION_ENDPOINTS } from "./endpoints.ts";
import { Rest, windowPricesUrl } from "./rest.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

type Reply = { status?: number; headers?: Record<string, string>; body?: string } | "hang_up";

/** A real server that gives these replies in turn, the last one for ever, and the client of it on a manual clock. */
async function setUp(...replies: readonly Reply[]) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const reply = replies[Math.min(asked.length, replies.length - 1)]!;
    asked.push(request.url ?? "");
    if (reply === "hang_up") return void request.socket.destroy();
    response.writeHead(reply.status ?? 200, reply.headers).end(reply.body);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const frames: UnnumberedFrame[] = [];
  const clock = manualClock();
  const abort = new AbortController();
  const rest = new Rest({
    endpoints: { ...PRODUCTION_ENDPOINTS, gamma: `${base}/gamma`, clob: `${base}/clob`, cryptoPrice: `${base}/price` },
    clock,
    log: silentLog(),
    random: seededRandom(1),
    onAnswer: (frame) => void frames.push(frame),
    signal: abort.signal,
  });
  /** Lets the virtual seconds between tries pass while real sockets answer. */
  async function settle<T>(call: Promise<T>): Promise<T> {
    let done = false;
    const watched = call.finally(() => {
      done = true;
    });
    watched.catch(() => undefined);
    while (!done) {
      await clock.advance(SECOND / 4);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    return watched;
  }
  const statuses = () => frames.map((frame) => decodeExchange(frame.bytes)?.head.status);
  return { rest, asked, frames, statuses, clock, settle, abort };
}

const BOOK =
  '{"market":"0xabc","asset_id":"11","timestamp":"1795373418761","hash":"aa0e5a1f4d5dd2b38d9f4f0b6e6a2d3f7d1a9c55",' +
  '"bids":[{"price":"0.48","size":"100"},{"price":"0.49","size":"50"}],"asks":[],"min_order_size":"5",' +
  '"tick_size":"0.01","neg_risk":false,"last_trade_price":"0.500"}\n';
const TOKEN = "11" as InstrumentId;

describe("REST", () => {
  it("reads a book best first, and hands the answer on as it came", async () => {
    const { rest, asked, frames } = await setUp({ body: BOOK });
    const answer = await rest.fetchBook(TOKEN);
    expect(asked).toEqual(["/clob/book?token_id=11"]);
    if (answer.kind !== "book") throw new Error(answer.kind);
    expect(answer.snapshot.bids.map((level) => level.price)).toEqual([490_000, 480_000]);
    expect(frames).toEqual([answer.frame]);
    expect(answer.frame).toMatchObject({ connection: "http-clob", kind: "answered" });
    const exchange = decodeExchange(answer.frame.bytes);
    expect(exchange?.head).toMatchObject({ method: "GET", status: 200 });
    expect(Buffer.from(exchange?.body ?? []).toString()).toBe(BOOK);
  });

  it("takes the 404 of a closed market for an answer, not for trouble", async () => {
    const { rest, asked, statuses } = await setUp({ status: 404, body: '{"error":"No orderbook exists"}' });
    expect((await rest.fetchBook(TOKEN)).kind).toBe("not_found");
    expect(asked.length).toBe(1);
    expect(statuses()).toEqual([404]);
  });

  it("tells a body that is no book", async () => {
    const { rest } = await setUp({ body: "<html>" });
    expect(await rest.fetchBook(TOKEN)).toMatchObject({ kind: "unreadable", fault: { reason: "not_json" } });
  });

  it("asks again after a passing trouble and journals each answer", async () => {
    const { rest, settle, statuses, asked } = await setUp("hang_up", { status: 502 }, { body: "1795373417" });
    expect(await settle(rest.fetchTime())).toBe(1_795_373_417 * SECOND);
    expect(asked.length).toBe(3);
    expect(statuses()).toEqual([502, 200]);
  });

  it("gives up after four tries with an error that names the status", async () => {
    const { rest, settle, asked } = await setUp({ status: 500 });
    const error = await settle(rest.fetchTime()).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(HttpError);
    expect(error).toMatchObject({ failure: "status", status: 500 });
    expect(asked.length).toBe(4);
  });

  it("lets every call to a service wait when the venue asks one to", async () => {
    const { rest, settle, clock, asked } = await setUp(
      { status: 429, headers: { "retry-after": "20" } },
      { body: "1795373417" },
    );
    const begun = clock.monotonic();
    const first = rest.fetchTime();
    while (asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    await settle(first);
    expect(clock.monotonic() - begun).toBeGreaterThanOrEqual(20 * SECOND);
  });

  it("ends a call when it is told to stop", async () => {
    const { rest, settle, abort } = await setUp("hang_up");
    abort.abort();
    await expect(settle(rest.fetchTime())).rejects.toMatchObject({ failure: "aborted" });
  });

  it("finds the winner in the CLOB's market, and none in a split one", async () => {
    const market = (won: boolean[]) =>
      JSON.stringify({
        condition_id: "0xabc",
        closed: true,
        tokens: won.map((winner, index) => ({ token_id: `${index}`, outcome: "x", price: 0.5, winner })),
      });
    const { rest } = await setUp({ body: market([false, true]) }, { body: market([false, false]) }, { status: 404 });
    expect((await rest.fetchClobMarket("0xabc" as MarketId))?.winner).toBe("1");
    expect((await rest.fetchClobMarket("0xabc" as MarketId))?.winner).toBeNull();
    expect(await rest.fetchClobMarket("0xabc" as MarketId)).toBeNull();
  });

  it("finds a token's market", async () => {
    const { rest } = await setUp({ body: '{"condition_id":"0xabc","primary_token_id":"11"}' }, { status: 404 });
    expect(await rest.fetchMarketOfToken(TOKEN)).toBe("0xabc");
    expect(await rest.fetchMarketOfToken(TOKEN)).toBeNull();
  });
});

describe("the strike service", () => {
  const startsAt = parseTime("2026-09-28T17:30:00Z") as UnixMicros;
  const market = {
    slug: `btc-updown-15m-${startsAt / SECOND}`,
    settlement: { kind: "chainlink_twap", symbol: "btcusd", seconds: 60 },
  } as Market;

  it("is asked with the TWAP members, without which it answers with spot", () => {
    const url = new URL(windowPricesUrl("https://host/path", market) ?? "");
    expect(Object.fromEntries(url.searchParams)).toEqual({
      symbol: "BTC",
      eventStartTime: "2026-09-28T17:30:00Z",
      endDate: "2026-09-28T17:45:00Z",
      variant: "fifteen",
      twapEnabled: "true",
      twapLookbackSeconds: "60",
    });
  });

  it("is not asked for what it does not serve", () => {
    expect(windowPricesUrl(null, market)).toBeNull();
    expect(windowPricesUrl("https://host", { ...market, slug: "will-it-rain" })).toBeNull();
  });

  it("gives a closing price only when the window is complete", async () => {
    const running = '{"openPrice":89299.05,"closePrice":89530.19,"completed":false,"incomplete":false}';
    const { rest } = await setUp({ body: running }, { body: running.replace("false", "true") });
    expect(await rest.fetchWindowPrices(market)).toEqual({
      kind: "window_prices",
      open: { price: 89_299_050_000, exact: "89299.05" },
      close: null,
    });
    expect((await rest.fetchWindowPrices(market))?.close?.exact).toBe("89530.19");
  });
});
