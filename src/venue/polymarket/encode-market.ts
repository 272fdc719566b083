import {
  type BestPrices,
  formatMicros,
  type InstrumentId,
  type LevelChange,
  type MarketCreated,
  type MarketResolved,
  type PriceChange,
  type PriceMicros,
  type TickSizeChange,
  type Trade,
} from "#model";
import { type Json, millisText, priceText, spacedJson, utf8 } from "./encode-text.ts";

/*
 * Updates of the market channel: one object a frame, a space after each comma, no newline. Key orders of price_change and
 * new_market are recorded (85 and 48 frames of 2026-04), the others are those of the docs' examples.
 */

/**
 * Key order: market, price_changes, timestamp, event_type; in a change asset_id, price, size, side, hash, best_bid,
 * best_ask. An empty side is written as the docs' example has it: "0" for no bid, "1" for no ask.
 */
export function encodePriceChange(event: PriceChange): Uint8Array {
  let changes = "";
  for (const change of event.changes) changes += (changes === "" ? "" : ", ") + changeText(change);
  return utf8(
    `{"market":"${event.market}", "price_changes":[${changes}], "timestamp":"${millisText(event.sentAt)}", ` +
      `"event_type":"price_change"}`,
  );
}

function changeText(change: LevelChange): string {
  const { bestBid, bestAsk } = change;
  return (
    `{"asset_id":"${change.instrument}", "price":"${priceText(change.price)}", "size":"${formatMicros(change.size)}", ` +
    `"side":"${change.side === "bid" ? "BUY" : "SELL"}", "hash":"${change.digest}"` +
    (bestBid === undefined ? "" : `, "best_bid":"${bestBid === null ? "0" : priceText(bestBid)}"`) +
    (bestAsk === undefined ? "}" : `, "best_ask":"${bestAsk === null ? "1" : priceText(bestAsk)}"}`)
  );
}

/** `last_trade_price`. The price is in its shortest form here, unlike in books. The fee is no part of our Trade. */
export function encodeTrade(event: Trade, feeRateBps = "0"): Uint8Array {
  return spaced({
    event_type: "last_trade_price",
    asset_id: event.instrument,
    market: event.market,
    price: priceText(event.price),
    size: event.size === null ? "" : formatMicros(event.size),
    fee_rate_bps: feeRateBps,
    side: event.takerSide === null ? "" : event.takerSide === "buy" ? "BUY" : "SELL",
    timestamp: millisText(event.sentAt),
    transaction_hash: event.transaction ?? undefined,
  });
}

export function encodeTickSizeChange(event: TickSizeChange): Uint8Array {
  return spaced({
    event_type: "tick_size_change",
    asset_id: event.instrument,
    market: event.market,
    old_tick_size: event.previous === null ? "" : formatMicros(event.previous),
    new_tick_size: formatMicros(event.tickSize),
    timestamp: millisText(event.sentAt),
  });
}

/** `best_bid_ask`, a custom feature. */
export function encodeBestPrices(event: BestPrices): Uint8Array {
  const { bestBid, bestAsk } = event;
  const spread = bestBid === null || bestAsk === null ? "" : formatMicros(bestAsk - bestBid);
  return spaced({
    event_type: "best_bid_ask",
    market: event.market,
    asset_id: event.instrument,
    best_bid: textOrEmpty(bestBid),
    best_ask: textOrEmpty(bestAsk),
    spread,
    timestamp: millisText(event.sentAt),
  });
}

/** What `new_market` carries beyond our Market. */
export interface AnnouncementText {
  readonly marketNumber?: string;
  readonly groupNumber?: string;
  readonly description?: string;
}

/** `new_market`, a custom feature. The fee schedule's values are text here and numbers on Gamma. */
export function encodeNewMarket(event: MarketCreated, more: AnnouncementText = {}): Uint8Array {
  const { market } = event;
  const instruments = market.outcomes.map((outcome) => outcome.instrument);
  const description = more.description ?? "";
  const group = market.groupSlug;
  return spaced({
    id: more.marketNumber ?? "",
    question: market.question,
    market: market.id,
    slug: market.slug,
    description,
    assets_ids: instruments,
    outcomes: market.outcomes.map((outcome) => outcome.name),
    event_message:
      group === null
        ? undefined
        : { id: more.groupNumber ?? "", ticker: group, slug: group, title: market.question, description },
    timestamp: millisText(event.sentAt),
    event_type: "new_market",
    tags: [],
    condition_id: market.id,
    active: market.active,
    clob_token_ids: instruments,
    sports_market_type: "",
    line: "",
    game_start_time: "",
    order_price_min_tick_size: formatMicros(market.tickSize),
    group_item_title: "",
    taker_base_fee: market.fee === null ? "0" : "1000",
    fees_enabled: market.fee !== null,
    fee_schedule:
      market.fee === null
        ? undefined
        : {
            exponent: String(market.fee.exponent),
            rate: String(market.fee.rate),
            taker_only: market.fee.takerOnly,
            rebate_rate: String(market.fee.rebateRate),
          },
  });
}

/** `market_resolved`, a custom feature. `instruments` are the market's, in the order of its outcomes. */
export function encodeMarketResolved(
  event: MarketResolved,
  instruments: readonly InstrumentId[],
  more: { readonly marketNumber?: string; readonly tags?: readonly string[] } = {},
): Uint8Array {
  return spaced({
    event_type: "market_resolved",
    id: more.marketNumber ?? "",
    market: event.market,
    assets_ids: instruments,
    winning_asset_id: event.winner,
    winning_outcome: event.outcome,
    timestamp: millisText(event.sentAt),
    tags: more.tags ?? [],
  });
}

function textOrEmpty(price: PriceMicros | null): string {
  return price === null ? "" : priceText(price);
}

function spaced(message: Json): Uint8Array {
  return utf8(spacedJson(message));
}
