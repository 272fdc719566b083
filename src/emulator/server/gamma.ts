import { type InstrumentId, type Market, parseTime, type UnixMicros } from "#model";
import {
  encodeGammaGroup,
  encodeGammaGroups,
  encodeGammaGroupsPage,
  encodeGammaMarket,
  encodeGammaMarkets,
  encodeGammaMarketsPage,
  encodeGammaOneSeries,
  encodeGammaSearch,
  encodeGammaSeries,
  type GammaGroup,
  type GammaQuotes,
  gammaId,
  parseWindowSlug,
} from "#venue";
import type { BookAnswer } from "../source.ts";
import { encoded, type HttpAnswer, json } from "./http-answer.ts";

/*
 * Gamma, the catalog: /events (groups with their markets), /markets and /series, by slug, series, tag, id or token. What it
 * says is what is known at the moment. `closed` defaults to false on /markets and to both on /events.
 */
const DEFAULT_LIMIT = 20;
/** More than this is cut down to it, without a word. */
const MAX_LIMIT = 500;
const MAX_KEYSET_LIMIT = 100;
const MAX_OFFSET = 2_000;

/** What Gamma is answered from. */
export interface GammaSight {
  markets(): Iterable<Market>;
  book(instrument: InstrumentId): BookAnswer;
}

/** @param path below the service's root, "/events"; null: no such path. */
export function answerGamma(path: string, query: URLSearchParams, sight: GammaSight): HttpAnswer | null {
  const [, collection, next, last] = path.split("/");
  const markets = [...sight.markets()];
  const quotes = quotesFrom(sight);
  switch (collection) {
    case "events":
      return answerGroups(next, last, query, groupsOf(markets), quotes);
    case "markets":
      return answerMarkets(next, last, query, markets, quotes);
    case "series":
      return answerSeries(next, query, groupsOf(markets));
    case "public-search":
      return answerSearch(query, groupsOf(markets), quotes);
    case "tags":
      return json([...new Set(markets.flatMap(tagsOf))].map((slug) => ({ id: gammaId(slug), label: slug, slug })));
    default:
      return null;
  }
}

/** What the books say at the moment: an open market is never shown with the prices of its end. */
function quotesFrom({ book }: GammaSight): GammaQuotes {
  return (instrument) => {
    const answer = book(instrument);
    if (answer.kind !== "open") return undefined;
    const { bids, asks, lastTradePrice } = answer.book;
    return { bid: bids[0]?.price ?? null, ask: asks[0]?.price ?? null, lastTrade: lastTradePrice ?? null };
  };
}

function answerGroups(
  next: string | undefined,
  last: string | undefined,
  query: URLSearchParams,
  all: readonly GammaGroup[],
  quotes: GammaQuotes,
): HttpAnswer | null {
  if (next !== undefined && next !== "keyset") {
    const wanted = next === "slug" ? last : next;
    const group = all.find(({ slug }) => slug === wanted || (next !== "slug" && gammaId(slug) === wanted));
    return group ? encoded(encodeGammaGroup(group, quotes)) : NOT_FOUND;
  }
  const isWanted = filterOf(query, null);
  const ids = valuesOf(query, "id");
  const found = inOrder(
    all.filter((group) => (ids === null || ids.has(gammaId(group.slug))) && group.markets.some(isWanted)),
    query,
    (group) => group.markets[0]!,
  ).map((group) => (query.get("include_markets") === "false" ? { ...group, withoutMarkets: true } : group));
  if (next === undefined) {
    return isTooFar(query) ? TOO_FAR : encoded(encodeGammaGroups(pageOf(found, query), quotes));
  }
  const { page, cursor } = keysetPage(found, query, ({ slug }) => slug);
  return encoded(encodeGammaGroupsPage(page, cursor, quotes));
}

