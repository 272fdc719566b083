import {
  type BookSnapshot,
  formatMicros,
  type InstrumentId,
  type Market,
  ONE,
  SECOND,
  type Trade,
  type UnixMicros,
} from "#model";
import { encodeBookAnswer, encodeBookAnswers } from "#venue";
import type { BookAnswer, MarketHistory } from "../source.ts";
import {
  answerActivity,
  answerByToken,
  answerMarket,
  answerMarkets,
  answerParameters,
  BASE_FEE,
  bestOf,
  NO_MARKET,
} from "./clob-markets.ts";
import { encoded, type HttpAnswer, json, plain } from "./http-answer.ts";
import type { VenueRequest } from "./parts.ts";
import { answerPricesHistory } from "./prices-history.ts";

/** What the CLOB's public REST side is answered from. */
export interface ClobSight {
  readonly now: UnixMicros;
  book(instrument: InstrumentId): BookAnswer;
  markets(): Iterable<Market>;
  /** Of whichever token; undefined: none. */
  lastTrade(market: Market): Promise<Trade | undefined>;
  history(market: Market): Promise<MarketHistory>;
}

const NO_BOOK = json({ error: "No orderbook exists for the requested token id" }, 404);
const INVALID = json({ error: "Invalid payload" }, 400);

/** The side of a price question: the venue's BUY is the best bid, not what a buyer pays. */
type Side = "BUY" | "SELL";
interface Asked {
  readonly token: InstrumentId;
  readonly side: Side | null;
}

/** null: no such path. */
export async function answerClob(request: VenueRequest, sight: ClobSight): Promise<HttpAnswer | null> {
  const { path, query } = request;
  const [, head = "", id = "", last = ""] = path.split("/");
  switch (head) {
    case "":
    case "ok":
      return plain("OK");
    case "time":
      return plain(String(Math.floor(sight.now / SECOND)));
    case "version":
      return json({ version: 2 });
    case "markets":
      if (id === "live-activity") return answerLiveActivity(last, sight);
      if (id !== "")
        return answerMarket(
          findMarket(sight, (market) => market.id === id),
          sight.book,
        );
      return answerMarkets([...sight.markets()], query.get("next_cursor"), sight.book, false);
    case "sampling-markets":
      return answerMarkets(open(sight), query.get("next_cursor"), sight.book, false);
    case "simplified-markets":
      return answerMarkets([...sight.markets()], query.get("next_cursor"), sight.book, true);
    case "sampling-simplified-markets":
      return answerMarkets(open(sight), query.get("next_cursor"), sight.book, true);
    case "clob-markets":
      return answerParameters(findMarket(sight, (market) => market.id === id));
    case "markets-by-token":
      return answerByToken(findMarket(sight, hasToken(id)));
    case "prices-history":
      return answerHistory(query, sight);
    default:
      return id === "" ? (answerForTokens(head, request, sight) ?? answerForToken(head, query, sight)) : null;
  }
}

/** The questions about one token. */
function answerForToken(
  head: string,
  query: URLSearchParams,
  sight: ClobSight,
): HttpAnswer | null | Promise<HttpAnswer> {
  const token = (query.get("token_id") ?? "") as InstrumentId;
  const answer = sight.book(token);
  const withBook = (respond: (book: BookSnapshot) => HttpAnswer) =>
    answer.kind === "open" ? respond(answer.book) : NO_BOOK;
  switch (head) {
    case "book":
      return withBook((book) => encoded(encodeBookAnswer(book)));
    case "midpoint":
      return withBook(() => json({ mid: midText(answer) }));
    case "price":
      return withBook(() => json({ price: priceText(answer, sideOf(query.get("side")) ?? "BUY") }));
    case "spread":
      return withBook(() => json({ spread: spreadText(answer) }));
    case "last-trade-price":
      return answer.kind === "open" ? lastTrade(answer.book, sight).then((found) => json(found)) : NO_BOOK;
    case "tick-size":
      return withBook((book) => json({ minimum_tick_size: (book.tickSize ?? 10_000) / ONE }));
    case "neg-risk":
      return withBook((book) => json({ neg_risk: book.negRisk ?? false }));
    case "fee-rate": {
      const market = findMarket(sight, hasToken(token));
      return market ? json({ base_fee: market.fee === null ? 0 : BASE_FEE }) : NO_MARKET;
    }
    default:
      return null;
  }
}

/** The same about many: a list in the body, an answer for each token that has a book. */
function answerForTokens(
  head: string,
  { method, body }: VenueRequest,
  sight: ClobSight,
): HttpAnswer | null | Promise<HttpAnswer> {
  const respond = Object.hasOwn(BATCHES, head) ? BATCHES[head] : undefined;
  if (!respond) return null;
  const asked = method === "POST" || body !== "" ? askedIn(body) : null;
  return asked === null ? INVALID : respond(asked, sight);
}

