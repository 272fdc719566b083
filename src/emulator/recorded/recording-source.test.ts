import { beforeAll, describe, expect, it } from "vitest";
import { seededRandom } from "#host";
import type { InstrumentId, Market, ReferencePrice, UnixMicros } from "#model";
import { MINUTE, SECOND } from "#model";
import { bookAt, marketsOf } from "#replay";
import { mergedFrames } from "#timeline";
import { Decoder, encodeBinanceTrade, encodeBookDump } from "#venue";
import { framesSource, type RecordedVenue, recordVenue } from "../fixtures/recorded-venue.ts";
import { MomentOutside } from "../source.ts";
import { type RecordingSource, recordingSource } from "./recording-source.ts";

let venue: RecordedVenue;

beforeAll(() => {
  venue = recordVenue(9);
});

const at = (share: number) => Math.round(venue.from + (venue.to - venue.from) * share) as UnixMicros;
const tokensOf = (market: Market) => market.outcomes.map(({ instrument }) => instrument);

/** Everything that goes out from here to the end, as text. */
async function rest(source: RecordingSource): Promise<string[]> {
  const texts: string[] = [];
  while (source.nextAt() !== null || (await source.prepare())) {
    for (const item of source.step()) if (item.kind === "market") texts.push(Buffer.from(item.bytes).toString());
  }
  return texts;
}

/** The window that runs at a moment. */
function running(now: UnixMicros): Market {
  return venue.markets.find(({ window }) => window && window.startsAt <= now && now < window.endsAt)!;
}

