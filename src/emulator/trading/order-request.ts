import { type CashMicros, ONE, type PriceMicros, SECOND, type SizeMicros, type UnixMicros } from "#model";
import type { Life, OrderRequest, Quantity, TradedMarket } from "#sim";
import type { WireOrder } from "#venue";

/** A GTD order dies this long before the time it states: the venue's security threshold. */
const THRESHOLD = 60 * SECOND;

/**
 * A posted order as the exchange takes it. Its price is the ratio of its amounts. A FOK or FAK order to buy is told in
 * cash: its maker amount is to be spent.
 * @param tickSize the amounts of such an order are rounded, so that their ratio lies beside the tick it means
 */
export function orderRequestOf(
  wire: WireOrder,
  { id, account }: Pick<OrderRequest, "id" | "account">,
  market: Pick<TradedMarket, "id">,
  tickSize: PriceMicros,
): OrderRequest {
  const isBuy = wire.side === "buy";
  const [cash, shares] = isBuy ? [wire.makerAmount, wire.takerAmount] : [wire.takerAmount, wire.makerAmount];
  const isImmediate = wire.orderType === "FOK" || wire.orderType === "FAK";
  const quantity: Quantity =
    isBuy && isImmediate ? { kind: "cash", cash: cash as CashMicros } : { kind: "shares", size: shares as SizeMicros };
  return {
    id,
    account,
    market: market.id,
    instrument: wire.tokenId,
    side: wire.side,
    price: priceOf(cash, shares, tickSize),
    quantity,
    life: lifeOf(wire),
    postOnly: wire.postOnly,
  };
}

/** The tick that the ratio of two rounded amounts means, or the ratio itself where it lies at none. */
function priceOf(cash: number, shares: number, tickSize: PriceMicros): PriceMicros {
  const exact = Number((BigInt(cash) * BigInt(ONE)) / BigInt(shares));
  const tick = Math.round((cash / shares) * (ONE / tickSize)) * tickSize;
  // Amounts have at least four decimals: what they miss the tick by is far below a tenth of it.
  return (Math.abs(exact - tick) <= tickSize / 10 ? tick : exact) as PriceMicros;
}

function lifeOf({ orderType, expiration }: WireOrder): Life {
  switch (orderType) {
    case "GTC":
      return { kind: "gtc" };
    case "GTD":
      return { kind: "gtd", diesAt: (expiration * SECOND - THRESHOLD) as UnixMicros };
    case "FOK":
      return { kind: "fok" };
    case "FAK":
      return { kind: "fak" };
  }
}