function answerMarkets(
  next: string | undefined,
  last: string | undefined,
  query: URLSearchParams,
  all: readonly Market[],
  quotes: GammaQuotes,
): HttpAnswer | null {
  if (next !== undefined && next !== "keyset") {
    const isMeant =
      next === "slug" ? ({ slug }: Market) => slug === last : ({ id }: Market) => id === next || gammaId(id) === next;
    const market = all.find(isMeant);
    return market ? encoded(encodeGammaMarket(market, quotes)) : NOT_FOUND;
  }
  const ids = valuesOf(query, "id");
  const isWanted = filterOf(query, false);
  const wanted = all.filter((market) => (ids === null || ids.has(gammaId(market.id))) && isWanted(market));
  const found = inOrder(wanted, query, (market) => market);
  if (next === undefined) {
    return isTooFar(query) ? TOO_FAR : encoded(encodeGammaMarkets(pageOf(found, query), quotes));
  }
  const { page, cursor } = keysetPage(found, query, ({ slug }) => slug);
  return encoded(encodeGammaMarketsPage(page, cursor, quotes));
}

function answerSeries(next: string | undefined, query: URLSearchParams, groups: readonly GammaGroup[]): HttpAnswer {
  const wanted = query.getAll("slug");
  const bySlug = Map.groupBy(
    groups.filter(({ seriesSlug }) => seriesSlug !== null && (wanted.length === 0 || wanted.includes(seriesSlug))),
    ({ seriesSlug }) => seriesSlug!,
  );
  const series = [...bySlug].map(([slug, members]) => ({ slug, title: slug, groups: members }));
  if (next === undefined) return encoded(encodeGammaSeries(series));
  const one = series.find(({ slug }) => slug === next || gammaId(slug) === next);
  return one ? encoded(encodeGammaOneSeries(one)) : NOT_FOUND;
}

