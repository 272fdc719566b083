import type { InstrumentId, MarketId } from "#model";
import { parseSeries, seriesSlug } from "./series.ts";

/** What a user wants recorded. */
export type Target =
  /** A recurring series by the venue's slug, "btc-up-or-down-15m": its present and coming windows. */
  | { readonly kind: "series"; readonly slug: string }
  /** One market, or one of the venue's events with all its markets. */
  | { readonly kind: "slug"; readonly slug: string }
  /** Every open market under a tag. */
  | { readonly kind: "tag"; readonly tag: string }
  | { readonly kind: "condition"; readonly id: MarketId }
  | { readonly kind: "token"; readonly id: InstrumentId };

export class TargetError extends Error {
  override readonly name = "TargetError";
}

const SLUG = /^[a-z0-9][a-z0-9_-]*$/;
const CONDITION = /^0x[0-9a-f]{62,64}$/;
const TOKEN = /^\d{10,78}$/;

/**
 * Parses "series:btc-updown-15m", "slug:…", "tag:…", "condition:0x…" or "token:…". Without a kind it is told by the look:
 * a condition, a token, the name of an up/down series, or else a slug; the address of a market's web page is its slug.
 * @throws TargetError, in one line that says what would do.
 */
export function parseTarget(text: string): Target {
  const page = /^https?:\/\/(?:www\.)?polymarket\.com\/(?:[a-z]{2}\/)?(?:event|market)\/([^/?#]+)/i.exec(text.trim());
  const [, kind, rest = ""] = /^(?:(series|slug|tag|condition|token):)?(.*)$/is.exec(page?.[1] ?? text.trim()) ?? [];
  const value = rest.trim().toLowerCase();
  switch (kind?.toLowerCase() ?? kindOf(value)) {
    case "series":
      return { kind: "series", slug: parseSeriesName(matching(SLUG, value, "a series", "btc-updown-15m")) };
    case "tag":
      return { kind: "tag", tag: matching(SLUG, value, "a tag", "crypto") };
    case "condition":
      return {
        kind: "condition",
        id: matching(CONDITION, value, "a condition id", "0x and 64 hex digits") as MarketId,
      };
    case "token":
      return { kind: "token", id: matching(TOKEN, value, "a token id", "its decimal digits") as InstrumentId };
    default:
      return { kind: "slug", slug: matching(SLUG, value, "a slug", "btc-updown-15m-1790994600") };
  }
}

/** The text that `parseTarget` reads back as the same target. */
export function formatTarget(target: Target): string {
  switch (target.kind) {
    case "series":
    case "slug":
      return `${target.kind}:${target.slug}`;
    case "tag":
      return `tag:${target.tag}`;
    case "condition":
    case "token":
      return `${target.kind}:${target.id}`;
  }
}

function kindOf(value: string): Target["kind"] {
  if (CONDITION.test(value)) return "condition";
  if (TOKEN.test(value)) return "token";
  return parseSeriesName(value) !== value || UP_OR_DOWN.test(value) ? "series" : "slug";
}

const UP_OR_DOWN = /^[a-z]+-up-or-down-(5m|15m|4h|hourly|daily)$/;
/** The venue's words for the two series that are not named by their length. */
const NAMED: Record<string, string> = {
  "1h": "hourly",
  "60m": "hourly",
  hourly: "hourly",
  "1d": "daily",
  daily: "daily",
};

/** People say "btc-updown-15m", as the windows are called; the series is called "btc-up-or-down-15m". */
export function parseSeriesName(text: string): string {
  const grid = parseSeries(text);
  if (grid) return seriesSlug(grid.coin, grid.timeframe);
  const named = /^([a-z]+)-up(?:-or-)?down-([a-z0-9]+)$/.exec(text);
  const timeframe = NAMED[named?.[2] ?? ""];
  return named?.[1] && timeframe ? seriesSlug(named[1], timeframe) : text;
}

function matching(shape: RegExp, value: string, what: string, example: string): string {
  if (shape.test(value)) return value;
  throw new TargetError(`"${value}" is not ${what}: expected something like ${example}`);
}
