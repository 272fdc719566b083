import { createHash } from "node:crypto";
import { createPublicClient, forkEnvironmentConfig } from "@polymarket/client";
import { type Message, RealTimeDataClient } from "@polymarket/real-time-data-client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createSyntheticMarket, type Emulator, type SyntheticMarket, startEmulator } from "#emulator";
import { systemClock } from "#host";
import { type InstrumentId, type Market, MINUTE, parseTime, SECOND, type UnixMicros } from "#model";
import { createPlayhead } from "#replay";

// The streaming side, heard by clients that nobody here wrote, unmodified: only the host is another. The books are
// rebuilt here in the plainest way from what a client emits, and digested as the venue's documents say, without our code.

const STARTS_AT = parseTime("2026-11-22T18:01:00Z")!;
const SPEED = 40;

let source: SyntheticMarket;
let emulator: Emulator;

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
  emulator.control.setPace(SPEED);
});

afterEach(() => emulator.close());

function windowAt(at: UnixMicros): Market {
  return [...source.markets()].find(({ window }) => window && window.startsAt <= at && at < window.endsAt)!;
}

/** Lets the venue's time run until `at`, however busy the machine is. */
async function playUntil(at: UnixMicros): Promise<void> {
  emulator.control.play();
  await vi.waitUntil(() => emulator.control.state().at >= at, { timeout: 50_000, interval: 20 });
  emulator.control.pause();
}

interface NaiveBook {
  readonly market: string;
  bids: Map<string, string>;
  asks: Map<string, string>;
  timestamp: number;
  hash: string;
  tickSize: string;
}

interface LevelText {
  readonly price: string;
  readonly size: string;
}

/** What is read of the client's market events; each kind has some of it. */
interface Payload {
  readonly market: string;
  readonly tokenId: string;
  readonly timestamp: number;
  readonly hash: string;
  readonly price: string;
  readonly bids: readonly LevelText[];
  readonly asks: readonly LevelText[];
  readonly tickSize?: string | null;
  readonly lastTradePrice?: string | null;
  readonly newTickSize: string;
  readonly priceChanges: readonly (LevelText & Pick<Payload, "tokenId" | "hash"> & { readonly side: string })[];
}

/** Books as a bot keeps them: prices and sizes as texts, in two maps. */
class NaiveBooks {
  readonly books = new Map<string, NaiveBook>();
  /** By market: the digest of both outcomes holds it. */
  readonly lastTrades = new Map<string, string>();
  events = 0;

  take({ type, payload }: { type: string; payload: Payload }): void {
    this.events++;
    if (type === "book") this.#whole(payload);
    else if (type === "price_change")
      for (const change of payload.priceChanges) this.#change(change, payload.timestamp);
    else if (type === "last_trade_price") this.lastTrades.set(payload.market, Number(payload.price).toFixed(3));
    else if (type === "tick_size_change") this.books.get(payload.tokenId)!.tickSize = payload.newTickSize;
  }

  /** Section 2.1 of the venue's digest, word by word. */
  digest(token: string): string {
    const { market, bids, asks, timestamp, tickSize } = this.books.get(token)!;
    const levels = (side: Map<string, string>, sign: number) =>
      [...side].sort((a, b) => sign * (Number(a[0]) - Number(b[0]))).map(([price, size]) => ({ price, size }));
    const summary = {
      market,
      asset_id: token,
      timestamp: String(timestamp),
      hash: "",
      bids: levels(bids, 1),
      asks: levels(asks, -1),
      min_order_size: "5",
      tick_size: tickSize,
      neg_risk: false,
      last_trade_price: this.lastTrades.get(market) ?? "",
    };
    return createHash("sha1").update(JSON.stringify(summary)).digest("hex");
  }

  #whole({ market, tokenId, bids, asks, timestamp, hash, tickSize, lastTradePrice }: Payload): void {
    const sideOf = (levels: readonly LevelText[]) => new Map(levels.map((each) => [each.price, each.size]));
    const known = this.books.get(tokenId);
    const tick = tickSize ?? known?.tickSize ?? "0.01";
    this.books.set(tokenId, { market, bids: sideOf(bids), asks: sideOf(asks), timestamp, hash, tickSize: tick });
    if (lastTradePrice) this.lastTrades.set(market, lastTradePrice);
  }

  #change({ tokenId, side, price, size, hash }: Payload["priceChanges"][number], timestamp: number): void {
    const book = this.books.get(tokenId)!;
    const levels = side === "BUY" ? book.bids : book.asks;
    if (size === "0") levels.delete(price);
    else levels.set(price, size);
    book.timestamp = timestamp;
    book.hash = hash;
  }
}

