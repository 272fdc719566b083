import { describe, expect, it } from "vitest";
import type { ConnectionId, Frame, InstrumentId, Market, Seq, UnixMicros, VenueEvent } from "#model";
import { encodeExchange, MINUTE, NO_MONOTONIC, parseTime, SECOND } from "#model";
import { encodeGammaGroups } from "#venue";
import { listWindow } from "../synthetic/listing.ts";
import { RecordedCatalog } from "./recorded-catalog.ts";

const OPENS = parseTime("2026-11-22T18:00:00Z")!;
const window = listWindow(1, { coin: "btc", timeframe: "5m" }, OPENS);
const [up, down] = window.outcomes.map(({ instrument }) => instrument) as [InstrumentId, InstrumentId];
const moment = (seconds: number) => (OPENS + seconds * SECOND) as UnixMicros;
const STRIKE = { price: 83_000_500_000 as never, exact: "83000.5" };
const FINAL = { price: 83_100_250_000 as never, exact: "83100.25" };
const resolved: Market = {
  ...window,
  closed: true,
  closedAt: moment(330),
  winner: up,
  strike: STRIKE,
  finalPrice: FINAL,
};

function frame(kind: Frame["kind"], seconds: number, bytes: Uint8Array, connection = "http-gamma"): Frame {
  const label = connection as ConnectionId;
  return { seq: 0 as Seq, connection: label, kind, receivedAt: moment(seconds), monotonicAt: NO_MONOTONIC, bytes };
}

function gamma(seconds: number, market: Market): Frame {
  const head = { method: "GET", url: `https://gamma-api.polymarket.com/events?slug=${market.slug}`, status: 200 };
  const group = { slug: market.slug, title: "", seriesSlug: market.seriesSlug, markets: [market] };
  return frame("answered", seconds, encodeExchange(head, encodeGammaGroups([group])));
}

function strikeService(seconds: number, body: object): Frame {
  const query = "symbol=BTC&eventStartTime=2026-11-22T18:00:00Z&endDate=2026-11-22T18:05:00Z&variant=fiveminute";
  const head = { method: "GET", url: `https://polymarket.com/api/crypto/crypto-price?${query}`, status: 200 };
  return frame("answered", seconds, encodeExchange(head, Buffer.from(JSON.stringify(body))));
}

function seen(seconds: number, event: VenueEvent, connection = "market-a-0"): [Frame, VenueEvent[]] {
  return [frame("received", seconds, new Uint8Array(), connection), [event]];
}

const trade = { kind: "trade", market: window.id, instrument: up, sentAt: OPENS, price: 1, size: 1 } as never;
const resolution = {
  kind: "market_resolved",
  market: window.id,
  sentAt: OPENS,
  winner: down,
  outcome: "Down",
} as never;

