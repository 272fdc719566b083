import type { PriceMicros, Side, SizeMicros, UnixMicros } from "#model";
import { MILLISECOND } from "#model";
import { type OrderId, reaches } from "./order.ts";
import type { ShownLevel } from "./recorded-book.ts";
import { wholeLots } from "./take.ts";

/** A trade and the change of the level that it took from come in either order; that close together they are one thing. */
const TOGETHER = 100 * MILLISECOND;

/** An order of ours that rests, in the terms of the market's book. */
export interface Resting {
  readonly id: OrderId;
  readonly side: Side;
  readonly price: PriceMicros;
  readonly since: UnixMicros;
  left: SizeMicros;
  /** Recorded shares at its price that were there first. */
  ahead: SizeMicros;
  /** What was ahead before the level last shrank, and when that was. */
  aheadBefore: SizeMicros;
  shrankAt: UnixMicros;
}

/** A recorded trade, in the terms of the market's book. */
export interface PassingTrade {
  /** The side it took from. */
  readonly from: Side;
  readonly price: PriceMicros;
  readonly size: SizeMicros;
  readonly sentAt: UnixMicros;
}

export interface QueueFill {
  readonly id: OrderId;
  readonly size: SizeMicros;
}

/**
 * Our resting orders of one market, by price and then time, and when a recorded trade would have been theirs:
 * - a trade at a worse price for its taker would have met our better order first: it fills, up to the trade's size
 * - a trade at our price fills us with what it has left after all that was ahead of us. Only what trades or leaves
 *   *there* brings us forward, and what leaves is supposed to leave from behind us as long as that is possible
 * - a trade that happened before we rested is none of ours
 * A recorded order that comes to or through our price is matched by the exchange, at our price.
 */
export class Queue {
  readonly #orders: Record<Side, Resting[]> = { bid: [], ask: [] };

  /** @param ahead recorded shares at its price now */
  join(order: Pick<Resting, "id" | "side" | "price" | "since" | "left">, ahead: SizeMicros): void {
    const orders = this.#orders[order.side];
    const resting = { ...order, ahead, aheadBefore: ahead, shrankAt: 0 as UnixMicros };
    const worse = orders.findIndex(({ price }) => price !== order.price && reaches(order.side, order.price, price));
    orders.splice(worse < 0 ? orders.length : worse, 0, resting);
  }

  leave(id: OrderId): void {
    for (const side of ["bid", "ask"] as const) {
      const index = this.#orders[side].findIndex((order) => order.id === id);
      if (index >= 0) this.#orders[side].splice(index, 1);
    }
  }

  /** Best first, the earlier before the later. */
  side(side: Side): readonly Resting[] {
    return this.#orders[side];
  }

  /** Some of an order was filled; it leaves when nothing is left. */
  reduce(id: OrderId, size: SizeMicros): void {
    for (const side of ["bid", "ask"] as const) {
      const order = this.#orders[side].find((one) => one.id === id);
      if (!order) continue;
      order.left = (order.left - size) as SizeMicros;
      if (order.left <= 0) this.leave(id);
    }
  }

  /** The recording set a level. */
  show({ side, price, size }: ShownLevel, at: UnixMicros): void {
    for (const order of this.#orders[side]) {
      if (order.price !== price || size >= order.ahead) continue;
      if (at - order.shrankAt > TOGETHER) order.aheadBefore = order.ahead;
      order.shrankAt = at;
      order.ahead = size;
    }
  }

  /** What a recorded trade would have filled, had we been there. Changes nothing. */
  share({ from, price, size, sentAt }: PassingTrade, at: UnixMicros): QueueFill[] {
    const fills: QueueFill[] = [];
    let left: number = size;
    let taken = 0;
    for (const order of this.#orders[from]) {
      // The taker's limit is not known, but it paid this price.
      if (!reaches(from, order.price, price)) break;
      if (order.since > sentAt) continue;
      const before = at - order.shrankAt <= TOGETHER ? order.aheadBefore : order.ahead;
      const forUs = order.price === price ? Math.min(left, size - before - taken) : left;
      const filled = wholeLots(Math.min(order.left, Math.max(0, forUs)));
      if (filled === 0) continue;
      fills.push({ id: order.id, size: filled });
      left -= filled;
      taken += filled;
    }
    return fills;
  }
}
