import type {
  ExactPrice,
  Fault,
  FeeSchedule,
  InstrumentId,
  Market,
  MarketId,
  Outcome,
  PriceMicros,
  Settlement,
  SizeMicros,
  UnixMicros,
  Window,
} from "#model";
import { ONE, parseTime } from "#model";
import { faultOf, isMembers, type Members, optionalText, text, Unreadable } from "./json.ts";
import { parseWindowSlug, seriesSlug, settlementOfWindow } from "./series.ts";

/*
 * Gamma, the venue's catalog. An answer is an event (a group of markets), a market, a list of either, or a page
 * {events | markets, next_cursor}. `outcomes`, `clobTokenIds` and `outcomePrices` are JSON inside a string.
 * Source: Gamma answers of 2026-09/10, ts-sdk bindings gamma/market.
 */

export interface GammaAnswer {
  readonly markets: readonly Market[];
  readonly faults: readonly Fault[];
  /** Where the next page begins; null on the last. */
  readonly nextCursor: string | null;
}

/** Never throws: a market that cannot be read is a fault, the others are given. */
export function decodeGamma(bytes: Uint8Array): GammaAnswer {
  let answer: unknown;
  try {
    answer = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    return { markets: [], faults: [{ kind: "fault", reason: "not_json", detail: String(error) }], nextCursor: null };
  }
  const markets: Market[] = [];
  const faults: Fault[] = [];
  for (const { market, group } of marketsIn(answer)) {
    try {
      markets.push(decodeMarket(market, group));
    } catch (error) {
      faults.push(faultOf(error));
    }
  }
  const nextCursor = isMembers(answer) ? (optionalText(answer, "next_cursor") ?? null) : null;
  return { markets, faults, nextCursor };
}

interface Nested {
  readonly market: Members;
  readonly group: Members | undefined;
}

function marketsIn(answer: unknown): Nested[] {
  if (Array.isArray(answer)) return answer.flatMap(marketsIn);
  if (!isMembers(answer)) return [];
  if (Array.isArray(answer.events) && !("conditionId" in answer)) return answer.events.flatMap(marketsIn);
  if (Array.isArray(answer.data)) return answer.data.flatMap(marketsIn);
  if (Array.isArray(answer.markets)) {
    const group = "slug" in answer ? answer : undefined;
    return answer.markets.filter(isMembers).map((market) => ({ market, group: group ?? firstGroup(market) }));
  }
  return "conditionId" in answer ? [{ market: answer, group: firstGroup(answer) }] : [];
}

function firstGroup(market: Members): Members | undefined {
  const first = Array.isArray(market.events) ? market.events[0] : undefined;
  return isMembers(first) ? first : undefined;
}

function decodeMarket(from: Members, group: Members | undefined): Market {
  const slug = text(from, "slug");
  const outcomes = decodeOutcomes(from);
  const recurring = parseWindowSlug(slug);
  const closed = from.closed === true;
  const metadata = isMembers(group?.eventMetadata) ? group.eventMetadata : {};
  return {
    id: text(from, "conditionId") as MarketId,
    slug,
    question: optionalText(from, "question") ?? "",
    groupSlug: group ? (optionalText(group, "slug") ?? null) : null,
    seriesSlug: decodeSeries(group) ?? (recurring ? seriesSlug(recurring.coin, recurring.timeframe) : null),
    outcomes,
    window: decodeWindow(from, recurring?.window),
    tickSize: micros(from.orderPriceMinTickSize, "orderPriceMinTickSize", 0.01) as PriceMicros,
    minOrderSize: micros(from.orderMinSize, "orderMinSize", 5) as SizeMicros,
    negRisk: from.negRisk === true,
    active: from.active === true,
    closed,
    closedAt: time(from, "closedTime"),
    settlement: decodeSettlement(from, slug),
    fee: decodeFee(from.feeSchedule),
    strike: exactPrice(metadata.priceToBeat),
    finalPrice: exactPrice(metadata.finalPrice),
    winner: closed ? decodeWinner(from, outcomes) : null,
    protocol: from.version === "v2" ? "v2" : "v1",
  };
}

function decodeOutcomes(from: Members): Outcome[] {
  const names = texts(from.outcomes, "outcomes");
  const tokens = texts(from.clobTokenIds, "clobTokenIds");
  if (tokens.length !== names.length) {
    throw new Unreadable("bad_shape", `${names.length} outcomes but ${tokens.length} clobTokenIds`);
  }
  return names.map((name, index) => ({ name, instrument: tokens[index] as InstrumentId }));
}

