import { createHash } from "node:crypto";
import type { FeeSchedule, InstrumentId, Market, MarketId, Outcome, PriceMicros, SizeMicros, UnixMicros } from "#model";
import { HOUR } from "#model";
import { seriesSlug, settlementOfWindow, TIMEFRAMES, type Timeframe, windowSlug } from "#venue";

export const USUAL_TICK = 10_000 as PriceMicros;
export const FINE_TICK = 1_000 as PriceMicros;
const FIVE_SHARES = 5_000_000 as SizeMicros;
const CRYPTO_FEE: FeeSchedule = { rate: 0.07, exponent: 1, takerOnly: true, rebateRate: 0.2 };

/** A recurring series that the synthetic venue lists. */
export interface ListedSeries {
  readonly coin: string;
  readonly timeframe: Timeframe;
}

/** The start of the window that holds `at`. */
export function windowStart(timeframe: Timeframe, at: UnixMicros): UnixMicros {
  const length = TIMEFRAMES[timeframe];
  // 4h windows follow US Eastern midnight, the shorter ones are whole in any zone.
  const shift = timeframe === "4h" ? easternOffset(at) % length : 0;
  return (Math.floor((at - shift) / length) * length + shift) as UnixMicros;
}

/** How far Eastern midnight lies behind midnight UTC, in micros: 4 or 5 hours. */
function easternOffset(at: UnixMicros): number {
  const hour = new Intl.DateTimeFormat("en-US", { timeZone: "America/New_York", hour: "numeric", hourCycle: "h23" });
  const utcHour = Math.floor(at / HOUR) % 24;
  return ((utcHour - Number(hour.format(new Date(at / 1_000))) + 24) % 24) * HOUR;
}

/** The market of a window, as it is announced. */
export function listWindow(seed: number, { coin, timeframe }: ListedSeries, startsAt: UnixMicros): Market {
  const slug = windowSlug(coin, timeframe, startsAt);
  const window = { startsAt, endsAt: (startsAt + TIMEFRAMES[timeframe]) as UnixMicros };
  const until = new Date(window.endsAt / 1_000).toISOString().slice(0, 16);
  return {
    ...invented(seed, slug, ["Up", "Down"]),
    question: `${coin.toUpperCase()} Up or Down - ${new Date(startsAt / 1_000).toISOString().slice(0, 16)} to ${until} UTC`,
    seriesSlug: seriesSlug(coin, timeframe),
    window,
    settlement: settlementOfWindow({ coin, timeframe, window }),
  };
}

/** A market that is about nothing in particular, and never ends. */
export function listGeneric(seed: number, number: number): Market {
  return {
    ...invented(seed, `synthetic-${number}`, ["Yes", "No"]),
    question: `Will number ${number} come up?`,
    seriesSlug: null,
    window: null,
    settlement: { kind: "other", source: "nobody" },
  };
}

/** What all listed markets share. */
export function listing(slug: string, id: MarketId, outcomes: readonly Outcome[]) {
  return {
    id,
    slug,
    groupSlug: slug,
    outcomes,
    tickSize: USUAL_TICK,
    minOrderSize: FIVE_SHARES,
    negRisk: false,
    active: true,
    closed: false,
    closedAt: null,
    fee: CRYPTO_FEE,
    strike: null,
    finalPrice: null,
    winner: null,
    protocol: "v1" as const,
  };
}

function invented(seed: number, slug: string, names: readonly [string, string]) {
  const outcomes = names.map((name) => ({ name, instrument: tokenOf(`${seed}/${slug}/${name}`) }));
  return listing(slug, `0x${sha256(`${seed}/${slug}`)}` as MarketId, outcomes);
}

/** A uint256 in decimal, as the venue's token ids are. */
function tokenOf(name: string): InstrumentId {
  return BigInt(`0x${sha256(name)}`).toString() as InstrumentId;
}

/** A transaction hash that nobody will find on a chain. */
export function transactionOf(name: string): string {
  return `0x${sha256(name)}`;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