describe("@polymarket/client", () => {
  it("follows a whole window and the next, and ends with the books that the venue digested", async () => {
    const { marketSocket, rtdsSocket, gamma, clob } = emulator.endpoints;
    const client = createPublicClient({
      environment: forkEnvironmentConfig({
        name: "emulated",
        clob: { rest: clob, market: { ws: marketSocket }, user: { ws: marketSocket.replace("market", "user") } },
        gamma: { rest: gamma },
        data: { rest: gamma.replace("/gamma", "/data-api") },
        rtds: { ws: rtdsSocket! },
      }),
    });
    const first = windowAt(STARTS_AT);
    const second = windowAt(first.window!.endsAt);
    const books = new NaiveBooks();
    let prices = 0;
    const listen = async (market: Market) => {
      const handle = await client.subscribe([
        { topic: "market", tokenIds: market.outcomes.map(({ instrument }) => instrument), customFeatureEnabled: true },
        { topic: "prices.crypto.chainlink", symbols: ["btc/usd"] },
      ]);
      const done = (async () => {
        for await (const event of handle) {
          if (event.topic === "market") books.take(event as unknown as { type: string; payload: Payload });
          else prices++;
        }
      })();
      return async () => {
        await handle.close();
        await done;
      };
    };
    const stopFirst = await listen(first);
    await playUntil((first.window!.endsAt - 20 * SECOND) as UnixMicros);
    const atFirst = await settled(books, first);
    // As a bot rolls over: the next window beside the one that ends.
    const stopSecond = await listen(second);
    await playUntil((second.window!.startsAt + 90 * SECOND) as UnixMicros);
    const atSecond = await settled(books, second);
    expect(atFirst).toEqual(venueDigests(first.outcomes.length));
    expect(atSecond).toEqual(venueDigests(second.outcomes.length));
    expect(books.events).toBeGreaterThan(2_000);
    expect(prices).toBeGreaterThan(100);
    await Promise.all([stopFirst(), stopSecond()]);
  });

  const venueDigests = (count: number) => Array.from({ length: count }, () => "as the venue's");

  /** Waits until what was sent has been heard, then holds each rebuilt book against the venue's own. */
  async function settled(books: NaiveBooks, market: Market): Promise<string[]> {
    const truth = (instrument: InstrumentId) => {
      const answer = source.book(instrument);
      return answer.kind === "open" ? answer.book.digest : "no book";
    };
    const tokens = market.outcomes.map(({ instrument }) => instrument);
    await vi
      .waitUntil(() => tokens.every((token) => books.books.get(token)?.hash === truth(token)), { timeout: 5_000 })
      .catch(() => undefined);
    return tokens.map((token) => {
      const rebuilt = books.digest(token);
      return rebuilt === truth(token) ? "as the venue's" : `${rebuilt}, not ${truth(token)}`;
    });
  }
});

describe("real-time-data-client", () => {
  it("hears every second of the average and of spot for longer than two minutes, pinged by protocol", async () => {
    const quiet = [vi.spyOn(console, "log"), vi.spyOn(console, "error"), vi.spyOn(console, "warn")];
    for (const each of quiet) each.mockImplementation(() => undefined);
    const heard: Message[] = [];
    const statuses: string[] = [];
    const filters = '{"symbol":"btc/usd"}';
    const client = new RealTimeDataClient({
      host: emulator.endpoints.rtdsSocket!,
      pingInterval: 500,
      onConnect: (connected) =>
        connected.subscribe({
          subscriptions: ["crypto_prices_chainlink", "crypto_prices_twap_sixty"].map((topic) => ({
            topic,
            type: "update",
            filters,
          })),
        }),
      onMessage: (_, message) => heard.push(message),
      onStatusChange: (status) => statuses.push(status),
    });
    try {
      client.connect();
      await vi.waitUntil(() => statuses.includes("CONNECTED"));
      await new Promise((resolve) => setTimeout(resolve, 200));
      // Slow enough that the venue's pings, at least two seconds of real time apart, come several times.
      emulator.control.setPace(20);
      await playUntil((STARTS_AT + 150 * SECOND) as UnixMicros);
      for (const topic of ["crypto_prices_chainlink", "crypto_prices_twap_sixty"]) {
        const seconds = heard.flatMap(({ topic: of, type, payload }) =>
          of === topic && type === "update" ? [(payload as { timestamp: number }).timestamp / 1_000] : [],
        );
        expect(seconds.length, topic).toBeGreaterThan(130);
        for (const [index, second] of seconds.entries()) if (index > 0) expect(second).toBe(seconds[index - 1]! + 1);
      }
      expect(statuses).toEqual(["CONNECTING", "CONNECTED"]);
    } finally {
      // It cannot be told not to come back: `autoReconnect || true`. Closed by the emulator it would knock for ever.
      client.disconnect();
      for (const each of quiet) each.mockRestore();
    }
  });
});
