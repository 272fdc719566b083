import type { Digest, InstrumentId, MarketId } from "./ids.ts";
import type { Market } from "./market.ts";
import type { PriceMicros, SizeMicros } from "./numbers.ts";
import type { UnixMicros } from "./time.ts";

/** Which half of a book: bids are offers to buy. */
export type Side = "bid" | "ask";
/** Who took: the side of a trade is the taker's. */
export type TakerSide = "buy" | "sell";

export interface Level {
  readonly price: PriceMicros;
  readonly size: SizeMicros;
}

/**
 * The whole book of one instrument. Fields that the message did not carry are absent; `lastTradePrice: null` says that
 * the venue said "no trade yet".
 */
export interface BookSnapshot {
  readonly kind: "book";
  readonly market: MarketId;
  readonly instrument: InstrumentId;
  /** Venue time of the book's last change, not of sending. */
  readonly sentAt: UnixMicros;
  readonly digest: Digest;
  /** Best (highest) first. */
  readonly bids: readonly Level[];
  /** Best (lowest) first. */
  readonly asks: readonly Level[];
  readonly tickSize?: PriceMicros;
  readonly minOrderSize?: SizeMicros;
  readonly negRisk?: boolean;
  readonly lastTradePrice?: PriceMicros | null;
}

/** One level's new absolute size (0 removes it), with the venue's word on the book after it. */
export interface LevelChange {
  readonly instrument: InstrumentId;
  readonly side: Side;
  readonly price: PriceMicros;
  readonly size: SizeMicros;
  /** Digest of this instrument's whole book after the batch this change belongs to; "" where the message has none. */
  readonly digest: Digest;
  /** Best prices after the change; null: that side is empty; undefined: not said. */
  readonly bestBid: PriceMicros | null | undefined;
  readonly bestAsk: PriceMicros | null | undefined;
}

/** A delta: applied whole, its changes in order. */
export interface PriceChange {
  readonly kind: "price_change";
  readonly market: MarketId;
  readonly sentAt: UnixMicros;
  readonly changes: readonly LevelChange[];
}

export interface Trade {
  readonly kind: "trade";
  readonly market: MarketId;
  readonly instrument: InstrumentId;
  readonly sentAt: UnixMicros;
  readonly price: PriceMicros;
  /** null: not said. */
  readonly size: SizeMicros | null;
  readonly takerSide: TakerSide | null;
  readonly transaction: string | null;
}

export interface TickSizeChange {
  readonly kind: "tick_size_change";
  readonly market: MarketId;
  readonly instrument: InstrumentId;
  readonly sentAt: UnixMicros;
  readonly tickSize: PriceMicros;
  readonly previous: PriceMicros | null;
}

export interface BestPrices {
  readonly kind: "best_prices";
  readonly market: MarketId;
  readonly instrument: InstrumentId;
  readonly sentAt: UnixMicros;
  readonly bestBid: PriceMicros | null;
  readonly bestAsk: PriceMicros | null;
}

/** The venue announces a market, about 24 h before its window for the recurring series. */
export interface MarketCreated {
  readonly kind: "market_created";
  readonly sentAt: UnixMicros;
  readonly market: Market;
}

export interface MarketResolved {
  readonly kind: "market_resolved";
  readonly market: MarketId;
  readonly sentAt: UnixMicros;
  readonly winner: InstrumentId;
  readonly outcome: string;
}

export type ReferenceSource = "polybolt" | "rtds" | "binance";

/** One observation of an underlying price. */
export interface ReferencePrice {
  readonly kind: "reference_price";
  /** The service that delivered it. */
  readonly source: ReferenceSource;
  /** Who made the price ("chainlink", "pyth", "binance"); settlement depends on it. */
  readonly provider: string;
  /** Lower case, no separator: "btcusd", "btcusdt". */
  readonly symbol: string;
  readonly measure: "spot" | "twap";
  /** Length of the average in seconds; null for spot. */
  readonly windowSeconds: number | null;
  /** Rounded down to micros; `exact` has all digits. */
  readonly price: PriceMicros;
  readonly exact: string;
  /** The observation's own time: the one that settles. */
  readonly observedAt: UnixMicros;
  readonly sentAt: UnixMicros;
  /** True for points of the history a service sends when one subscribes. */
  readonly history: boolean;
}

/** PONG, an empty array, a subscribe acknowledgement: the connection is alive and nothing changed. */
export interface Notice {
  readonly kind: "notice";
  readonly text: string;
}

/** A well-formed message of a type that this version does not know. Kept, counted, passed through. */
export interface UnknownMessage {
  readonly kind: "unknown";
  readonly type: string;
}

export type FaultReason = "not_json" | "bad_shape" | "bad_number" | "refused";

/** Bytes that should have been a message and were not. The raw frame stays in the journal. */
export interface Fault {
  readonly kind: "fault";
  readonly reason: FaultReason;
  readonly detail: string;
}

/** A decoded fact. Switch over `kind` exhaustively. */
export type VenueEvent =
  | BookSnapshot
  | PriceChange
  | Trade
  | TickSizeChange
  | BestPrices
  | MarketCreated
  | MarketResolved
  | ReferencePrice
  | Notice
  | UnknownMessage
  | Fault;
