import {
  type ExactPrice,
  formatTime,
  type InstrumentId,
  type Market,
  ONE,
  type PriceMicros,
  type UnixMicros,
} from "#model";
import { type Json, utf8 } from "./encode-text.ts";

/*
 * Gamma answers as a server writes them: compact JSON, lists of outcomes as JSON inside a string (with a space after the
 * comma there), numbers for tick and minimum size. A market's strike and final price stand in its group's eventMetadata.
 */

/** The venue's "event" with its markets. */
export interface GammaGroup {
  readonly slug: string;
  readonly title: string;
  readonly seriesSlug: string | null;
  readonly markets: readonly Market[];
  /** True: the answer leaves them out. */
  readonly withoutMarkets?: boolean;
}

/** The prices of an instrument's book at the moment; undefined where it has none. */
export type GammaQuotes = (
  instrument: InstrumentId,
) =>
  | { readonly bid: PriceMicros | null; readonly ask: PriceMicros | null; readonly lastTrade: PriceMicros | null }
  | undefined;

const NO_QUOTES: GammaQuotes = () => undefined;

/** Body of `/events/slug/…`. */
export function encodeGammaGroup(group: GammaGroup, quotes = NO_QUOTES): Uint8Array {
  return compact(groupMembers(group, quotes));
}

/** Body of `/events?…`. */
export function encodeGammaGroups(groups: readonly GammaGroup[], quotes = NO_QUOTES): Uint8Array {
  return compact(groups.map((group) => groupMembers(group, quotes)));
}

/** Body of `/events/keyset?…`; the last page has no cursor. */
export function encodeGammaGroupsPage(
  groups: readonly GammaGroup[],
  nextCursor: string | null,
  quotes = NO_QUOTES,
): Uint8Array {
  const events = groups.map((group) => groupMembers(group, quotes));
  return compact({ events, next_cursor: nextCursor ?? undefined });
}

/** Body of `/public-search?q=…`: groups alone are searched. */
export function encodeGammaSearch(groups: readonly GammaGroup[], total: number, quotes = NO_QUOTES): Uint8Array {
  const events = groups.map((group) => groupMembers(group, quotes));
  return compact({
    events,
    tags: [],
    profiles: [],
    pagination: { hasMore: total > groups.length, totalResults: total },
  });
}

/** Body of `/markets/slug/…`. */
export function encodeGammaMarket(market: Market, quotes = NO_QUOTES): Uint8Array {
  return compact(marketWithGroup(market, quotes));
}

/** Body of `/markets?…`. */
export function encodeGammaMarkets(markets: readonly Market[], quotes = NO_QUOTES): Uint8Array {
  return compact(markets.map((market) => marketWithGroup(market, quotes)));
}

/** Body of `/markets/keyset?…`; the last page has no cursor. */
export function encodeGammaMarketsPage(
  markets: readonly Market[],
  nextCursor: string | null,
  quotes = NO_QUOTES,
): Uint8Array {
  const page = markets.map((market) => marketWithGroup(market, quotes));
  return compact({ markets: page, next_cursor: nextCursor ?? undefined });
}

/** A number in text as Gamma's ids are, made of a name: always the same for the same one. FNV-1a of 32 bits. */
export function gammaId(name: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index++) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193) >>> 0;
  }
  return String(hash);
}

/** A recurring series with its groups, which here come without their markets. */
export interface GammaSeries {
  readonly slug: string;
  readonly title: string;
  readonly groups: readonly GammaGroup[];
}

/** Body of `/series?…`. */
export function encodeGammaSeries(series: readonly GammaSeries[]): Uint8Array {
  return compact(series.map(oneSeries));
}

/** Body of `/series/{id}`. */
export function encodeGammaOneSeries(series: GammaSeries): Uint8Array {
  return compact(oneSeries(series));
}

function oneSeries({ slug, title, groups }: GammaSeries): Json {
  return {
    id: gammaId(slug),
    ticker: slug,
    slug,
    title,
    seriesType: "single",
    active: true,
    closed: false,
    events: groups.map(groupHead),
  };
}

function groupMembers(group: GammaGroup, quotes: GammaQuotes): Json {
  if (group.withoutMarkets === true) return groupHead(group);
  return { ...groupHead(group), markets: group.markets.map((market) => marketMembers(market, quotes)) };
}

function groupHead({ slug, title, seriesSlug, markets }: GammaGroup) {
  const first = markets[0];
  return {
    id: gammaId(slug),
    ticker: slug,
    slug,
    title,
    startTime: timeText(first?.window?.startsAt),
    endDate: timeText(first?.window?.endsAt),
    active: markets.some((market) => market.active),
    closed: markets.every((market) => market.closed),
    ...seriesMembers(seriesSlug),
    eventMetadata: first && metadata(first),
  };
}

function seriesMembers(seriesSlug: string | null) {
  return seriesSlug === null
    ? {}
    : { seriesSlug, series: [{ id: gammaId(seriesSlug), ticker: seriesSlug, slug: seriesSlug }] };
}

function metadata({ strike, finalPrice }: Market): Json {
  if (strike === null && finalPrice === null) return undefined;
  return { priceToBeat: exactNumber(strike), finalPrice: exactNumber(finalPrice) };
}

