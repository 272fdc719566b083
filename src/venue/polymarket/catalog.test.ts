import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { manualClock, seededRandom, silentLog } from "#host";
import type { InstrumentId, Market, MarketId, PriceMicros, SizeMicros, UnixMicros } from "#model";
import { HOUR, MINUTE, parseTime, SECOND } from "#model";
import { Catalog } from "./catalog.ts";
import { Inquirer } from "./catalog-inquirer.ts";
import {
  encodeGammaGroup,
  encodeGammaGroupsPage,
  encodeGammaMarket,
  encodeGammaMarkets,
  encodeGammaSeries,
} from "./encode-gamma.ts";
import { PRODUCTION_ENDPOINTS } from "./endpoints.ts";
import { Rest } from "./rest.ts";
import { settlementOfWindow, TIMEFRAMES, type Timeframe, windowSlug } from "./series.ts";
import { parseTarget } from "./targets.ts";

const T0 = parseTime("2026-11-22T10:00:00Z") as UnixMicros;
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

function marketOf(slug: string, more: Partial<Market> = {}): Market {
  const number = [...slug].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 1e9, 7);
  return {
    id: `0x${number.toString(16).padStart(64, "0")}` as MarketId,
    slug,
    question: `${slug}?`,
    groupSlug: slug,
    seriesSlug: null,
    outcomes: [
      { name: "Up", instrument: `1000000000${number}1` as InstrumentId },
      { name: "Down", instrument: `1000000000${number}2` as InstrumentId },
    ],
    window: null,
    tickSize: 10_000 as PriceMicros,
    minOrderSize: 5_000_000 as SizeMicros,
    negRisk: false,
    active: true,
    closed: false,
    closedAt: null,
    settlement: { kind: "other", source: "" },
    fee: null,
    strike: null,
    finalPrice: null,
    winner: null,
    protocol: "v1",
    ...more,
  };
}

function windowOf(timeframe: Timeframe, startsAt: number, more: Partial<Market> = {}): Market {
  const window = { startsAt: startsAt as UnixMicros, endsAt: (startsAt + TIMEFRAMES[timeframe]) as UnixMicros };
  return marketOf(windowSlug("btc", timeframe, window.startsAt), {
    seriesSlug: `btc-up-or-down-${timeframe}`,
    window,
    settlement: settlementOfWindow({ coin: "btc", timeframe, window }),
    ...more,
  });
}

const groupOf = (market: Market) => ({
  slug: market.groupSlug ?? market.slug,
  title: market.question,
  seriesSlug: market.seriesSlug,
  markets: [market],
});

/**
 * A Gamma on loopback that answers as the venue's does: 404 for an unknown slug, resolved markets hidden from /markets
 * unless asked for, pages of two events. `markets` may change while it runs.
 */
async function setUp(initial: readonly Market[]) {
  const world = {
    markets: [...initial],
    ignoresSeries: false,
    searchable: true,
    down: false,
    clobWinner: null as InstrumentId | null,
  };
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "", "http://host");
    const query = url.searchParams;
    asked.push(url.pathname + url.search);
    const send = (body: Uint8Array | string, status = 200) => void response.writeHead(status).end(body);
    const slug = url.pathname.split("/").at(-1);
    if (world.down) return send("down", 503);
    if (url.pathname.startsWith("/events/slug/")) {
      const market = world.markets.find((each) => (each.groupSlug ?? each.slug) === slug);
      return market ? send(encodeGammaGroup(groupOf(market))) : send("{}", 404);
    }
    if (url.pathname.startsWith("/markets/slug/")) {
      const market = world.markets.find((each) => each.slug === slug);
      return market ? send(encodeGammaMarket(market)) : send("{}", 404);
    }
    if (url.pathname === "/events/keyset") {
      const series = query.get("series_slug");
      if (!world.searchable) return send(encodeGammaGroupsPage([], null));
      const listed = world.markets.filter(
        (each) => !each.closed && (world.ignoresSeries || each.seriesSlug === series),
      );
      const tagged = query.has("tag_slug") ? world.markets : listed;
      const from = Number(query.get("after_cursor") ?? 0);
      const next = from + 2 < tagged.length ? String(from + 2) : null;
      return send(encodeGammaGroupsPage(tagged.slice(from, from + 2).map(groupOf), next));
    }
    if (url.pathname === "/series") {
      const groups = world.markets.filter((each) => each.seriesSlug === query.get("slug")).map(groupOf);
      return send(encodeGammaSeries([{ slug: query.get("slug") ?? "", title: "", groups }]));
    }
    if (url.pathname === "/markets") {
      const hits = world.markets.filter(
        (each) =>
          (each.id === query.get("condition_ids") ||
            each.outcomes.some((outcome) => outcome.instrument === query.get("clob_token_ids"))) &&
          each.closed === (query.get("closed") === "true"),
      );
      return send(encodeGammaMarkets(hits));
    }
    if (url.pathname.startsWith("/clob/markets-by-token/")) {
      const market = world.markets.find((each) => each.outcomes.some((outcome) => outcome.instrument === slug));
      return market ? send(JSON.stringify({ condition_id: market.id })) : send("{}", 404);
    }
    if (url.pathname.startsWith("/clob/markets/")) {
      const market = world.markets.find((each) => each.id === slug);
      const tokens = (market?.outcomes ?? []).map(({ instrument, name }) => ({
        token_id: instrument,
        outcome: name,
        winner: instrument === world.clobWinner,
      }));
      return send(JSON.stringify({ condition_id: slug, closed: world.clobWinner !== null, tokens }));
    }
    if (url.pathname === "/price") return send('{"openPrice":84000.5,"closePrice":84001,"completed":false}');
    send("{}", 404);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const clock = manualClock(T0);
  const endpoints = { ...PRODUCTION_ENDPOINTS, gamma: base, clob: `${base}/clob`, cryptoPrice: `${base}/price` };
  const rest = new Rest({ endpoints, clock, log: silentLog(), random: seededRandom(1), onAnswer: () => undefined });
  const catalog = new Catalog({ rest, clock, log: silentLog(), aheadMicros: 30 * MINUTE });
  const slugs = async (...targets: string[]) => {
    const answer = await catalog.resolveTargets(targets.map(parseTarget));
    return { slugs: answer.markets.map((market) => market.slug).sort(), problems: answer.problems };
  };
  return { world, asked, clock, rest, catalog, slugs };
}