describe("a recording opened at a moment", () => {
  it("has the books of bookAt at 20 random moments, forwards and back: same digest, time and levels", async () => {
    const random = seededRandom(11);
    const source = await recordingSource({ source: venue.source, from: at(0.5) });
    let compared = 0;
    for (let round = 0; round < 20; round++) {
      const moment = at(0.02 + random.next() * 0.97);
      await source.seek(moment);
      // Both tokens of one market, and one of another.
      const listed = [...source.markets()].sort(() => random.next() - 0.5).flatMap(tokensOf);
      for (const token of listed.slice(0, 3)) {
        const expected = await bookAt(venue.source, await marketsOf(venue.source, { toTime: moment }), token, moment);
        const answer = source.book(token);
        if (answer.kind !== "open") {
          const market = [...source.markets()].find((one) => tokensOf(one).includes(token));
          expect(expected === undefined || market?.closed, `${token} has no book at ${moment}`).toBe(true);
          continue;
        }
        const { book } = expected!;
        expect(answer.book).toMatchObject({
          digest: book.digest,
          sentAt: book.sentAt,
          bids: book.ladder.levels("bid"),
          asks: book.ladder.levels("ask"),
          tickSize: book.ladder.tickSize,
        });
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(30);
  });

  it("has the same books where those that are quiet are asked for elsewhere", async () => {
    // Nothing of the quiet windows lies in the two minutes before: their books came in the opening dump.
    const quiet = venue.frames.filter(({ bytes, kind, receivedAt }) => {
      const isOfRunning = Buffer.from(bytes).includes(running(at(0.9)).id);
      return kind !== "received" || isOfRunning || receivedAt < venue.from + 20 * SECOND;
    });
    const frames = framesSource(quiet);
    let asked = 0;
    const openingBooks = async (instruments: readonly InstrumentId[], moment: UnixMicros) => {
      asked += instruments.length;
      const markets = await marketsOf(frames, { toTime: moment });
      const books = await Promise.all(instruments.map((instrument) => bookAt(frames, markets, instrument, moment)));
      return books.filter((book) => book !== undefined);
    };
    const quick = await recordingSource({ source: frames, from: at(0.9), openingBooks });
    const slow = await recordingSource({ source: frames, from: at(0.9) });
    const tokens = [...slow.markets()].flatMap(tokensOf);
    expect(asked).toBeGreaterThan(2);
    const whole = tokens.map((token) => slow.book(token));
    expect(whole.filter(({ kind }) => kind === "open").length).toBeGreaterThan(3);
    expect(tokens.map((token) => quick.book(token))).toEqual(whole);
  });

  it("dumps a book as the venue would have sent it: with tick size and last trade price", async () => {
    const moment = at(0.6);
    const source = await recordingSource({ source: venue.source, from: moment });
    const [token] = tokensOf(running(moment));
    const answer = source.book(token!);
    if (answer.kind !== "open") throw new Error("no book");
    const dump = Buffer.from(encodeBookDump([answer.book])).toString();
    expect(dump).toMatch(/"tick_size":"0\.\d+","event_type":"book","last_trade_price":"0\.\d{3}"\}\]\n$/);
  });

  it("goes on with every merged frame after the moment, byte for byte and once", async () => {
    const moment = at(0.4);
    const source = await recordingSource({ source: venue.source, from: moment });
    const expected: string[] = [];
    for await (const merged of mergedFrames(venue.source)) {
      for (const { frame, knownAt } of merged) {
        if (knownAt > moment && frame.connection.startsWith("market-"))
          expected.push(Buffer.from(frame.bytes).toString());
      }
    }
    const found = await rest(source);
    expect(found.length).toBeGreaterThan(500);
    // One socket's copy of a dump may be older than what the other has shown since: it is held back.
    const isUpdate = (text: string) => !text.startsWith("[");
    expect(found.filter(isUpdate)).toEqual(expected.filter(isUpdate));
  });

  it("ends where it is told to", async () => {
    const source = await recordingSource({ source: venue.source, from: at(0.3), to: at(0.35) });
    await rest(source);
    expect([...source.references()].at(-1)!.observedAt).toBeLessThanOrEqual(at(0.35));
    await expect(source.seek(at(0.4))).rejects.toThrow(MomentOutside);
  });

  it("refuses a moment outside of it, and says what there is", async () => {
    const early = (venue.from - 5 * MINUTE) as UnixMicros;
    await expect(recordingSource({ source: venue.source, from: early })).rejects.toThrow(
      /nothing is recorded at .*: the recording goes from 2026-11-22T18:01:00/,
    );
  });

  it("has the two minutes of reference prices before the moment, and none after it", async () => {
    const moment = at(0.7);
    const source = await recordingSource({ source: venue.source, from: moment });
    const twap = source.references().filter(({ measure }) => measure === "twap");
    expect(twap.length).toBeGreaterThan(110);
    expect(Math.max(...twap.map(({ observedAt }) => observedAt))).toBeLessThanOrEqual(moment);
    expect(Math.min(...twap.map(({ observedAt }) => observedAt))).toBeGreaterThanOrEqual(moment - 2 * MINUTE);
    expect(new Set(twap.map(({ observedAt }) => observedAt)).size).toBe(twap.length);
  });

  it("shows Binance's trades as RTDS does: one price a second", async () => {
    const trades = Array.from({ length: 100 }, (_, n) => {
      const observedAt = (at(0.5) + n * 100_000) as UnixMicros;
      const price = {
        ...{ kind: "reference_price", source: "binance", provider: "binance", symbol: "btcusdt", measure: "spot" },
        ...{
          windowSeconds: null,
          price: 83_000_000_000,
          exact: "83000",
          observedAt,
          sentAt: observedAt,
          history: false,
        },
      } as ReferencePrice;
      const bytes = encodeBinanceTrade(price, { trade: n, quantity: "0.1" });
      return {
        ...venue.frames[0]!,
        kind: "received" as const,
        connection: "binance-a-0",
        receivedAt: observedAt,
        bytes,
      };
    });
    const frames = [...venue.frames, ...trades].sort((a, b) => a.receivedAt - b.receivedAt) as typeof venue.frames;
    const source = await recordingSource({ source: framesSource(frames), from: at(0.5), to: at(0.55) });
    let count = 0;
    while (source.nextAt() !== null || (await source.prepare())) {
      count += source.step().filter((item) => item.kind === "reference" && item.price.provider === "binance").length;
    }
    expect(count).toBeGreaterThanOrEqual(9);
    expect(count).toBeLessThanOrEqual(11);
    expect(source.references().some(({ symbol }) => symbol === "btcusdt")).toBe(true);
  });

  it("plays only what is wanted", async () => {
    const moment = at(0.5);
    const { slug, id } = running(moment);
    const source = await recordingSource({
      source: venue.source,
      from: moment,
      wanted: (market) => market.slug === slug,
    });
    expect([...source.markets()].map((market) => market.slug)).toEqual([slug]);
    const texts = await rest(source);
    expect(texts.length).toBeGreaterThan(100);
    expect(texts.every((text) => text.includes(id))).toBe(true);
  });

  it("answers nothing for a token it never had, and for one whose market is not wanted", async () => {
    const moment = at(0.5);
    const wanted = running(moment);
    const other = venue.markets.find(({ slug }) => slug !== wanted.slug)!;
    const source = await recordingSource({
      source: venue.source,
      from: moment,
      wanted: (market) => market.slug === wanted.slug,
    });
    expect(source.book("77" as InstrumentId).kind).toBe("none");
    expect(source.book(tokensOf(other)[0]!).kind).toBe("none");
  });
});

