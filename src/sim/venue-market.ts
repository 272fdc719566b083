import type { PriceMicros, Side, Trade } from "#model";
import { mirrored, opposite, reaches, type TradedMarket } from "./order.ts";
import { type PassingTrade, Queue } from "./queue.ts";
import { RecordedBook } from "./recorded-book.ts";
import type { Offer } from "./take.ts";

/** Transactions remembered to tell a trade that is shown once for each outcome. */
const MAX_TRANSACTIONS = 64;

/** A market as the exchange holds it: the recorded book, and our orders beside it. */
export class VenueMarket {
  readonly market: TradedMarket;
  readonly book: RecordedBook;
  readonly queue = new Queue();
  readonly #transactions = new Map<string, string>();
  closed = false;

  constructor(market: TradedMarket) {
    this.market = market;
    this.book = new RecordedBook(market);
  }

  /**
   * What an order could take, best first; at one price the recording first, because it may have been there first. Our own
   * orders match each other as anyone's, also those of one account: the venue documents no prevention.
   */
  offers(side: Side, limit: PriceMicros): Offer[] {
    const recorded: Offer[] = this.book.takeable(side, limit).map((level) => ({ ...level, order: null }));
    const ours = this.queue
      .side(opposite(side))
      .filter(({ price }) => reaches(side, limit, price))
      .map(({ id, price, left }): Offer => ({ order: id, price, size: left }));
    // Both are sorted, and sorting keeps the order of equals.
    return [...recorded, ...ours].sort((a, b) => (side === "bid" ? a.price - b.price : b.price - a.price));
  }

  /** Whether an order would meet another one: a recorded one, taken by us or not, or one of ours. */
  crosses(side: Side, limit: PriceMicros): boolean {
    const recorded = this.book.best(opposite(side));
    const own = this.queue.side(opposite(side))[0]?.price ?? null;
    return [recorded, own].some((price) => price !== null && reaches(side, limit, price));
  }

  /** A recorded trade in the terms of the book; null where it does not say enough, or was seen through the other outcome. */
  passing({ instrument, price, size, takerSide, sentAt, transaction }: Trade): PassingTrade | null {
    if (size === null || takerSide === null) return null;
    const isFirst = instrument === this.market.outcomes[0];
    const own = isFirst ? price : mirrored(price);
    if (transaction !== null) {
      const key = `${transaction}/${own}/${size}`;
      const seenThrough = this.#transactions.get(key);
      if (seenThrough !== undefined && seenThrough !== instrument) return null;
      this.#transactions.set(key, instrument);
      const [oldest] = this.#transactions.keys();
      if (this.#transactions.size > MAX_TRANSACTIONS && oldest !== undefined) this.#transactions.delete(oldest);
    }
    return { from: isFirst === (takerSide === "buy") ? "ask" : "bid", price: own, size, sentAt };
  }
}
