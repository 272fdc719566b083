import type { Settlement, UnixMicros, Window } from "#model";
import { HOUR, MINUTE, SECOND } from "#model";

/*
 * The recurring crypto up/down series. 5m, 15m and 4h markets carry their start in the slug ("btc-updown-15m-1790994600");
 * 1h and daily ones are named in Eastern time and settle on Binance. Source: Gamma answers of 2026, venue changelog.
 */

export const TIMEFRAMES = { "5m": 5 * MINUTE, "15m": 15 * MINUTE, "4h": 4 * HOUR } as const;
export type Timeframe = keyof typeof TIMEFRAMES;

export interface SeriesWindow {
  readonly coin: string;
  readonly timeframe: Timeframe;
  readonly window: Window;
}

/** Reads a window's slug; undefined for any other market. */
export function parseWindowSlug(slug: string): SeriesWindow | undefined {
  const parts = /^([a-z]+)-updown-(5m|15m|4h)-(\d{9,11})$/.exec(slug);
  if (!parts) return undefined;
  const timeframe = parts[2] as Timeframe;
  const startsAt = (Number(parts[3]) * SECOND) as UnixMicros;
  return { coin: parts[1]!, timeframe, window: { startsAt, endsAt: (startsAt + TIMEFRAMES[timeframe]) as UnixMicros } };
}

const COIN_NAMES: Readonly<Record<string, string>> = {
  bitcoin: "btc",
  ethereum: "eth",
  solana: "sol",
  xrp: "xrp",
  dogecoin: "doge",
  bnb: "bnb",
  hyperliquid: "hype",
  zcash: "zec",
};

/** The coin of a 1h or daily window, "bitcoin-up-or-down-august-30-2026-12pm-et": these settle on Binance. */
export function namedCoin(slug: string): string | undefined {
  const parts = /^([a-z]+)-up-or-down-(?:on-)?[a-z]+-\d/.exec(slug);
  return parts ? COIN_NAMES[parts[1]!] : undefined;
}

export function windowSlug(coin: string, timeframe: Timeframe, startsAt: UnixMicros): string {
  return `${coin}-updown-${timeframe}-${startsAt / SECOND}`;
}

/** The series' own slug, "btc-up-or-down-15m". */
export function seriesSlug(coin: string, timeframe: string): string {
  return `${coin}-up-or-down-${timeframe}`;
}

/** Reads "btc-updown-15m" or "btc-up-or-down-15m"; undefined for series whose windows cannot be computed. */
export function parseSeries(text: string): { coin: string; timeframe: Timeframe } | undefined {
  const parts = /^([a-z]+)-up(?:-or-)?down-(5m|15m|4h)$/.exec(text);
  return parts ? { coin: parts[1]!, timeframe: parts[2] as Timeframe } : undefined;
}

const TWAP_SINCE = Date.UTC(2026, 7, 7) * 1_000;
const FIVE_MINUTES_TWAP_60_SINCE = Date.UTC(2026, 7, 14) * 1_000;

/** By what a window resolves, from its start alone; a market object that says so itself is the better source. */
export function settlementOfWindow({ coin, timeframe, window }: SeriesWindow): Settlement {
  const symbol = `${coin}usd`;
  if (window.startsAt < TWAP_SINCE) return { kind: "chainlink_spot", symbol };
  const seconds = timeframe === "5m" && window.startsAt < FIVE_MINUTES_TWAP_60_SINCE ? 30 : 60;
  return { kind: "chainlink_twap", symbol, seconds };
}
