import type { CashMicros, PriceMicros, Side, SizeMicros } from "#model";
import { notional, ONE } from "#model";
import type { Ladder } from "./ladder.ts";

/** One level with what rests at it and at all better ones. */
export interface CumulativeLevel {
  readonly price: PriceMicros;
  readonly size: SizeMicros;
  readonly cumulativeSize: SizeMicros;
  /** Rounded down to micros at each level. */
  readonly cumulativeCash: CashMicros;
}

/** Best first; all levels without a limit. */
export function cumulativeDepth(ladder: Ladder, side: Side, limit?: number): CumulativeLevel[] {
  const out: CumulativeLevel[] = [];
  let cumulativeSize = 0;
  let cumulativeCash = 0;
  ladder.forEach(
    side,
    (price, size) => {
      cumulativeSize += size;
      cumulativeCash += notional(price, size, "down");
      out.push({
        price,
        size,
        cumulativeSize: cumulativeSize as SizeMicros,
        cumulativeCash: cumulativeCash as CashMicros,
      });
    },
    limit,
  );
  return out;
}

/** What rests at `price` and better. */
export function depthTo(ladder: Ladder, side: Side, price: PriceMicros): { size: SizeMicros; cash: CashMicros } {
  let size = 0;
  let cash = 0;
  ladder.forEach(side, (levelPrice, levelSize) => {
    const reached = side === "bid" ? levelPrice >= price : levelPrice <= price;
    if (!reached) return;
    size += levelSize;
    cash += notional(levelPrice, levelSize, "down");
  });
  return { size: size as SizeMicros, cash: cash as CashMicros };
}

/** Half-way between the best prices, in micros (may end in a half); null for a one-sided book: a missing side has no price. */
export function mid(ladder: Ladder): number | null {
  const bid = ladder.bestBid();
  const ask = ladder.bestAsk();
  return bid === null || ask === null ? null : (bid + ask) / 2;
}

/** The best prices weighted by the other side's size, in micros: leans to where the next trade is likelier. */
export function weightedMid(ladder: Ladder): number | null {
  const bid = ladder.bestBid();
  const ask = ladder.bestAsk();
  if (bid === null || ask === null) return null;
  const bidSize = ladder.size("bid", bid);
  const askSize = ladder.size("ask", ask);
  // Weights first: price x size would leave the safe integers at 9,007 shares.
  const bidWeight = askSize / (bidSize + askSize);
  return bid * bidWeight + ask * (1 - bidWeight);
}

/** Ask less bid in micros; negative where the book is crossed. */
export function spread(ladder: Ladder): number | null {
  const bid = ladder.bestBid();
  const ask = ladder.bestAsk();
  return bid === null || ask === null ? null : ask - bid;
}

/** (bids - asks) / (bids + asks) over the best `levels` of each side: -1 (only asks) to 1 (only bids); null for an empty book. */
export function imbalance(ladder: Ladder, levels: number): number | null {
  const bids = restingShares(ladder, "bid", levels);
  const asks = restingShares(ladder, "ask", levels);
  return bids + asks === 0 ? null : (bids - asks) / (bids + asks);
}

function restingShares(ladder: Ladder, side: Side, levels: number): number {
  let total = 0;
  ladder.forEach(
    side,
    (_, size) => {
      total += size;
    },
    levels,
  );
  return total;
}

/** Locked: best bid equals best ask. Crossed: it lies above. Neither is repaired; both are reported. */
export function crossing(ladder: Ladder): "none" | "locked" | "crossed" {
  const between = spread(ladder);
  if (between === null || between > 0) return "none";
  return between === 0 ? "locked" : "crossed";
}

export interface MirrorMismatch {
  /** Side and price in the first book. */
  readonly side: Side;
  readonly price: PriceMicros;
  readonly size: SizeMicros;
  /** Size of the level that should mirror it. */
  readonly mirrored: SizeMicros;
}

/** Where the books of two complementary outcomes are no mirrors: a bid at p is the other's ask at 1 - p, size for size. */
export function mirrorMismatches(book: Ladder, complement: Ladder): MirrorMismatch[] {
  const found: MirrorMismatch[] = [];
  for (const [side, other] of [
    ["bid", "ask"],
    ["ask", "bid"],
  ] as const) {
    book.forEach(side, (price, size) => {
      const mirrored = complement.size(other, mirrorOf(price));
      if (mirrored !== size) found.push({ side, price, size, mirrored });
    });
    complement.forEach(other, (price, size) => {
      const own = book.size(side, mirrorOf(price));
      if (own === 0) found.push({ side, price: mirrorOf(price), size: own, mirrored: size });
    });
  }
  return found;
}

function mirrorOf(price: PriceMicros): PriceMicros {
  return (ONE - price) as PriceMicros;
}
