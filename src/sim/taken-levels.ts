import type { PriceMicros, Side, SizeMicros, UnixMicros } from "#model";
import { SECOND } from "#model";

/** A level that vanished and is back sooner than this is taken for the same orders. */
const SAME_ORDERS_WITHIN = SECOND;

interface Taken {
  size: number;
  /** When the level vanished; null while it is there. */
  goneAt: UnixMicros | null;
}

/**
 * What we took from the recorded levels. The recording does not know of it and shows those orders still, so they must not
 * be sold to us twice:
 * - what is taken stays taken while the level is there
 * - where the level grows, the growth is new and can be had
 * - where it shrinks, nobody knows whether what left was ours; it is supposed that the untaken part left first
 * - where it vanishes for a second or more, all of it is forgotten: what comes then is new
 * So all that was ever taken from a level is never more than what ever rested there.
 */
export class TakenLevels {
  readonly #taken: Record<Side, Map<PriceMicros, Taken>> = { bid: new Map(), ask: new Map() };

  take(side: Side, price: PriceMicros, size: SizeMicros): void {
    const taken = this.#taken[side].get(price);
    if (taken) taken.size += size;
    else this.#taken[side].set(price, { size, goneAt: null });
  }

  /** What is left of a level that the recording shows with `size`. */
  left(side: Side, price: PriceMicros, size: SizeMicros): SizeMicros {
    return Math.max(0, size - (this.#taken[side].get(price)?.size ?? 0)) as SizeMicros;
  }

  /** The recording shows a level with a size, perhaps 0. */
  show(side: Side, price: PriceMicros, size: SizeMicros, at: UnixMicros): void {
    const taken = this.#taken[side].get(price);
    if (!taken) return;
    if (size === 0) {
      taken.goneAt ??= at;
      return;
    }
    if (taken.goneAt !== null && at - taken.goneAt >= SAME_ORDERS_WITHIN) {
      this.#taken[side].delete(price);
      return;
    }
    taken.goneAt = null;
    taken.size = Math.min(taken.size, size);
  }
}