describe("a catalog told by Gamma", () => {
  it("is what the last answer by then said, in whatever order the answers are learned", () => {
    const answers = [gamma(-60, window), gamma(70, { ...window, strike: STRIKE }), gamma(340, resolved)];
    for (const order of [
      [0, 1, 2],
      [2, 0, 1],
      [1, 1, 2, 0, 0],
    ]) {
      const catalog = new RecordedCatalog();
      for (const index of order) catalog.learn(answers[index]!, []);
      expect(catalog.at(moment(-61))).toEqual([]);
      expect(catalog.at(moment(0))).toMatchObject([{ strike: null, winner: null, closed: false }]);
      expect(catalog.at(moment(70))).toMatchObject([
        { strike: { price: STRIKE.price }, winner: null, finalPrice: null },
      ]);
      expect(catalog.at(moment(339.9))).toMatchObject([{ winner: null, closed: false }]);
      expect(catalog.at(moment(340))).toMatchObject([{ winner: up, closed: true, finalPrice: { price: FINAL.price } }]);
    }
  });

  it("closes a market when the stream announces it, before Gamma does", () => {
    const catalog = new RecordedCatalog();
    catalog.learn(gamma(-60, window), []);
    catalog.learn(...seen(321, resolution));
    expect(catalog.at(moment(320))).toMatchObject([{ closed: false, winner: null }]);
    expect(catalog.at(moment(321))).toMatchObject([{ closed: true, winner: down, closedAt: moment(321) }]);
  });

  it("shows the prices of the strike service from when it was asked", () => {
    const catalog = new RecordedCatalog();
    catalog.learn(gamma(-60, window), []);
    catalog.learn(
      strikeService(4, { openPrice: 83_000.5, closePrice: 83_050.1, completed: false, incomplete: false }),
      [],
    );
    catalog.learn(
      strikeService(305, { openPrice: 83_000.5, closePrice: 83_100.25, completed: true, incomplete: false }),
      [],
    );
    expect(catalog.boundaryPricesAt(window.id, moment(3))).toEqual({ strike: null, finalPrice: null });
    expect(catalog.boundaryPricesAt(window.id, moment(4))).toEqual({ strike: STRIKE, finalPrice: null });
    expect(catalog.boundaryPricesAt(window.id, moment(305))).toEqual({ strike: STRIKE, finalPrice: FINAL });
    // Gamma itself has not said so yet.
    expect(catalog.at(moment(305))).toMatchObject([{ strike: null, finalPrice: null }]);
  });

  it("holds only what is wanted", () => {
    const other = listWindow(1, { coin: "eth", timeframe: "5m" }, OPENS);
    const catalog = new RecordedCatalog({ wanted: ({ seriesSlug }) => seriesSlug === window.seriesSlug });
    catalog.learn(gamma(-60, window), []);
    catalog.learn(gamma(-50, other), []);
    expect(catalog.at(moment(0)).map(({ slug }) => slug)).toEqual([window.slug]);
    expect([...catalog.all()].map(({ slug }) => slug)).toEqual([window.slug]);
    expect(catalog.isWanted(other.id)).toBe(false);
  });
});

describe("a catalog concluded from frames", () => {
  it("names a window by its label, and its outcomes by the resolution, without saying who wins", () => {
    const catalog = new RecordedCatalog({ ahead: true });
    catalog.learn(...seen(10, trade, window.slug));
    catalog.learn(...seen(330, resolution, window.slug));
    const [early] = catalog.at(moment(-MINUTE / SECOND));
    expect(early).toMatchObject({ slug: window.slug, closed: false, winner: null, window: window.window });
    expect(early!.outcomes).toEqual([
      { name: "Up", instrument: up },
      { name: "Down", instrument: down },
    ]);
    expect(catalog.at(moment(330))).toMatchObject([{ closed: true, winner: down }]);
  });

  it("lists nothing ahead of its first frame, unless it was read through beforehand", () => {
    const catalog = new RecordedCatalog();
    catalog.learn(...seen(10, trade, window.slug));
    expect(catalog.at(moment(9))).toEqual([]);
    expect(catalog.at(moment(10))).toHaveLength(1);
  });

  it("shows what was given as the venue would have: strike after a minute, outcome when it was closed", () => {
    const catalog = new RecordedCatalog({ given: [resolved], ahead: true });
    expect(catalog.at(moment(59))).toMatchObject([{ strike: null, winner: null, finalPrice: null }]);
    expect(catalog.at(moment(60))).toMatchObject([{ strike: STRIKE, winner: null, finalPrice: null }]);
    expect(catalog.at(moment(329))).toMatchObject([{ closed: false, winner: null }]);
    expect(catalog.at(moment(330))).toMatchObject([{ closed: true, winner: up }]);
    expect(catalog.boundaryPricesAt(window.id, moment(2)).strike).toBeNull();
    expect(catalog.boundaryPricesAt(window.id, moment(3)).strike).toEqual(STRIKE);
    expect(catalog.boundaryPricesAt(window.id, moment(302)).finalPrice).toBeNull();
  });
});