describe("a grid series", () => {
  const windows = [0, 1, 2, 3].map((index) => windowOf("15m", T0 + index * 15 * MINUTE));

  it("gives its present and coming windows, and asks only for what is new", async () => {
    const { slugs, asked, clock } = await setUp(windows);
    const first = await slugs("btc-updown-15m");
    expect(first).toEqual({ slugs: windows.slice(0, 2).map((market) => market.slug), problems: [] });
    expect(asked.length).toBe(2);
    expect((await slugs("btc-updown-15m")).slugs).toEqual(first.slugs);
    expect(asked.length).toBe(2);
    await clock.advance(15 * MINUTE);
    expect((await slugs("btc-updown-15m")).slugs).toEqual(windows.slice(1, 3).map((market) => market.slug));
    expect(asked.length).toBe(3);
  });

  it("asks for a window that is listed late until it is there, not faster than it should", async () => {
    const { slugs, asked, clock, world } = await setUp(windows.slice(0, 1));
    const late = await slugs("btc-updown-15m");
    expect(late.slugs).toEqual([windows[0]!.slug]);
    expect(late.problems.map((problem) => problem.reason)).toEqual([`not listed yet: ${windows[1]!.slug}`]);
    const before = asked.length;
    await slugs("btc-updown-15m");
    expect(asked.length).toBe(before);
    world.markets.push(windows[1]!);
    await clock.advance(15 * SECOND);
    expect((await slugs("btc-updown-15m")).slugs.length).toBe(2);
  });

  it("finds windows by the series' own list where the venue names them in another way", async () => {
    const renamed = windows
      .slice(0, 2)
      .map((market, index) => ({ ...market, slug: `up-${index}`, groupSlug: `up-${index}` }));
    const { slugs } = await setUp(renamed);
    expect((await slugs("btc-updown-15m")).slugs).toEqual(["up-0", "up-1"]);
  });
});

describe("a series on no grid", () => {
  const past = windowOf("4h", T0 - 6 * HOUR);
  const windows = [windowOf("4h", T0 - 2 * HOUR), windowOf("4h", T0 + 2 * HOUR)];

  it("is asked for, and its present window kept whatever else Gamma lists", async () => {
    const other = windowOf("15m", T0);
    const { slugs, asked, clock, world } = await setUp([
      past,
      ...windows,
      other,
      windowOf("5m", T0),
      windowOf("5m", T0),
    ]);
    expect((await slugs("btc-updown-4h")).slugs).toEqual([windows[0]!.slug]);
    const before = asked.length;
    expect((await slugs("btc-updown-4h")).slugs).toEqual([windows[0]!.slug]);
    expect(asked.length).toBe(before);
    world.ignoresSeries = true;
    await clock.advance(MINUTE);
    expect((await slugs("btc-updown-4h")).slugs).toEqual([windows[0]!.slug]);
    await clock.advance(2 * HOUR - 30 * MINUTE);
    expect((await slugs("btc-updown-4h")).slugs).toEqual(windows.map((market) => market.slug));
  });

  it("is found by the list of its windows' names where Gamma does not search by series", async () => {
    const { slugs, asked, world } = await setUp([past, ...windows]);
    world.searchable = false;
    expect((await slugs("btc-updown-4h")).slugs).toEqual([windows[0]!.slug]);
    const unknown = await slugs("btc-updown-daily");
    expect(unknown.slugs).toEqual([]);
    expect(unknown.problems[0]?.reason).toMatch(/no present window/);
    expect(asked.some((path) => path.startsWith("/series?slug=btc-up-or-down-daily"))).toBe(true);
  });
});

