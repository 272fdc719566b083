import type {
  Brand,
  CashMicros,
  FeeSchedule,
  InstrumentId,
  MarketId,
  PriceMicros,
  Side,
  SizeMicros,
  TakerSide,
  UnixMicros,
} from "#model";
import { ONE } from "#model";

/** Names an order; given by whoever sends it (Polymarket: the EIP-712 hash of the order). */
export type OrderId = Brand<string, "OrderId">;
/** Names whose money it is (Polymarket: the order's maker address, lower case). */
export type AccountId = Brand<string, "AccountId">;
/** Names a match between two orders, one of which may be a stranger's. */
export type TradeId = Brand<string, "TradeId">;

/** What the exchange must know of a market to take orders for it. Two outcomes, whose books are mirrors. */
export interface TradedMarket {
  readonly id: MarketId;
  readonly outcomes: readonly [InstrumentId, InstrumentId];
  readonly tickSize: PriceMicros;
  readonly minOrderSize: SizeMicros;
  readonly fee: FeeSchedule | null;
  /** How long a marketable order is held before it is matched; 0: not at all. */
  readonly takerDelayMicros: number;
}

/**
 * How much: shares, or for a purchase that must not rest the cash to spend (the venue's "market buy": better prices give
 * more shares for the same money).
 */
export type Quantity =
  | { readonly kind: "shares"; readonly size: SizeMicros }
  | { readonly kind: "cash"; readonly cash: CashMicros };

/**
 * How long an order lives:
 * - gtc: until it is filled or cancelled
 * - gtd: the same, but no longer than to `diesAt`
 * - fok: filled whole and at once, or not at all
 * - fak: what can be filled at once; the rest is dropped
 */
export type Life =
  | { readonly kind: "gtc" }
  | { readonly kind: "gtd"; readonly diesAt: UnixMicros }
  | { readonly kind: "fok" }
  | { readonly kind: "fak" };

export interface OrderRequest {
  readonly id: OrderId;
  readonly account: AccountId;
  readonly market: MarketId;
  readonly instrument: InstrumentId;
  readonly side: TakerSide;
  /** The limit, in the instrument's own terms. */
  readonly price: PriceMicros;
  readonly quantity: Quantity;
  readonly life: Life;
  readonly postOnly: boolean;
}

/**
 * - delayed: marketable, held until `dueAt`; cannot be cancelled
 * - live: rests
 * - filled, cancelled (by its owner), expired, killed (could not be filled as it demanded), closed (its market ended)
 */
export type OrderState = "delayed" | "live" | "filled" | "cancelled" | "expired" | "killed" | "closed";

/** An order of ours as it stands. */
export interface Order extends OrderRequest {
  readonly placedAt: UnixMicros;
  readonly state: OrderState;
  /** Shares filled so far. */
  readonly filled: SizeMicros;
  /** Cash that changed hands for them, fees apart. */
  readonly traded: CashMicros;
  /** Why it was killed; null otherwise. */
  readonly refusal: Refusal | null;
}

/** Why an order is not accepted, or killed when its delay is over. */
export type Refusal =
  | { readonly kind: "market_closed" }
  | { readonly kind: "no_book" }
  | { readonly kind: "duplicate" }
  | { readonly kind: "price_off_tick"; readonly tickSize: PriceMicros }
  | { readonly kind: "price_out_of_bounds"; readonly tickSize: PriceMicros }
  | { readonly kind: "size_too_small"; readonly minimum: SizeMicros }
  | { readonly kind: "cash_too_small"; readonly minimum: CashMicros }
  | { readonly kind: "size_too_fine" }
  | { readonly kind: "bad_expiry" }
  | { readonly kind: "post_only_crosses" }
  | { readonly kind: "post_only_not_resting" }
  | { readonly kind: "not_enough_cash"; readonly available: CashMicros; readonly needed: CashMicros }
  | { readonly kind: "not_enough_shares"; readonly available: SizeMicros; readonly needed: SizeMicros }
  | { readonly kind: "not_filled_whole" }
  | { readonly kind: "nothing_to_match" };

/** One side of a trade, in the terms of its own instrument. */
export interface Party {
  readonly order: OrderId;
  readonly account: AccountId;
  readonly instrument: InstrumentId;
  readonly side: TakerSide;
  readonly price: PriceMicros;
  readonly size: SizeMicros;
  /** What it paid (buy) or got (sell), the fee apart. */
  readonly cash: CashMicros;
  readonly fee: CashMicros;
}

/** A trade of ours. Where a party is null, it was somebody of the recording. */
export interface SimTrade {
  readonly id: TradeId;
  readonly market: MarketId;
  readonly at: UnixMicros;
  readonly taker: Party | null;
  readonly maker: Party | null;
}

/** What happened at the exchange, in order. */
export type ExchangeEvent =
  | { readonly kind: "placed"; readonly order: Order }
  | { readonly kind: "traded"; readonly trade: SimTrade; readonly orders: readonly Order[] }
  /** It will trade no more; `state` says why. */
  | { readonly kind: "ended"; readonly order: Order }
  | {
      readonly kind: "settled";
      readonly account: AccountId;
      readonly instrument: InstrumentId;
      readonly size: SizeMicros;
      readonly cash: CashMicros;
    };

/**
 * Where an order stands in the market's one book, which is told in the first outcome's terms: to buy the second outcome
 * at q is to offer the first at 1 - q.
 */
export function placeInBook(
  market: Pick<TradedMarket, "outcomes">,
  { instrument, side, price }: Pick<OrderRequest, "instrument" | "side" | "price">,
): { readonly side: Side; readonly price: PriceMicros } {
  const isFirst = instrument === market.outcomes[0];
  return { side: isFirst === (side === "buy") ? "bid" : "ask", price: isFirst ? price : mirrored(price) };
}

/** A price of the other outcome. */
export function mirrored(price: PriceMicros): PriceMicros {
  return (ONE - price) as PriceMicros;
}

export function opposite(side: Side): Side {
  return side === "bid" ? "ask" : "bid";
}

/** Whether an order of this side at `limit` may trade at `price`. */
export function reaches(side: Side, limit: PriceMicros, price: PriceMicros): boolean {
  return side === "bid" ? price <= limit : price >= limit;
}
