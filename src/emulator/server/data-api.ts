import { type Market, ONE, SECOND, type Trade } from "#model";
import type { MarketHistory } from "../source.ts";
import { NOBODY } from "./clob-markets.ts";
import { type HttpAnswer, json } from "./http-answer.ts";
import type { VenueRequest } from "./parts.ts";

/*
 * The data API's public trades, newest first: v2 by `condition`, snake_case, in pages with a cursor; v1 by `market`,
 * camelCase, by offset. Recorded frames name no accounts, so each trade is nobody's.
 */

export interface DataSight {
  markets(): Iterable<Market>;
  history(market: Market): Promise<MarketHistory>;
}

/** The venue's cap on conditions in one question. */
const MOST_CONDITIONS = 20;
const DEFAULT_LIMIT = 100;

interface Dealt {
  readonly market: Market;
  readonly trade: Trade;
}

/** null: no such path. */
export async function answerDataApi({ path, query }: VenueRequest, sight: DataSight): Promise<HttpAnswer | null> {
  if (path === "/" || path === "/ok") return json({ data: "OK" });
  if (path === "/v2/trades") return answerV2(query, await tradesOf(query, "condition", sight));
  if (path === "/trades") return answerV1(query, await tradesOf(query, "market", sight));
  return null;
}

function answerV2(query: URLSearchParams, trades: readonly Dealt[]): HttpAnswer {
  const limit = wholeOf(query, "limit", DEFAULT_LIMIT, 1_000);
  const offset = Number(Buffer.from(query.get("cursor") ?? "", "base64url").toString() || 0);
  if (!Number.isSafeInteger(offset) || offset < 0) return json({ error: "invalid cursor" }, 400);
  const hasMore = offset + limit < trades.length;
  const data = trades.slice(offset, offset + limit).map((dealt) => {
    const { proxyWallet, conditionId, eventSlug, outcomeIndex, transactionHash, asset, ...rest } = plain(dealt);
    return {
      proxy_wallet: proxyWallet,
      token_id: asset,
      condition_id: conditionId,
      event_slug: eventSlug,
      outcome_index: outcomeIndex,
      transaction_hash: transactionHash,
      ...rest,
    };
  });
  const next_cursor = hasMore ? Buffer.from(String(offset + limit)).toString("base64url") : null;
  return json({ data, pagination: { limit, offset, has_more: hasMore, next_cursor } });
}

function answerV1(query: URLSearchParams, trades: readonly Dealt[]): HttpAnswer {
  const limit = wholeOf(query, "limit", DEFAULT_LIMIT, 10_000);
  const offset = wholeOf(query, "offset", 0, 10_000);
  return json(trades.slice(offset, offset + limit).map(plain));
}

async function tradesOf(query: URLSearchParams, selector: string, sight: DataSight): Promise<Dealt[]> {
  const wanted = new Set(query.getAll(selector).flatMap((value) => value.split(",")));
  const markets = [...sight.markets()].filter(({ id, closed }) => (wanted.size === 0 ? !closed : wanted.has(id)));
  const found: Dealt[] = [];
  for (const market of markets.slice(0, MOST_CONDITIONS)) {
    const { trades } = await sight.history(market);
    found.push(...trades.map((trade) => ({ market, trade })));
  }
  const [side, start, end] = [query.get("side")?.toUpperCase(), query.get("start"), query.get("end")];
  return found
    .filter(
      ({ trade }) =>
        (side === undefined || sideOf(trade) === side) &&
        (start === null || trade.sentAt >= Number(start) * SECOND) &&
        (end === null || trade.sentAt <= Number(end) * SECOND),
    )
    .sort((a, b) => b.trade.sentAt - a.trade.sentAt);
}

function plain({ market, trade }: Dealt) {
  const outcomeIndex = market.outcomes.findIndex(({ instrument }) => instrument === trade.instrument);
  return {
    proxyWallet: NOBODY,
    side: sideOf(trade),
    asset: trade.instrument as string,
    conditionId: market.id as string,
    size: (trade.size ?? 0) / ONE,
    price: trade.price / ONE,
    timestamp: Math.floor(trade.sentAt / SECOND),
    title: market.question,
    slug: market.slug,
    icon: "",
    eventSlug: market.groupSlug ?? market.slug,
    outcome: market.outcomes[outcomeIndex]?.name ?? "",
    outcomeIndex,
    name: "",
    pseudonym: "",
    bio: "",
    profileImage: "",
    profileImageOptimized: "",
    transactionHash: trade.transaction ?? "",
  };
}

function sideOf({ takerSide }: Trade): "BUY" | "SELL" {
  return takerSide === "sell" ? "SELL" : "BUY";
}

function wholeOf(query: URLSearchParams, name: string, otherwise: number, most: number): number {
  const value = Number(query.get(name) ?? otherwise);
  return Number.isSafeInteger(value) && value >= 0 ? Math.min(value, most) : otherwise;
}