type Batch = (asked: readonly Asked[], sight: ClobSight) => HttpAnswer | Promise<HttpAnswer>;

const BATCHES: Readonly<Record<string, Batch>> = {
  books: (asked, sight) => encoded(encodeBookAnswers(booksOf(asked, sight).map(({ book }) => book))),
  midpoints: byToken((answer) => midText(answer)),
  spreads: byToken((answer) => spreadText(answer)),
  prices(asked, sight) {
    const prices = new Map<InstrumentId, Partial<Record<Side, string>>>();
    for (const { token, side } of booksOf(asked, sight)) {
      const sides: readonly Side[] = side === null ? ["BUY", "SELL"] : [side];
      const given = sides.map((each) => [each, priceText(sight.book(token), each)] as const);
      prices.set(token, { ...prices.get(token), ...Object.fromEntries(given) });
    }
    return json(Object.fromEntries(prices));
  },
  "last-trades-prices": lastTrades,
  // As some clients spell it.
  "last-trade-prices": lastTrades,
};

function byToken(text: (answer: BookAnswer) => string) {
  return (asked: readonly Asked[], sight: ClobSight): HttpAnswer =>
    json(Object.fromEntries(booksOf(asked, sight).map(({ token }) => [token, text(sight.book(token))])));
}

async function lastTrades(asked: readonly Asked[], sight: ClobSight): Promise<HttpAnswer> {
  const found = booksOf(asked, sight).map(async ({ token, book }) => ({
    token_id: token,
    ...(await lastTrade(book, sight)),
  }));
  return json(await Promise.all(found));
}

function booksOf(asked: readonly Asked[], sight: ClobSight): (Asked & { readonly book: BookSnapshot })[] {
  return asked.flatMap((one) => {
    const answer = sight.book(one.token);
    return answer.kind === "open" ? [{ ...one, book: answer.book }] : [];
  });
}

/** `[{"token_id": "…", "side": "BUY"}, …]`; null where it is no such list. */
function askedIn(body: string): Asked[] | null {
  try {
    const list: unknown = JSON.parse(body);
    if (!Array.isArray(list)) return null;
    return list.flatMap((one: unknown) =>
      typeof one === "object" && one !== null && "token_id" in one
        ? [{ token: String(one.token_id) as InstrumentId, side: "side" in one ? sideOf(String(one.side)) : null }]
        : [],
    );
  } catch {
    return null;
  }
}

async function answerLiveActivity(condition: string, sight: ClobSight): Promise<HttpAnswer> {
  const market = findMarket(sight, ({ id }) => id === condition);
  return market ? answerActivity(market, (await sight.history(market)).trades) : json([]);
}

async function answerHistory(query: URLSearchParams, sight: ClobSight): Promise<HttpAnswer> {
  const market = findMarket(sight, hasToken(query.get("market") ?? ""));
  const history = market ? await sight.history(market) : { trades: [], mids: new Map() };
  return answerPricesHistory(query, history, sight.now);
}

/**
 * The price as books have it, the market's. Books do not hold who took: that comes of the trade, and where it was never
 * recorded it is BUY, because the official client refuses an answer without a side.
 */
async function lastTrade({ market: id, lastTradePrice }: BookSnapshot, sight: ClobSight) {
  if (lastTradePrice == null) return { price: "0.5", side: "" };
  const market = findMarket(sight, (one) => one.id === id);
  const trade = market && (await sight.lastTrade(market));
  const side = trade?.price === lastTradePrice && trade.takerSide === "sell" ? "SELL" : "BUY";
  return { price: formatMicros(lastTradePrice), side };
}

function midText(answer: BookAnswer): string {
  const { bid, ask } = bestOf(answer) ?? { bid: 0, ask: ONE };
  return String((bid + ask) / 2 / ONE);
}

function priceText(answer: BookAnswer, side: Side): string {
  const { bid, ask } = bestOf(answer) ?? { bid: 0, ask: ONE };
  return formatMicros(side === "SELL" ? ask : bid);
}

function spreadText(answer: BookAnswer): string {
  const { bid, ask } = bestOf(answer) ?? { bid: 0, ask: ONE };
  return formatMicros(ask - bid);
}

function sideOf(text: string | null): Side | null {
  const side = text?.toUpperCase();
  return side === "BUY" || side === "SELL" ? side : null;
}

function open(sight: ClobSight): Market[] {
  return [...sight.markets()].filter(({ closed }) => !closed);
}

function findMarket(sight: ClobSight, isWanted: (market: Market) => boolean): Market | undefined {
  for (const market of sight.markets()) if (isWanted(market)) return market;
  return undefined;
}

function hasToken(token: string): (market: Market) => boolean {
  return ({ outcomes }) => outcomes.some(({ instrument }) => instrument === token);
}
