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
import {
  describe,
  exactPrice,
  faultOf,
  isMembers,
  type Members,
  numberOf,
  optionalText,
  text,
  Unreadable,
} from "./json.ts";
import { namedCoin, parseWindowSlug, seriesSlug, settlementOfWindow } from "./series.ts";

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
  readonly market: unknown;
  readonly group: Members | undefined;
}

/** One item, a list of items, or a page of them; an item is a group with its markets, a market, or a series of groups. */
function marketsIn(answer: unknown): Nested[] {
  if (Array.isArray(answer)) return answer.flatMap(marketsOfItem);
  if (!isMembers(answer) || "conditionId" in answer || "slug" in answer) return marketsOfItem(answer);
  const page = [answer.events, answer.markets, answer.data].find(Array.isArray);
  return page === undefined ? marketsOfItem(answer) : page.flatMap(marketsOfItem);
}

function marketsOfItem(item: unknown): Nested[] {
  if (!isMembers(item)) return [{ market: item, group: undefined }];
  if (Array.isArray(item.markets)) return item.markets.map((market: unknown) => ({ market, group: item }));
  if ("conditionId" in item) return [{ market: item, group: firstGroup(item) }];
  // A series lists its groups, mostly without their markets.
  const groups: unknown[] = Array.isArray(item.events) ? item.events : [];
  return groups.filter(isMembers).flatMap((group) => {
    const markets: unknown[] = Array.isArray(group.markets) ? group.markets : [];
    return markets.map((market) => ({ market, group }));
  });
}

function firstGroup(market: Members): Members | undefined {
  const first = Array.isArray(market.events) ? market.events[0] : undefined;
  return isMembers(first) ? first : undefined;
}

function decodeMarket(from: unknown, group: Members | undefined): Market {
  if (!isMembers(from)) throw new Unreadable("bad_shape", `a market is ${describe(from)}`);
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
    strike: priceIfAny(metadata.priceToBeat),
    finalPrice: priceIfAny(metadata.finalPrice),
    winner: closed || from.umaResolutionStatus === "resolved" ? decodeWinner(from, outcomes) : null,
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

/** By what the object says of itself, else by the series its slug names. */
export function decodeSettlement(from: Members, slug: string): Settlement {
  const config = isMembers(from.cryptoMarketConfig) ? from.cryptoMarketConfig : undefined;
  const recurring = parseWindowSlug(slug);
  const source = optionalText(from, "resolutionSource") ?? "";
  const coin = (config && optionalText(config, "asset")) ?? recurring?.coin;
  if (config?.twapEnabled === true && coin) {
    return { kind: "chainlink_twap", symbol: `${coin}usd`, seconds: numberOf(config.twapLookbackSeconds) || 60 };
  }
  const configId = /^([a-z]+)-\w+-twap-(\d+)$/.exec(optionalText(from, "cryptoMarketConfigId") ?? "");
  if (configId) return { kind: "chainlink_twap", symbol: `${configId[1]}usd`, seconds: Number(configId[2]) };
  const stream = /data\.chain\.link\/streams\/([a-z]+)-usd(?:-twap-(\d+)s)?/.exec(source);
  if (stream?.[2]) return { kind: "chainlink_twap", symbol: `${stream[1]}usd`, seconds: Number(stream[2]) };
  if (stream) return { kind: "chainlink_spot", symbol: `${stream[1]}usd` };
  const pair = /binance\.com\/.*?([A-Z0-9]+)_?USDT/.exec(source);
  if (pair) return { kind: "binance_candle", symbol: `${pair[1]?.toLowerCase()}usdt` };
  // Neither said: by the series' rule at the window's start, if it is one.
  const named = namedCoin(slug);
  if (named !== undefined) return { kind: "binance_candle", symbol: `${named}usdt` };
  return recurring ? settlementOfWindow(recurring) : { kind: "other", source };
}

export function decodeFee(from: unknown): FeeSchedule | null {
  if (!isMembers(from)) return null;
  const rate = numberOf(from.rate);
  const exponent = numberOf(from.exponent);
  if (!Number.isFinite(rate) || !Number.isFinite(exponent)) return null;
  const takerOnly = (from.takerOnly ?? from.taker_only) !== false;
  return { rate, exponent, takerOnly, rebateRate: numberOf(from.rebateRate ?? from.rebate_rate) || 0 };
}

function decodeWinner(from: Members, outcomes: readonly Outcome[]): InstrumentId | null {
  if (from.outcomePrices === undefined || from.outcomePrices === null) return null;
  const prices = texts(from.outcomePrices, "outcomePrices").map(Number);
  const won = prices.indexOf(1);
  return won >= 0 && prices.every((price, index) => index === won || price === 0)
    ? (outcomes[won]?.instrument ?? null)
    : null;
}

/** Known late, and null until then. What is no price is not known: the market's books are worth recording all the same. */
function priceIfAny(value: unknown): ExactPrice | null {
  try {
    return exactPrice(value, "price");
  } catch {
    return null;
  }
}

/** Gamma gives tick and minimum size as numbers; the WebSocket as text. */
export function micros(value: unknown, key: string, otherwise: number): number {
  const number = value === undefined || value === null || value === "" ? otherwise : numberOf(value);
  const rounded = Math.round(number * ONE);
  if (Number.isSafeInteger(rounded) && rounded > 0) return rounded;
  throw new Unreadable("bad_number", `${key} is ${describe(value)}, expected a positive number`);
}

/** ISO 8601, or "2026-09-28 17:46:27+00". */
function time(from: Members, key: string): UnixMicros | null {
  const value = optionalText(from, key);
  return value === undefined ? null : (parseTime(value) ?? null);
}
