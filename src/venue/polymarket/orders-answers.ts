import {
  formatMicros,
  type InstrumentId,
  type MarketId,
  type PriceMicros,
  SECOND,
  type SizeMicros,
  type TakerSide,
  type UnixMicros,
} from "#model";
import { type Json, millisText } from "./encode-text.ts";

/*
 * Orders and trades as the account's owner sees them: over HTTP (/data/orders, /data/trades) and on the user channel, which
 * spell the same facts differently. Source: reference/polymarket.md 3 and 6.5, and the schemas of @polymarket/bindings.
 */

export interface OrderView {
  readonly id: string;
  /** API key. */
  readonly owner: string;
  readonly maker: string;
  readonly market: MarketId;
  readonly instrument: InstrumentId;
  readonly outcome: string;
  readonly side: TakerSide;
  readonly price: PriceMicros;
  readonly size: SizeMicros;
  readonly filled: SizeMicros;
  readonly status: "LIVE" | "MATCHED" | "DELAYED" | "UNMATCHED" | "CANCELED";
  readonly orderType: string;
  /** Unix seconds as the order says; 0: none. */
  readonly expiration: number;
  readonly createdAt: UnixMicros;
  readonly trades: readonly string[];
}

export interface TradePartyView {
  readonly orderId: string;
  readonly owner: string;
  readonly maker: string;
  readonly instrument: InstrumentId;
  readonly outcome: string;
  readonly side: TakerSide;
  readonly price: PriceMicros;
  readonly size: SizeMicros;
}

export type TradeStatus = "MATCHED" | "MINED" | "CONFIRMED";

export interface TradeView {
  readonly id: string;
  readonly market: MarketId;
  readonly taker: TradePartyView;
  readonly maker: TradePartyView;
  /** Which of the two the account is. */
  readonly isTaker: boolean;
  readonly status: TradeStatus;
  readonly matchedAt: UnixMicros;
  readonly updatedAt: UnixMicros;
  /** "" until it is mined. */
  readonly transaction: string;
}

/** A member of /data/orders. */
export function orderJson(order: OrderView): Json {
  return {
    id: order.id,
    status: order.status,
    owner: order.owner,
    maker_address: order.maker,
    market: order.market,
    asset_id: order.instrument,
    side: wireSide(order.side),
    original_size: formatMicros(order.size),
    size_matched: formatMicros(order.filled),
    price: formatMicros(order.price),
    associate_trades: order.trades,
    outcome: order.outcome,
    created_at: Math.floor(order.createdAt / SECOND),
    expiration: String(order.expiration),
    order_type: order.orderType,
  };
}

/** A member of /data/trades. */
export function tradeJson(trade: TradeView): Json {
  const own = trade.isTaker ? trade.taker : trade.maker;
  return {
    id: trade.id,
    taker_order_id: trade.taker.orderId,
    market: trade.market,
    asset_id: trade.taker.instrument,
    side: wireSide(trade.taker.side),
    size: formatMicros(trade.taker.size),
    fee_rate_bps: "0",
    price: formatMicros(trade.taker.price),
    status: trade.status,
    match_time: secondsText(trade.matchedAt),
    last_update: secondsText(trade.updatedAt),
    outcome: trade.taker.outcome,
    owner: own.owner,
    maker_address: own.maker,
    transaction_hash: trade.transaction,
    bucket_index: 0,
    maker_orders: [makerOrderJson(trade.maker)],
    trader_side: trade.isTaker ? "TAKER" : "MAKER",
  };
}

/** The user channel's `order`. */
export function encodeOrderEvent(
  order: OrderView,
  type: "PLACEMENT" | "UPDATE" | "CANCELLATION",
  at: UnixMicros,
): Uint8Array {
  return encoded({
    event_type: "order",
    id: order.id,
    owner: order.owner,
    market: order.market,
    asset_id: order.instrument,
    side: wireSide(order.side),
    order_owner: order.owner,
    original_size: formatMicros(order.size),
    size_matched: formatMicros(order.filled),
    price: formatMicros(order.price),
    associate_trades: order.trades.length === 0 ? null : order.trades,
    outcome: order.outcome,
    type,
    created_at: secondsText(order.createdAt),
    expiration: String(order.expiration),
    order_type: order.orderType,
    status: order.status,
    maker_address: order.maker,
    timestamp: millisText(at),
  });
}

/** The user channel's `trade`, sent again at each change of its status. */
export function encodeTradeEvent(trade: TradeView): Uint8Array {
  const own = trade.isTaker ? trade.taker : trade.maker;
  return encoded({
    event_type: "trade",
    type: "TRADE",
    id: trade.id,
    taker_order_id: trade.taker.orderId,
    market: trade.market,
    asset_id: trade.taker.instrument,
    side: wireSide(trade.taker.side),
    size: formatMicros(trade.taker.size),
    price: formatMicros(trade.taker.price),
    fee_rate_bps: "0",
    status: trade.status,
    match_time: secondsText(trade.matchedAt),
    last_update: secondsText(trade.updatedAt),
    outcome: trade.taker.outcome,
    owner: own.owner,
    trade_owner: own.owner,
    maker_address: own.maker,
    transaction_hash: trade.transaction,
    bucket_index: 0,
    maker_orders: [makerOrderJson(trade.maker)],
    trader_side: trade.isTaker ? "TAKER" : "MAKER",
    timestamp: millisText(trade.updatedAt),
  });
}

function makerOrderJson(party: TradePartyView): Json {
  return {
    order_id: party.orderId,
    owner: party.owner,
    maker_address: party.maker,
    matched_amount: formatMicros(party.size),
    price: formatMicros(party.price),
    fee_rate_bps: "0",
    asset_id: party.instrument,
    outcome: party.outcome,
    side: wireSide(party.side),
  };
}

function wireSide(side: TakerSide): "BUY" | "SELL" {
  return side === "buy" ? "BUY" : "SELL";
}

function secondsText(at: UnixMicros): string {
  return String(Math.floor(at / SECOND));
}

function encoded(message: Json): Uint8Array {
  return Buffer.from(JSON.stringify(message), "utf8");
}