describe("a target by name", () => {
  const rain = marketOf("will-it-rain");
  const over = marketOf("did-it-rain", { closed: true, winner: marketOf("did-it-rain").outcomes[0]!.instrument });

  it("is found by slug, condition and token, each market once", async () => {
    const { slugs } = await setUp([rain, over]);
    expect(await slugs("will-it-rain", rain.id, rain.outcomes[1]!.instrument)).toEqual({
      slugs: ["will-it-rain"],
      problems: [],
    });
  });

  it("is found although it is resolved, which Gamma hides by default", async () => {
    const { slugs } = await setUp([rain, over]);
    expect((await slugs(over.id)).slugs).toEqual(["did-it-rain"]);
    expect((await slugs(over.outcomes[0]!.instrument)).slugs).toEqual(["did-it-rain"]);
  });

  it("is among the problems where nobody knows it, without harm to the others", async () => {
    const { slugs } = await setUp([rain]);
    const answer = await slugs(
      "no-such-thing",
      "will-it-rain",
      `token:${"9".repeat(30)}`,
      `condition:0x${"a".repeat(64)}`,
    );
    expect(answer.slugs).toEqual(["will-it-rain"]);
    expect(answer.problems.length).toBe(3);
  });

  it("by tag gives every open market, page by page", async () => {
    const many = Array.from({ length: 7 }, (_, index) => marketOf(`market-${index}`));
    const { slugs, asked } = await setUp([...many, over]);
    expect((await slugs("tag:weather")).slugs).toEqual(many.map((market) => market.slug));
    expect(asked.length).toBe(4);
  });

  it("is a problem and no crash where the venue is down", async () => {
    const { slugs, world, clock } = await setUp([rain]);
    world.down = true;
    let answer: Awaited<ReturnType<typeof slugs>> | undefined;
    void slugs("will-it-rain").then((got) => {
      answer = got;
    });
    while (answer === undefined) {
      await clock.advance(SECOND);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect(answer.problems[0]?.reason).toMatch(/HTTP 503/);
  });
});

describe("an inquirer", () => {
  const startsAt = (T0 + 15 * MINUTE) as UnixMicros;
  const open = windowOf("15m", startsAt);
  const price = (dollars: number) => ({ price: (dollars * 1e6) as PriceMicros, exact: String(dollars) });
  const won = open.outcomes[0]!.instrument;

  async function inquire(world: Awaited<ReturnType<typeof setUp>>) {
    const learned: Market[] = [];
    const givenUp: string[] = [];
    const inquirer = new Inquirer({
      catalog: world.catalog,
      rest: world.rest,
      clock: world.clock,
      log: silentLog(),
      onMarket: (market) => void learned.push(market),
      onGiveUp: (_market, reason) => void givenUp.push(reason),
    });
    inquirer.follow(open);
    const passTo = async (moment: number) => {
      while (world.clock.now() < moment) {
        await inquirer.poll();
        await world.clock.advance(Math.min(5 * SECOND, moment - world.clock.now()));
      }
      await inquirer.poll();
    };
    return { inquirer, learned, givenUp, passTo };
  }

  it("learns strike, winner and final price, each as soon as somebody says it, and then stops", async () => {
    const world = await setUp([open]);
    const { inquirer, learned, passTo } = await inquire(world);
    await passTo(startsAt + 10 * SECOND);
    expect(learned.map((market) => market.strike?.exact)).toEqual(["84000.5"]);
    expect(learned[0]?.finalPrice).toBeNull();
    await passTo(open.window!.endsAt + 20 * SECOND);
    expect(learned.length).toBe(1);
    world.world.clobWinner = won;
    await passTo(open.window!.endsAt + 60 * SECOND);
    expect(learned.at(-1)?.winner).toBe(won);
    world.world.markets = [
      { ...open, closed: true, winner: won, strike: price(84_000.123), finalPrice: price(84_010), closedAt: startsAt },
    ];
    await passTo(open.window!.endsAt + 3 * MINUTE);
    expect(learned.at(-1)).toMatchObject({ winner: won, finalPrice: price(84_010), strike: price(84_000.123) });
    expect(inquirer.open).toBe(0);
    const asked = world.asked.length;
    await passTo(open.window!.endsAt + 10 * MINUTE);
    expect(world.asked.length).toBe(asked);
  });

  it("takes what its caller learned from the stream, and asks no more than is still missing", async () => {
    const world = await setUp([open]);
    const { inquirer, learned, passTo } = await inquire(world);
    inquirer.follow({ ...open, strike: price(1), finalPrice: price(2), winner: won });
    await passTo(open.window!.endsAt + MINUTE);
    expect([inquirer.open, learned.length, world.asked.length]).toEqual([0, 0, 0]);
  });

  it("gives up after its grace and names what is missing", async () => {
    const world = await setUp([open]);
    const { inquirer, givenUp, passTo } = await inquire(world);
    await passTo(open.window!.endsAt + 31 * MINUTE);
    expect(givenUp).toEqual([`${open.slug}: nobody said its final price, winner in time`]);
    expect(inquirer.open).toBe(0);
    expect(world.asked.length).toBeLessThan(80);
  });
});