/** A list of texts, or the same as JSON inside a string. */
export function texts(value: unknown, key: string): string[] {
  let inner: unknown = value;
  if (typeof value === "string") {
    try {
      inner = JSON.parse(value);
    } catch {
      throw new Unreadable("bad_shape", `${key} is no JSON list: ${value.slice(0, 60)}`);
    }
  }
  if (Array.isArray(inner) && inner.every((each) => typeof each === "string" || typeof each === "number")) {
    return inner.map(String);
  }
  throw new Unreadable("bad_shape", `${key} is no list of texts`);
}

function decodeSeries(group: Members | undefined): string | undefined {
  if (!group) return undefined;
  const first = Array.isArray(group.series) ? group.series[0] : undefined;
  return isMembers(first) ? optionalText(first, "slug") : optionalText(group, "seriesSlug");
}

/** For recurring markets `eventStartTime` is the window's start; others only have an end, which makes no window. */
function decodeWindow(from: Members, named: Window | undefined): Window | null {
  const startsAt = time(from, "eventStartTime") ?? named?.startsAt;
  const endsAt = named?.endsAt ?? time(from, "endDate");
  return startsAt === undefined || endsAt === undefined || endsAt === null || endsAt <= startsAt
    ? null
    : { startsAt, endsAt };
}

function decodeSettlement(from: Members, slug: string): Settlement {
  const config = isMembers(from.cryptoMarketConfig) ? from.cryptoMarketConfig : undefined;
  const recurring = parseWindowSlug(slug);
  const source = optionalText(from, "resolutionSource") ?? "";
  const coin = (config && optionalText(config, "asset")) ?? recurring?.coin;
  if (config?.twapEnabled === true && coin) {
    return { kind: "chainlink_twap", symbol: `${coin}usd`, seconds: Number(config.twapLookbackSeconds) || 60 };
  }
  const stream = /data\.chain\.link\/streams\/([a-z]+)-usd(?:-twap-(\d+)s)?/.exec(source);
  if (stream?.[2]) return { kind: "chainlink_twap", symbol: `${stream[1]}usd`, seconds: Number(stream[2]) };
  if (stream) return { kind: "chainlink_spot", symbol: `${stream[1]}usd` };
  if (/binance/i.test(source))
    return { kind: "binance_candle", symbol: /([A-Z]+)_?USDT/.exec(source)?.[1]?.toLowerCase() ?? "" };
  return recurring ? settlementOfWindow(recurring) : { kind: "other", source };
}

export function decodeFee(from: unknown): FeeSchedule | null {
  if (!isMembers(from)) return null;
  const rate = Number(from.rate);
  const exponent = Number(from.exponent);
  if (!Number.isFinite(rate) || !Number.isFinite(exponent)) return null;
  const takerOnly = (from.takerOnly ?? from.taker_only) !== false;
  return { rate, exponent, takerOnly, rebateRate: Number(from.rebateRate ?? from.rebate_rate ?? 0) || 0 };
}

function decodeWinner(from: Members, outcomes: readonly Outcome[]): InstrumentId | null {
  if (from.outcomePrices === undefined || from.outcomePrices === null) return null;
  const prices = texts(from.outcomePrices, "outcomePrices").map(Number);
  const won = prices.indexOf(1);
  return won >= 0 && prices.every((price, index) => index === won || price === 0)
    ? (outcomes[won]?.instrument ?? null)
    : null;
}

/** A JSON number or text of dollars; JSON numbers keep 17 digits, more than the venue sends. */
function exactPrice(value: unknown): ExactPrice | null {
  if (value === undefined || value === null || value === "") return null;
  const exact = String(value);
  const price = Math.floor(Number(exact) * ONE);
  return Number.isSafeInteger(price) && price > 0 ? { price: price as PriceMicros, exact } : null;
}

/** Gamma gives tick and minimum size as numbers; the WebSocket as text. */
export function micros(value: unknown, key: string, otherwise: number): number {
  const number = value === undefined || value === null || value === "" ? otherwise : Number(value);
  const rounded = Math.round(number * ONE);
  if (Number.isSafeInteger(rounded) && rounded > 0) return rounded;
  throw new Unreadable("bad_number", `${key} is ${String(value)}, expected a positive number`);
}

/** ISO 8601, or "2026-09-28 17:46:27+00". */
function time(from: Members, key: string): UnixMicros | null {
  const value = optionalText(from, key);
  return value === undefined ? null : (parseTime(value) ?? null);
}