// A JSON number holds all digits a venue price has (at most 17).
function exactNumber(price: ExactPrice | null): number | undefined {
  return price === null ? undefined : Number(price.exact);
}

function marketWithGroup(market: Market, quotes: GammaQuotes): Json {
  if (market.groupSlug === null) return marketMembers(market, quotes);
  const group = {
    id: gammaId(market.groupSlug),
    ticker: market.groupSlug,
    slug: market.groupSlug,
    ...seriesMembers(market.seriesSlug),
    eventMetadata: metadata(market),
  };
  return { ...marketMembers(market, quotes), events: [group] };
}

function marketMembers(market: Market, quotes: GammaQuotes) {
  return {
    id: gammaId(market.id),
    question: market.question,
    conditionId: market.id,
    slug: market.slug,
    eventStartTime: timeText(market.window?.startsAt),
    endDate: timeText(market.window?.endsAt),
    outcomes: listText(market.outcomes.map((outcome) => outcome.name)),
    outcomePrices: listText(market.outcomes.map((outcome) => outcomePrice(market, outcome.instrument, quotes))),
    ...quoteMembers(market, quotes),
    clobTokenIds: listText(market.outcomes.map((outcome) => outcome.instrument)),
    active: market.active,
    closed: market.closed,
    closedTime: market.closedAt === null ? undefined : closedTimeText(market.closedAt),
    umaResolutionStatus: market.winner === null ? undefined : "resolved",
    automaticallyResolved: market.winner === null ? undefined : true,
    // The SDK of 2026 refuses a market without one.
    marketMakerAddress: "",
    enableOrderBook: true,
    acceptingOrders: !market.closed,
    orderMinSize: market.minOrderSize / ONE,
    orderPriceMinTickSize: market.tickSize / ONE,
    negRisk: market.negRisk,
    feesEnabled: market.fee !== null,
    feeSchedule: market.fee === null ? undefined : { ...market.fee },
    version: market.protocol,
    ...settlementMembers(market),
  };
}

/** The winner at 1; an open market at the mid of its books, or at one half where nobody quotes. */
function outcomePrice(market: Market, instrument: InstrumentId, quotes: GammaQuotes): string {
  if (market.winner !== null) return market.winner === instrument ? "1" : "0";
  const quote = quotes(instrument);
  if (!quote) return "0.5";
  return String(((quote.bid ?? 0) + (quote.ask ?? ONE)) / 2 / ONE);
}

/** Of the first outcome, as Gamma has it; absent where nobody quotes. */
function quoteMembers({ outcomes, winner }: Market, quotes: GammaQuotes): { readonly [key: string]: Json } {
  const quote = outcomes[0] && winner === null ? quotes(outcomes[0].instrument) : undefined;
  if (!quote) return {};
  const { bid, ask, lastTrade } = quote;
  return {
    bestBid: bid === null ? undefined : bid / ONE,
    bestAsk: ask === null ? undefined : ask / ONE,
    spread: bid === null || ask === null ? undefined : (ask - bid) / ONE,
    lastTradePrice: lastTrade === null ? undefined : lastTrade / ONE,
  };
}

function settlementMembers({ settlement, slug }: Market): { readonly [key: string]: Json } {
  switch (settlement.kind) {
    case "chainlink_twap": {
      const asset = coinOf(settlement.symbol);
      const duration = /-updown-(\w+)-/.exec(slug)?.[1] ?? "";
      const id = `${asset}-${duration}-twap-${settlement.seconds}`;
      return {
        cryptoMarketConfigId: id,
        cryptoMarketConfig: { id, asset, duration, twapEnabled: true, twapLookbackSeconds: settlement.seconds },
        resolutionSource: `https://data.chain.link/streams/${asset}-usd-twap-${settlement.seconds}s-streams`,
      };
    }
    case "chainlink_spot":
      return { resolutionSource: `https://data.chain.link/streams/${coinOf(settlement.symbol)}-usd` };
    case "binance_candle":
      return {
        resolutionSource: `https://www.binance.com/en/trade/${settlement.symbol.toUpperCase().replace(/USDT$/, "_USDT")}`,
      };
    case "other":
      return { resolutionSource: settlement.source };
  }
}

function coinOf(symbol: string): string {
  return symbol.replace(/usd$/, "");
}

/** `["Up", "Down"]` as a string: the venue puts a space after the comma in there. */
function listText(values: readonly string[]): string {
  return `[${values.map((value) => JSON.stringify(value)).join(", ")}]`;
}

/** ISO 8601 in whole seconds: 2026-09-28T17:30:00Z. */
function timeText(at: UnixMicros | undefined): string | undefined {
  return at === undefined ? undefined : `${formatTime(at).slice(0, 19)}Z`;
}

/** The one time of another form: 2026-09-28 17:46:27+00. */
function closedTimeText(at: UnixMicros): string {
  return `${formatTime(at).slice(0, 19).replace("T", " ")}+00`;
}

function compact(value: Json): Uint8Array {
  return utf8(JSON.stringify(value));
}
