import type { Market, UnixMicros } from "#model";
import { DAY, formatTime } from "#model";
import { parseSeries, TIMEFRAMES, windowSlug } from "./series.ts";

/*
 * Which windows of a series are wanted at a moment, and by which questions they are found. Pure.
 */

/** A span of time that windows are wanted for: those that end after `from` and start before `until`. */
export interface WantedSpan {
  readonly from: UnixMicros;
  readonly until: UnixMicros;
}

export function wantedSpan(now: UnixMicros, aheadMicros: number): WantedSpan {
  // At least the next microsecond, so that the present window is wanted whatever the lead.
  return { from: now, until: (now + Math.max(1, aheadMicros)) as UnixMicros };
}

/**
 * Slugs of the windows of a grid series in a span, oldest first; undefined for series that are on no grid: 4h windows
 * follow US Eastern time with its change of clocks, 1h and daily ones are named by month and hour (§5.2).
 */
export function gridSlugs(series: string, span: WantedSpan): readonly string[] | undefined {
  const parsed = parseSeries(series);
  if (!parsed || parsed.timeframe === "4h") return undefined;
  const length = TIMEFRAMES[parsed.timeframe];
  const slugs: string[] = [];
  for (let startsAt = span.from - (span.from % length); startsAt < span.until; startsAt += length) {
    slugs.push(windowSlug(parsed.coin, parsed.timeframe, startsAt as UnixMicros));
  }
  return slugs;
}

/** Whether a market is a window of the series that the span wants. */
export function isWanted(market: Market, series: string, span: WantedSpan): boolean {
  if (market.seriesSlug !== series || market.window === null) return false;
  return market.window.endsAt > span.from && market.window.startsAt < span.until;
}

/**
 * Gamma's list of a series' open windows around a span. `closed=false` alone is not enough: some old events stay open
 * for ever, so the end is bounded too. A daily window ends up to a day after it started.
 */
export function seriesPath(series: string, span: WantedSpan): string {
  const query = new URLSearchParams({
    series_slug: series,
    closed: "false",
    end_date_min: formatTime(span.from),
    end_date_max: formatTime((span.until + 2 * DAY) as UnixMicros),
  });
  return `/events/keyset?${query}`;
}

/** What Gamma's `/series?slug=` says of the windows: their slugs and ends, without the markets. */
export function groupSlugsIn(body: Uint8Array, span: WantedSpan, limit: number): readonly string[] {
  const upcoming = eventsIn(parseBody(body))
    .map(({ slug, endDate, closed }) => ({ slug, closed, endsAt: Date.parse(String(endDate)) * 1_000 }))
    .filter(({ slug, closed, endsAt }) => typeof slug === "string" && closed !== true && endsAt > span.from)
    .filter(({ endsAt }) => endsAt <= span.until + 2 * DAY)
    .sort((a, b) => a.endsAt - b.endsAt);
  return upcoming.slice(0, limit).map(({ slug }) => String(slug));
}

interface EventHead {
  readonly slug?: unknown;
  readonly endDate?: unknown;
  readonly closed?: unknown;
}

function eventsIn(body: unknown): EventHead[] {
  if (Array.isArray(body)) return body.flatMap(eventsIn);
  if (typeof body !== "object" || body === null || !("events" in body) || !Array.isArray(body.events)) return [];
  return body.events.filter((event): event is EventHead => typeof event === "object" && event !== null);
}

function parseBody(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}
