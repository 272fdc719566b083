import { createHash } from "node:crypto";
import { type InstrumentId, type Market, ONE, type Trade, type UnixMicros } from "#model";
import type { BookAnswer } from "../source.ts";
import { type HttpAnswer, json } from "./http-answer.ts";

/*
 * Markets as the CLOB spells them: long snake_case objects in pages whose cursor is base64 of an offset ("MA==" is 0, "LTE="
 * is -1, the end), short parameters by condition, tokens of a condition. Source: clob-client-v2 types, §6.1.
 */

export const NO_MARKET = json({ error: "market not found" }, 404);
/** As the venue answers it for markets with fees; a legacy cap and not the rate. */
export const BASE_FEE = 1_000;
const PAGE = 500;
const END = "LTE=";

/** An empty side counts as the end of the price range. */
export function bestOf(answer: BookAnswer): { readonly bid: number; readonly ask: number } | null {
  if (answer.kind !== "open") return null;
  return { bid: answer.book.bids[0]?.price ?? 0, ask: answer.book.asks[0]?.price ?? ONE };
}

type BookOf = (instrument: InstrumentId) => BookAnswer;

export function answerMarket(market: Market | undefined, book: BookOf): HttpAnswer {
  return market ? json(longMarket(market, book)) : NO_MARKET;
}

/** A page of `/markets` or `/sampling-markets`; of the simplified ones where `simple`. */
export function answerMarkets(
  markets: readonly Market[],
  cursor: string | null,
  book: BookOf,
  simple: boolean,
): HttpAnswer {
  const from = offsetOf(cursor);
  if (from === null) return json({ error: "invalid next_cursor" }, 400);
  const page = markets.slice(from, from + PAGE);
  const isLast = from + PAGE >= markets.length;
  return json({
    limit: PAGE,
    count: page.length,
    next_cursor: isLast ? END : Buffer.from(String(from + PAGE)).toString("base64"),
    data: page.map((market) => (simple ? shortMarket(market, book) : longMarket(market, book))),
  });
}

function offsetOf(cursor: string | null): number | null {
  if (cursor === null || cursor === "") return 0;
  if (cursor === END) return Number.MAX_SAFE_INTEGER;
  const offset = Number(Buffer.from(cursor, "base64").toString());
  return Number.isSafeInteger(offset) && offset >= 0 ? offset : null;
}

function longMarket(market: Market, book: BookOf) {
  return {
    enable_order_book: true,
    active: market.active,
    closed: market.closed,
    archived: false,
    accepting_orders: !market.closed,
    minimum_order_size: market.minOrderSize / ONE,
    minimum_tick_size: market.tickSize / ONE,
    condition_id: market.id,
    question_id: questionOf(market),
    question: market.question,
    description: "",
    market_slug: market.slug,
    end_date_iso: isoOf(market.window?.endsAt),
    game_start_time: isoOf(market.window?.startsAt),
    seconds_delay: 0,
    maker_base_fee: market.fee === null ? 0 : BASE_FEE,
    taker_base_fee: market.fee === null ? 0 : BASE_FEE,
    notifications_enabled: false,
    neg_risk: market.negRisk,
    neg_risk_market_id: "",
    neg_risk_request_id: "",
    icon: "",
    image: "",
    rewards: NO_REWARDS,
    is_50_50_outcome: false,
    tokens: tokensOf(market, book),
    tags: ["All"],
  };
}

function shortMarket(market: Market, book: BookOf) {
  return {
    condition_id: market.id,
    rewards: NO_REWARDS,
    tokens: tokensOf(market, book),
    active: market.active,
    closed: market.closed,
    archived: false,
    accepting_orders: !market.closed,
  };
}

const NO_REWARDS = { rates: null, min_size: 0, max_spread: 0 };

/** An open market's price is its mid; one that nobody quotes stands at a half. */
function tokensOf({ outcomes, winner }: Market, book: BookOf) {
  return outcomes.map(({ name, instrument }) => {
    const best = winner === null ? bestOf(book(instrument)) : null;
    const open = best === null ? 0.5 : (best.bid + best.ask) / 2 / ONE;
    return {
      token_id: instrument,
      outcome: name,
      price: winner === null ? open : winner === instrument ? 1 : 0,
      winner: winner === instrument,
    };
  });
}

export function answerParameters(market: Market | undefined): HttpAnswer {
  if (!market) return NO_MARKET;
  const { fee } = market;
  return json({
    c: market.id,
    t: market.outcomes.map(({ name, instrument }) => ({ t: instrument, o: name })),
    mts: market.tickSize / ONE,
    mos: market.minOrderSize / ONE,
    nr: market.negRisk,
    r: null,
    ...(fee === null ? {} : { fd: { r: fee.rate, e: fee.exponent, to: fee.takerOnly } }),
    mbf: fee === null ? 0 : BASE_FEE,
    tbf: fee === null ? 0 : BASE_FEE,
    ao: !market.closed,
  });
}

export function answerByToken(market: Market | undefined): HttpAnswer {
  if (!market) return NO_MARKET;
  const [first, second] = market.outcomes;
  return json({
    condition_id: market.id,
    primary_token_id: first?.instrument,
    secondary_token_id: second?.instrument,
  });
}

/** `/markets/live-activity/{condition}`: the last trades, newest first. Who traded is in no recording. */
export function answerActivity(market: Market, trades: readonly Trade[]): HttpAnswer {
  return json(
    trades
      .slice(-100)
      .reverse()
      .map((trade) => {
        const index = market.outcomes.findIndex(({ instrument }) => instrument === trade.instrument);
        return {
          event_type: "trade",
          market: {
            condition_id: market.id,
            asset_id: trade.instrument,
            question: market.question,
            icon: "",
            slug: market.slug,
          },
          user: {
            address: NOBODY,
            username: "",
            profile_picture: "",
            optimized_profile_picture: "",
            pseudonym: "",
          },
          side: trade.takerSide === "sell" ? "SELL" : "BUY",
          size: String((trade.size ?? 0) / ONE),
          fee_rate_bps: "0",
          price: String(trade.price / ONE),
          outcome: market.outcomes[index]?.name ?? "",
          outcome_index: index,
          transaction_hash: trade.transaction ?? "",
          timestamp: String(Math.floor(trade.sentAt / ONE)),
        };
      }),
  );
}

/** Where the venue names an account, and a recording cannot. */
export const NOBODY = `0x${"0".repeat(40)}`;

/** An id of its own, that is no other market's. */
function questionOf({ id }: Market): string {
  return `0x${createHash("sha256").update(id).digest("hex")}`;
}

function isoOf(at: UnixMicros | undefined): string | null {
  return at === undefined ? null : new Date(at / 1_000).toISOString();
}
