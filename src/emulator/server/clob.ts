import { type BookSnapshot, formatMicros, type InstrumentId, type Market, ONE, SECOND, type UnixMicros } from "#model";
import { encodeBookAnswer, encodeBookAnswers } from "#venue";
import type { BookAnswer } from "../source.ts";
import { encoded, type HttpAnswer, json, plain } from "./http-answer.ts";

/** What the CLOB's public REST side is answered from. */
export interface ClobSight {
  readonly now: UnixMicros;
  book(instrument: InstrumentId): BookAnswer;
  markets(): Iterable<Market>;
}

const NO_BOOK = json({ error: "No orderbook exists for the requested token id" }, 404);
const NO_MARKET = json({ error: "market not found" }, 404);
/** As the venue answers it for markets with fees; a legacy cap and not the rate. */
const BASE_FEE = 1_000;

/** @param body of a POST; null: no such path. */
export function answerClob(path: string, query: URLSearchParams, body: string, sight: ClobSight): HttpAnswer | null {
  const [, head = "", id = ""] = path.split("/");
  switch (head) {
    case "time":
      return plain(String(Math.floor(sight.now / SECOND)));
    case "ok":
      return plain("OK");
    case "version":
      return json({ version: 2 });
    case "books":
      return answerBooks(body, sight);
    case "markets":
      return id === "" ? null : answerMarket(findMarket(sight, (market) => market.id === id));
    case "clob-markets":
      return answerParameters(findMarket(sight, (market) => market.id === id));
    case "markets-by-token":
      return answerByToken(findMarket(sight, hasToken(id)));
    default:
      return answerForToken(head, query, sight);
  }
}

function answerForToken(head: string, query: URLSearchParams, sight: ClobSight): HttpAnswer | null {
  const token = (query.get("token_id") ?? "") as InstrumentId;
  const answer = sight.book(token);
  const withBook = (respond: (book: BookSnapshot) => HttpAnswer) =>
    answer.kind === "open" ? respond(answer.book) : NO_BOOK;
  switch (head) {
    case "book":
      return withBook((book) => encoded(encodeBookAnswer(book)));
    case "midpoint":
      return withBook((book) => {
        const { bid, ask } = bestOf(book);
        return json({ mid: String((bid + ask) / 2 / ONE) });
      });
    case "price":
      // The venue's BUY is the best bid, not what a buyer pays.
      return withBook((book) => {
        const { bid, ask } = bestOf(book);
        return json({ price: formatMicros(query.get("side")?.toUpperCase() === "SELL" ? ask : bid) });
      });
    case "spread":
      return withBook((book) => {
        const { bid, ask } = bestOf(book);
        return json({ spread: formatMicros(ask - bid) });
      });
    case "last-trade-price":
      return withBook(({ lastTradePrice }) =>
        // Which side took is not kept with a book.
        json({ price: lastTradePrice == null ? "0.5" : formatMicros(lastTradePrice), side: "" }),
      );
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

function answerBooks(body: string, sight: ClobSight): HttpAnswer {
  let wanted: unknown;
  try {
    wanted = JSON.parse(body);
  } catch {
    wanted = undefined;
  }
  if (!Array.isArray(wanted)) return json({ error: "Invalid payload" }, 400);
  const books = wanted.flatMap((one: unknown) => {
    const token = typeof one === "object" && one !== null && "token_id" in one ? String(one.token_id) : "";
    const answer = sight.book(token as InstrumentId);
    return answer.kind === "open" ? [answer.book] : [];
  });
  return encoded(encodeBookAnswers(books));
}

function answerMarket(market: Market | undefined): HttpAnswer {
  if (!market) return NO_MARKET;
  const { winner } = market;
  return json({
    condition_id: market.id,
    question: market.question,
    market_slug: market.slug,
    tokens: market.outcomes.map(({ name, instrument }) => ({
      token_id: instrument,
      outcome: name,
      price: winner === null ? 0.5 : winner === instrument ? 1 : 0,
      winner: winner === instrument,
    })),
    minimum_order_size: market.minOrderSize / ONE,
    minimum_tick_size: market.tickSize / ONE,
    active: market.active,
    closed: market.closed,
    accepting_orders: !market.closed,
    end_date_iso: isoOf(market.window?.endsAt),
    seconds_delay: 0,
    maker_base_fee: market.fee === null ? 0 : BASE_FEE,
    taker_base_fee: market.fee === null ? 0 : BASE_FEE,
    neg_risk: market.negRisk,
  });
}

function answerParameters(market: Market | undefined): HttpAnswer {
  if (!market) return NO_MARKET;
  const { fee } = market;
  return json({
    c: market.id,
    t: market.outcomes.map(({ name, instrument }) => ({ t: instrument, o: name })),
    mts: market.tickSize / ONE,
    mos: market.minOrderSize / ONE,
    r: null,
    ...(fee === null ? {} : { fd: { r: fee.rate, e: fee.exponent, to: fee.takerOnly } }),
    mbf: fee === null ? 0 : BASE_FEE,
    tbf: fee === null ? 0 : BASE_FEE,
    ao: !market.closed,
  });
}

function answerByToken(market: Market | undefined): HttpAnswer {
  if (!market) return NO_MARKET;
  const [first, second] = market.outcomes;
  return json({
    condition_id: market.id,
    primary_token_id: first?.instrument,
    secondary_token_id: second?.instrument,
  });
}

/** An empty side counts as the end of the price range. */
function bestOf(book: BookSnapshot): { bid: number; ask: number } {
  return { bid: book.bids[0]?.price ?? 0, ask: book.asks[0]?.price ?? ONE };
}

function findMarket(sight: ClobSight, isWanted: (market: Market) => boolean): Market | undefined {
  for (const market of sight.markets()) if (isWanted(market)) return market;
  return undefined;
}

function hasToken(token: string): (market: Market) => boolean {
  return ({ outcomes }) => outcomes.some(({ instrument }) => instrument === token);
}

function isoOf(at: UnixMicros | undefined): string | null {
  return at === undefined ? null : new Date(at / 1_000).toISOString();
}
