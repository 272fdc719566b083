import type { CashMicros, PriceMicros, SizeMicros, UnixMicros } from "#model";
import { notional, ONE } from "#model";
import { takerFee } from "./fees.ts";
import type { OrderRequest, Refusal, TradedMarket } from "./order.ts";
import { LOT } from "./take.ts";

/** Reported minimum of a purchase that is told in cash. */
const MIN_CASH = ONE as CashMicros;

/** What is wrong with an order whatever the book holds; null: nothing. */
export function refusalOf(
  order: OrderRequest,
  market: TradedMarket,
  tickSize: PriceMicros,
  at: UnixMicros,
): Refusal | null {
  const { price, quantity, life, postOnly } = order;
  if (price % tickSize !== 0) return { kind: "price_off_tick", tickSize };
  if (price < tickSize || price > ONE - tickSize) return { kind: "price_out_of_bounds", tickSize };
  const rests = life.kind === "gtc" || life.kind === "gtd";
  if (postOnly && !rests) return { kind: "post_only_not_resting" };
  if (life.kind === "gtd" && life.diesAt <= at) return { kind: "bad_expiry" };
  if (quantity.kind === "cash") {
    return quantity.cash < MIN_CASH ? { kind: "cash_too_small", minimum: MIN_CASH } : null;
  }
  if (quantity.size % LOT !== 0) return { kind: "size_too_fine" };
  // The venue's minimum is for what may rest; what is sold at once may be a remainder.
  const minimum = rests ? market.minOrderSize : (LOT as SizeMicros);
  return quantity.size < minimum ? { kind: "size_too_small", minimum } : null;
}

/** What an order to buy may cost at most: its limit, and where it takes the fee on top. */
export function costOf({ price, quantity }: OrderRequest, market: TradedMarket, takes: boolean): CashMicros {
  const cash = quantity.kind === "cash" ? quantity.cash : notional(price, quantity.size, "up");
  if (!takes) return cash;
  const size = quantity.kind === "shares" ? quantity.size : Number((BigInt(cash) * BigInt(ONE)) / BigInt(price));
  return (cash + takerFee(market.fee, price, size as SizeMicros)) as CashMicros;
}
