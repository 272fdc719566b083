import { Ladder } from "#book";
import type { BookSnapshot, Level, PriceChange, PriceMicros, Side, SizeMicros, UnixMicros } from "#model";
import { mirrored, opposite, reaches, type TradedMarket } from "./order.ts";
import { TakenLevels } from "./taken-levels.ts";

/** A level that the recording sets, in the first outcome's terms. */
export interface ShownLevel extends Level {
  readonly side: Side;
}

/**
 * The recorded book of a market, of which the books of both outcomes are two views, told in the first outcome's terms.
 * Only the recording moves it; what we took from it is remembered beside it.
 */
export class RecordedBook {
  readonly #market: TradedMarket;
  readonly #ladder: Ladder;
  readonly #taken = new TakenLevels();
  #isOpen = false;

  constructor(market: TradedMarket) {
    this.#market = market;
    this.#ladder = new Ladder(market.tickSize);
  }

  /** False before the first snapshot: there is nothing to match against. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  get tickSize(): PriceMicros {
    return this.#ladder.tickSize;
  }

  retick(tickSize: PriceMicros): void {
    this.#ladder.regrid(tickSize);
  }

  /** As recorded. */
  best(side: Side): PriceMicros | null {
    return side === "bid" ? this.#ladder.bestBid() : this.#ladder.bestAsk();
  }

  /** As recorded. */
  size(side: Side, price: PriceMicros): SizeMicros {
    return this.#ladder.size(side, price);
  }

  /** Levels that an order of `side` with this limit could take from, best first, each with what we have not yet taken. */
  takeable(side: Side, limit: PriceMicros): Level[] {
    const out: Level[] = [];
    const from = opposite(side);
    for (const { price, size } of this.#ladder.levels(from)) {
      if (!reaches(side, limit, price)) break;
      const left = this.#taken.left(from, price, size);
      if (left > 0) out.push({ price, size: left });
    }
    return out;
  }

  /** We took this much from a level of `side`. */
  take(side: Side, price: PriceMicros, size: SizeMicros): void {
    this.#taken.take(side, price, size);
  }

  /** Takes a recorded book of either outcome. Gives the levels that differ from before. */
  replace(book: BookSnapshot, at: UnixMicros): ShownLevel[] {
    const shown: ShownLevel[] = [];
    if (book.tickSize !== undefined) this.retick(book.tickSize);
    const isFirst = book.instrument === this.#market.outcomes[0];
    for (const side of ["bid", "ask"] as const) {
      const levels = side === "bid" ? book.bids : book.asks;
      const own = isFirst ? side : opposite(side);
      const next = new Map(levels.map(({ price, size }) => [isFirst ? price : mirrored(price), size]));
      for (const { price } of this.#ladder.levels(own)) {
        if (!next.has(price)) shown.push(this.#show(own, price, 0 as SizeMicros, at));
      }
      for (const [price, size] of next) {
        if (this.#ladder.size(own, price) !== size) shown.push(this.#show(own, price, size, at));
      }
    }
    this.#isOpen = true;
    return shown;
  }

  /** Takes a recorded change. The mirror entries of the other outcome say the same again, and change nothing. */
  change({ changes }: PriceChange, at: UnixMicros): ShownLevel[] {
    const shown: ShownLevel[] = [];
    if (!this.#isOpen) return shown;
    for (const { instrument, side, price, size } of changes) {
      const isFirst = instrument === this.#market.outcomes[0];
      if (!isFirst && instrument !== this.#market.outcomes[1]) continue;
      const own = isFirst ? side : opposite(side);
      const place = isFirst ? price : mirrored(price);
      if (this.#ladder.size(own, place) !== size) shown.push(this.#show(own, place, size, at));
    }
    return shown;
  }

  #show(side: Side, price: PriceMicros, size: SizeMicros, at: UnixMicros): ShownLevel {
    this.#ladder.set(side, price, size);
    this.#taken.show(side, price, size, at);
    return { side, price, size };
  }
}