describe("the catalog of a moment", () => {
  it("shows no outcome, final price or closing before it was recorded, also after a seek back from the end", async () => {
    const source = await recordingSource({ source: venue.source, from: venue.source.span!.lastReceivedAt });
    const resolved = [...source.markets()].filter(({ closed }) => closed);
    expect(resolved.length).toBeGreaterThan(0);
    const first = resolved[0]!;
    expect(first).toMatchObject({ winner: expect.any(String), finalPrice: expect.anything() });
    for (const moment of [first.window!.endsAt - SECOND, first.window!.startsAt + 2 * SECOND]) {
      if (moment < venue.from) continue;
      await source.seek(moment as UnixMicros);
      const then = [...source.markets()].find(({ id }) => id === first.id)!;
      expect(then).toMatchObject({ closed: false, winner: null, finalPrice: null, closedAt: null });
    }
  });

  it("shows a strike when it was recorded and not before", async () => {
    const later = running(at(0.9));
    const source = await recordingSource({
      source: venue.source,
      from: (later.window!.startsAt + SECOND) as UnixMicros,
    });
    const strike = () => [...source.markets()].find(({ id }) => id === later.id)!.strike;
    expect(strike()).toBeNull();
    await source.seek((later.window!.startsAt + 2.5 * MINUTE) as UnixMicros);
    // Gamma's JSON numbers have fewer digits than the feed.
    expect(strike()?.price).toBe(later.strike!.price);
  });

  it("of a recording without one is what frames and labels say", async () => {
    const market = running(at(0.5));
    const frames = venue.frames
      .filter(({ kind, connection, bytes }) => {
        return kind === "received" && connection === "market-a-0" && Buffer.from(bytes).includes(market.id);
      })
      .map((frame) => ({ ...frame, connection: market.slug as typeof frame.connection }));
    const source = await recordingSource({ source: framesSource(frames), from: at(0.5) });
    const listed = [...source.markets()].find(({ slug }) => slug === market.slug);
    expect(listed).toMatchObject({ slug: market.slug, closed: false, winner: null, window: market.window });
    expect(source.book(tokensOf(market)[0]!).kind).toBe("open");
  });
});

describe("the history of a market", () => {
  it("has the trades and minute mids up to now and none later, also when asked again and after a seek back", async () => {
    const market = running(at(0.5));
    const tokens = tokensOf(market);
    const decoder = new Decoder();
    const trades: number[] = [];
    for (const { connection, bytes, receivedAt } of venue.frames) {
      if (connection !== "market-a-0") continue;
      for (const event of decoder.decode("market", bytes)) {
        if (event.kind === "trade" && tokens.includes(event.instrument)) trades.push(receivedAt);
      }
    }
    const source = await recordingSource({ source: venue.source, from: at(0.45) });
    for (const share of [0.45, 0.55, 0.5]) {
      await source.seek(at(share));
      const { trades: found, mids } = await source.history(tokens);
      expect(found).toHaveLength(trades.filter((time) => time <= at(share)).length);
      const [up = [], down = []] = tokens.map((token) => mids.get(token));
      expect(up.length).toBeGreaterThan(1);
      expect(up.every((mid) => mid.at <= at(share))).toBe(true);
      expect(up.at(-1)!.mid + down.at(-1)!.mid).toBe(1_000_000);
    }
  });
});