/** Every word of `q` in the title or the slug. */
function answerSearch(query: URLSearchParams, groups: readonly GammaGroup[], quotes: GammaQuotes): HttpAnswer {
  const words = (query.get("q") ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const found = groups.filter(({ slug, title, markets }) => {
    const text = `${slug} ${title} ${markets.map(({ question }) => question).join(" ")}`.toLowerCase();
    return words.length > 0 && words.every((word) => text.includes(word));
  });
  const limit = numberOf(query, "limit_per_type", 10);
  return encoded(encodeGammaSearch(found.slice(0, limit), found.length, quotes));
}

/** Beyond this the venue asks for the keyset form. */
function isTooFar(query: URLSearchParams): boolean {
  return numberOf(query, "offset", 0) > MAX_OFFSET;
}

function groupsOf(markets: Iterable<Market>): GammaGroup[] {
  const bySlug = Map.groupBy(markets, ({ groupSlug, slug }) => groupSlug ?? slug);
  return [...bySlug].map(([slug, members]) => ({
    slug,
    title: members[0]!.question,
    seriesSlug: members[0]!.seriesSlug,
    markets: members,
  }));
}

/** Repeated or comma-separated values of a parameter; null: not asked for. */
function valuesOf(query: URLSearchParams, ...names: readonly string[]): ReadonlySet<string> | null {
  const values = names.flatMap((name) => query.getAll(name)).flatMap((value) => value.split(","));
  return values.length === 0 ? null : new Set(values);
}

function filterOf(query: URLSearchParams, closedByDefault: boolean | null): (market: Market) => boolean {
  const slugs = valuesOf(query, "slug");
  const series = valuesOf(query, "series_slug", "series");
  const tags = valuesOf(query, "tag_slug", "tag");
  const seriesIds = valuesOf(query, "series_id");
  const tagIds = valuesOf(query, "tag_id");
  const conditions = valuesOf(query, "condition_ids", "condition_id");
  const tokens = valuesOf(query, "clob_token_ids");
  const closed = flagOf(query, "closed") ?? closedByDefault;
  const active = flagOf(query, "active");
  const isInTime = [
    bound(query, "end_date_min", (market, at) => (market.window?.endsAt ?? at) >= at),
    bound(query, "end_date_max", (market, at) => (market.window?.endsAt ?? at) <= at),
    bound(query, "start_date_min", (market, at) => (market.window?.startsAt ?? at) >= at),
    bound(query, "start_date_max", (market, at) => (market.window?.startsAt ?? at) <= at),
  ];
  return (market) =>
    (slugs === null || slugs.has(market.slug) || slugs.has(market.groupSlug ?? "")) &&
    (series === null || series.has(market.seriesSlug ?? "")) &&
    (seriesIds === null || seriesIds.has(gammaId(market.seriesSlug ?? ""))) &&
    (tagIds === null || tagsOf(market).some((tag) => tagIds.has(gammaId(tag)))) &&
    (tags === null || tagsOf(market).some((tag) => tags.has(tag))) &&
    (conditions === null || conditions.has(market.id)) &&
    (tokens === null || market.outcomes.some(({ instrument }) => tokens.has(instrument))) &&
    (closed === null || market.closed === closed) &&
    (active === null || market.active === active) &&
    isInTime.every((test) => test(market));
}

/** As the venue tags its recurring markets. The others have one of ours, so that a load of them can be asked for at once. */
function tagsOf({ slug }: Market): readonly string[] {
  const recurring = parseWindowSlug(slug);
  return recurring ? ["crypto", "up-or-down", "recurring", recurring.coin, recurring.timeframe] : ["synthetic"];
}

function flagOf(query: URLSearchParams, name: string): boolean | null {
  const value = query.get(name);
  return value === null ? null : value === "true";
}

function bound(query: URLSearchParams, name: string, test: (market: Market, at: UnixMicros) => boolean) {
  const at = parseTime(query.get(name) ?? "");
  return (market: Market) => at === undefined || test(market, at);
}

/** By `order` (startDate, endDate; else as listed), ascending unless told otherwise. */
function inOrder<T>(found: readonly T[], query: URLSearchParams, marketOf: (one: T) => Market): readonly T[] {
  const order = query.get("order");
  const key = (one: T): number => {
    const window = marketOf(one).window;
    return (order === "endDate" || order === "end_date" ? window?.endsAt : window?.startsAt) ?? 0;
  };
  const ordered = order === null ? [...found] : found.toSorted((a, b) => key(a) - key(b));
  return query.get("ascending") === "false" ? ordered.reverse() : ordered;
}

function pageOf<T>(found: readonly T[], query: URLSearchParams): readonly T[] {
  const offset = numberOf(query, "offset", 0);
  return found.slice(offset, offset + Math.min(MAX_LIMIT, numberOf(query, "limit", DEFAULT_LIMIT)));
}

/** A page after the member named by the cursor: pages stay whole while new members are listed. */
function keysetPage<T>(found: readonly T[], query: URLSearchParams, nameOf: (one: T) => string) {
  const after = query.get("after_cursor") ?? query.get("next_cursor");
  const from = after === null ? 0 : found.findIndex((one) => nameOf(one) === decodeCursor(after)) + 1;
  const limit = Math.min(MAX_KEYSET_LIMIT, numberOf(query, "limit", DEFAULT_LIMIT));
  const page = found.slice(from, from + limit);
  const last = page.at(-1);
  return { page, cursor: last !== undefined && from + limit < found.length ? encodeCursor(nameOf(last)) : null };
}

function encodeCursor(name: string): string {
  return Buffer.from(name).toString("base64url");
}

function decodeCursor(cursor: string): string {
  return Buffer.from(cursor, "base64url").toString();
}

function numberOf(query: URLSearchParams, name: string, otherwise: number): number {
  const value = Number(query.get(name) ?? otherwise);
  return Number.isSafeInteger(value) && value >= 0 ? value : otherwise;
}

const NOT_FOUND = json({ type: "not found error", error: "slug not found" }, 404);
const TOO_FAR = json({ type: "validation error", error: "offset too large, use /events/keyset" }, 422);
