import type { CashMicros, Level, PriceMicros, SizeMicros } from "#model";
import { notional, ONE } from "#model";
import type { OrderId, Quantity } from "./order.ts";

/** Shares are traded in hundredths, so that shares x price is always a whole number of micros (ticks are >= 0.0001). */
export const LOT = 10_000;
/** Where a sum of cash is spent, shares count to the fourth decimal; a stranger's order can be cut that fine. */
const FINE_LOT = 100;

/** A level of the recording, or an order of ours, that an incoming order may take from. */
export interface Offer extends Level {
  /** Whose; null: the recording's. */
  readonly order: OrderId | null;
}

export interface Fill extends Offer {
  /** What the shares cost in the taker's own terms; rounded up, which is against the buyer of a fraction of a lot. */
  readonly cash: CashMicros;
}

export interface Take {
  readonly fills: readonly Fill[];
  readonly size: SizeMicros;
  readonly cash: CashMicros;
  /** Nothing of the quantity is left, or less than any lot. */
  readonly isWhole: boolean;
}

/**
 * Walks offers, best first, and takes what the quantity allows. Changes nothing.
 * @param ownPrice an offer's price in the terms of the taker's instrument
 */
export function planTake(
  quantity: Quantity,
  offers: readonly Offer[],
  ownPrice: (price: PriceMicros) => PriceMicros,
): Take {
  const fills: Fill[] = [];
  let size = 0;
  let cash = 0;
  let isWhole = false;
  for (const offer of offers) {
    const price = ownPrice(offer.price);
    const lot = quantity.kind === "cash" && offer.order === null ? FINE_LOT : LOT;
    const wanted = quantity.kind === "shares" ? quantity.size - size : affordable(quantity.cash - cash, price);
    const taken = wholeLots(Math.min(wanted, offer.size), lot);
    if (taken > 0) {
      const cost = notional(price, taken, "up");
      fills.push({ ...offer, size: taken, cash: cost });
      size += taken;
      cash += cost;
    }
    isWhole = wholeLots(wanted - taken, lot) === 0 && size > 0;
    if (isWhole) break;
  }
  return { fills, size: size as SizeMicros, cash: cash as CashMicros, isWhole };
}

export function wholeLots(size: number, lot = LOT): SizeMicros {
  return (size - (size % lot)) as SizeMicros;
}

/** How many shares so much cash buys, rounded down. The product leaves the safe integers from 9,007 dollars. */
function affordable(cash: number, price: PriceMicros): number {
  return price <= 0 ? 0 : Number((BigInt(cash) * BigInt(ONE)) / BigInt(price));
}
