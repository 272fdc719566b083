import type { InstrumentId, MarketId } from "./ids.ts";
import type { PriceMicros, SizeMicros } from "./numbers.ts";
import type { UnixMicros } from "./time.ts";

export interface Outcome {
  readonly name: string;
  readonly instrument: InstrumentId;
}

/** A moment span that a recurring market is about. `startsAt` also names it in the slug. */
export interface Window {
  readonly startsAt: UnixMicros;
  readonly endsAt: UnixMicros;
}

/** By what a market resolves. Stored per market: the venue changed it three times in 2026. */
export type Settlement =
  | { readonly kind: "chainlink_twap"; readonly symbol: string; readonly seconds: number }
  | { readonly kind: "chainlink_spot"; readonly symbol: string }
  | { readonly kind: "binance_candle"; readonly symbol: string }
  | { readonly kind: "other"; readonly source: string };

/** Taker fee = shares x rate x (p(1-p))^exponent dollars. */
export interface FeeSchedule {
  readonly rate: number;
  readonly exponent: number;
  readonly takerOnly: boolean;
  readonly rebateRate: number;
}

/** A reference price with all its digits. */
export interface ExactPrice {
  readonly price: PriceMicros;
  readonly exact: string;
}

export interface Market {
  readonly id: MarketId;
  readonly slug: string;
  readonly question: string;
  /** The venue's "event" that holds this market. */
  readonly groupSlug: string | null;
  /** Slug of the recurring series ("btc-up-or-down-15m"), null for a market of its own. */
  readonly seriesSlug: string | null;
  readonly outcomes: readonly Outcome[];
  /** null for markets that are about no fixed span. */
  readonly window: Window | null;
  readonly tickSize: PriceMicros;
  readonly minOrderSize: SizeMicros;
  readonly negRisk: boolean;
  readonly active: boolean;
  readonly closed: boolean;
  readonly closedAt: UnixMicros | null;
  readonly settlement: Settlement;
  readonly fee: FeeSchedule | null;
  /** "price to beat": known about a minute after the window opened. */
  readonly strike: ExactPrice | null;
  readonly finalPrice: ExactPrice | null;
  readonly winner: InstrumentId | null;
  /** Which exchange takes its orders. */
  readonly protocol: "v1" | "v2";
}

/** The other outcome of a two-outcome market: its book is the mirror (1 - p) of this one. */
export function complementOf(market: Market, instrument: InstrumentId): InstrumentId | undefined {
  if (market.outcomes.length !== 2) return undefined;
  return market.outcomes.find((outcome) => outcome.instrument !== instrument)?.instrument;
}
