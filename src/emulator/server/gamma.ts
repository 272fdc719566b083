import { type Market, parseTime, type UnixMicros } from "#model";
import {
  encodeGammaGroup,
  encodeGammaGroups,
  encodeGammaGroupsPage,
  encodeGammaMarket,
  encodeGammaMarkets,
  encodeGammaMarketsPage,
  encodeGammaSeries,
  type GammaGroup,
  parseWindowSlug,
} from "#venue";
import { encoded, type HttpAnswer, json } from "./http-answer.ts";

/*
 * Gamma, the catalog: /events (groups with their markets), /markets and /series, by slug, series, tag, id or token. What it
 * says is what is known at the moment. `closed` defaults to false on /markets and to both on /events.
 */
const DEFAULT_LIMIT = 20;
/** More than this is cut down to it, without a word. */
const MAX_LIMIT = 500;
const MAX_KEYSET_LIMIT = 100;

/** @param path below the service's root, "/events"; null: no such path. */
export function answerGamma(path: string, query: URLSearchParams, markets: Iterable<Market>): HttpAnswer | null {
  const [, collection, next, last] = path.split("/");
  switch (collection) {
    case "events":
      return answerGroups(next, last, query, groupsOf(markets));
    case "markets":
      return answerMarkets(next, last, query, [...markets]);
    case "series":
      return answerSeries(query, groupsOf(markets));
    default:
      return null;
  }
}

function answerGroups(
  next: string | undefined,
  last: string | undefined,
  query: URLSearchParams,
  all: readonly GammaGroup[],
): HttpAnswer | null {
  if (next === "slug" || (next !== undefined && next !== "keyset")) {
    const group = all.find(({ slug }) => slug === (next === "slug" ? last : next));
    return group ? encoded(encodeGammaGroup(group)) : NOT_FOUND;
  }
  const isWanted = filterOf(query, null);
  const found = inOrder(
    all.filter((group) => group.markets.some(isWanted)),
    query,
    (group) => group.markets[0]!,
  );
  if (next === undefined) return encoded(encodeGammaGroups(pageOf(found, query)));
  const { page, cursor } = keysetPage(found, query, ({ slug }) => slug);
  return encoded(encodeGammaGroupsPage(page, cursor));
}

function answerMarkets(
  next: string | undefined,
  last: string | undefined,
  query: URLSearchParams,
  all: readonly Market[],
): HttpAnswer | null {
  if (next === "slug") {
    const market = all.find(({ slug }) => slug === last);
    return market ? encoded(encodeGammaMarket(market)) : NOT_FOUND;
  }
  if (next !== undefined && next !== "keyset") return NOT_FOUND;
  const found = inOrder(all.filter(filterOf(query, false)), query, (market) => market);
  if (next === undefined) return encoded(encodeGammaMarkets(pageOf(found, query)));
  const { page, cursor } = keysetPage(found, query, ({ slug }) => slug);
  return encoded(encodeGammaMarketsPage(page, cursor));
}

function answerSeries(query: URLSearchParams, groups: readonly GammaGroup[]): HttpAnswer {
  const wanted = query.getAll("slug");
  const bySlug = Map.groupBy(
    groups.filter(({ seriesSlug }) => seriesSlug !== null && (wanted.length === 0 || wanted.includes(seriesSlug))),
    ({ seriesSlug }) => seriesSlug!,
  );
  return encoded(encodeGammaSeries([...bySlug].map(([slug, members]) => ({ slug, title: slug, groups: members }))));
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
  const series = valuesOf(query, "series_slug");
  const tags = valuesOf(query, "tag_slug");
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
