import type { Random } from "#host";
import type { PriceMicros, Side, SizeMicros } from "#model";
import { ONE } from "#model";
import { chance, drawFrom, normal, pick } from "./chance.ts";
import {
  CHANGE_DISTANCE_PLUS_ONE,
  CHANGED_LEVELS,
  SIZE_AT_BEST,
  typicalSizeBehind,
  withdrawnShare,
} from "./figures.ts";
import type { MirroredBook } from "./mirrored-book.ts";

const CENT = 10_000;
/** Beyond this a shallow side may be empty near the end; deeper sides are never withdrawn whole. */
const WITHDRAWABLE_LEVELS = 12;
const SIDES = ["bid", "ask"] as const;

/** All who quote in one market, as one: keeps the books around a fair price. Writes into the book, sends nothing. */
export class MarketMaker {
  readonly #book: MirroredBook;
  readonly #random: Random;
  /** Share of levels, so that a load test can have thin books. */
  readonly #depth: number;
  #noise = 0;
  #withdrawn: Side | null = null;

  constructor(book: MirroredBook, random: Random, depth = 1) {
    this.#book = book;
    this.#random = random;
    this.#depth = depth;
  }

  /** Fills an empty book. */
  open(fair: number): void {
    const [bid, ask] = this.#quotes(fair, 1);
    this.#quote(bid, ask);
    for (let price = bid - CENT; price > 0; price -= CENT) this.#refresh("bid", price);
    for (let price = ask + CENT; price < ONE; price += CENT) this.#refresh("ask", price);
  }

  /**
   * One step: follows the fair price where it has left the quotes, and changes levels behind them.
   * @param secondsLeft to the window's end; Infinity where there is none
   * @param calm at most a few levels change
   */
  update(fair: number, secondsLeft: number, calm: boolean): void {
    this.#noise = 0.95 * this.#noise + 0.002 * normal(this.#random);
    const seen = Math.min(0.9999, Math.max(0.0001, fair + this.#noise));
    this.#withdrawOrReturn(secondsLeft);
    this.#follow(seen, secondsLeft);
    const wanted = Math.round(drawFrom(this.#random, CHANGED_LEVELS));
    const count = calm ? Math.min(3, wanted) : wanted;
    // Bounded: in a nearly empty book there may be no level left to change.
    for (let attempt = 0; attempt < count * 3 && this.#book.pending < count; attempt++) this.#changeOne();
  }

  /** Where the best prices belong, on the present tick. */
  #quotes(fair: number, spreadTicks: number): [bid: number, ask: number] {
    const tick = this.#book.tickSize;
    const last = ONE / tick - 1;
    const bid = Math.min(last - spreadTicks, Math.max(1, Math.round((fair * ONE) / tick - spreadTicks / 2)));
    return [bid * tick, (bid + spreadTicks) * tick];
  }

  #follow(fair: number, secondsLeft: number): void {
    const { ladder, tickSize } = this.#book;
    const bid = ladder.bestBid();
    const ask = ladder.bestAsk();
    if (this.#withdrawn !== null) return;
    const price = fair * ONE;
    const inside = bid !== null && ask !== null && price > bid - 0.6 * tickSize && price < ask + 0.6 * tickSize;
    const wide = bid !== null && ask !== null && ask - bid > tickSize;
    if (inside && !chance(this.#random, wide ? 0.2 : 0.03)) return;
    const [nextBid, nextAsk] = this.#quotes(fair, this.#spreadTicks(secondsLeft));
    this.#quote(nextBid, nextAsk);
  }

  #spreadTicks(secondsLeft: number): number {
    const share = this.#random.next();
    const most = this.#book.tickSize === CENT ? 1 : 4;
    if (secondsLeft <= 10) {
      if (share < 0.62) return most;
      return share < 0.85 ? most + 1 : share < 0.95 ? 2 + pick(this.#random, 7) : 5 + pick(this.#random, 20);
    }
    if (share < 0.8) return most;
    return share < 0.89 ? most + 1 : share < 0.95 ? most + 2 : most + 3 + pick(this.#random, 3);
  }

  /** Makes `bid` and `ask` the best prices. What is in the way goes first, so that no message shows a crossed book. */
  #quote(bid: number, ask: number): void {
    const before = { bid: this.#book.ladder.bestBid(), ask: this.#book.ladder.bestAsk() };
    this.#clear("bid", (price) => price > bid);
    this.#clear("ask", (price) => price < ask);
    const { tickSize } = this.#book;
    // The way from the old best to the new one is quoted too, but no more than some ticks of it where ticks are fine.
    const wayBid = Math.max(before.bid ?? bid, bid - 30 * tickSize);
    const wayAsk = Math.min(before.ask ?? ask, ask + 30 * tickSize);
    for (let price = bid; price > wayBid; price -= tickSize) this.#quoteAt("bid", price, price === bid);
    for (let price = ask; price < wayAsk; price += tickSize) this.#quoteAt("ask", price, price === ask);
    if (this.#sizeAt("bid", bid) === 0) this.#quoteAt("bid", bid, true);
    if (this.#sizeAt("ask", ask) === 0) this.#quoteAt("ask", ask, true);
  }

  #quoteAt(side: Side, price: number, best: boolean): void {
    if (best || !chance(this.#random, 0.04)) {
      this.#set(side, price, rounded(this.#random, drawFrom(this.#random, SIZE_AT_BEST)));
    }
  }

  #clear(side: Side, isInTheWay: (price: number) => boolean): void {
    const gone: number[] = [];
    this.#book.ladder.forEach(side, (price) => {
      if (isInTheWay(price)) gone.push(price);
    });
    for (const price of gone) this.#set(side, price, 0);
  }

  #changeOne(): void {
    const { ladder, tickSize } = this.#book;
    const side = SIDES[pick(this.#random, 2)]!;
    const best = side === "bid" ? ladder.bestBid() : ladder.bestAsk();
    if (best === null) return;
    const cents = Math.floor(drawFrom(this.#random, CHANGE_DISTANCE_PLUS_ONE)) - 1;
    if (cents === 0) return this.#set(side, best, rounded(this.#random, drawFrom(this.#random, SIZE_AT_BEST)));
    const away = side === "bid" ? -1 : 1;
    // Close to the best price makers use the fine tick where there is one; further back, whole cents.
    const fine = tickSize < CENT && cents <= 2;
    const target = best + away * (fine ? (1 + pick(this.#random, 20)) * tickSize : cents * CENT);
    const price = fine ? target : Math.round(target / CENT) * CENT;
    if (price <= 0 || price >= ONE || (side === "bid" ? price >= best : price <= best)) return;
    this.#refresh(side, price);
    if (tickSize === CENT) this.#sweepFine(side);
  }

  /** Levels between whole cents are left over from a finer tick; their owners move them to legal prices in time. */
  #sweepFine(side: Side): void {
    let left: number | null = null;
    const best = side === "bid" ? this.#book.ladder.bestBid() : this.#book.ladder.bestAsk();
    this.#book.ladder.forEach(side, (price) => {
      if (price % CENT !== 0 && price !== best) left = price;
    });
    if (left !== null && chance(this.#random, 0.3)) this.#set(side, left, 0);
  }

  /** Gives a level behind the best a new size, or takes it away. */
  #refresh(side: Side, price: number): void {
    const { ladder } = this.#book;
    const best = (side === "bid" ? ladder.bestBid() : ladder.bestAsk()) ?? price;
    const worth = side === "bid" ? price : ONE - price;
    if (worth <= 5 * CENT && price % CENT === 0) {
      // Far out, resting for luck: thousands of shares, round, and hardly ever touched.
      if (this.#sizeAt(side, price) > 0 && !chance(this.#random, 0.1)) return;
      return this.#set(side, price, (1 + pick(this.#random, 12)) * 1_000);
    }
    const emptyShare = 1 - 0.95 * this.#depth;
    if (chance(this.#random, emptyShare)) return this.#set(side, price, 0);
    const typical = typicalSizeBehind(Math.abs(best - price) / CENT);
    this.#set(side, price, rounded(this.#random, typical * Math.exp(normal(this.#random))));
  }

  /** Near the end, and far from even, the losing side is at times not quoted at all. */
  #withdrawOrReturn(secondsLeft: number): void {
    const { ladder, tickSize } = this.#book;
    const share = withdrawnShare(secondsLeft);
    if (this.#withdrawn !== null) {
      if (share > 0 && !chance(this.#random, 0.1)) return;
      this.#withdrawn = null;
      return;
    }
    const shallow = ladder.count("ask") < ladder.count("bid") ? "ask" : "bid";
    const cents = ((shallow === "ask" ? ladder.bestAsk() : ladder.bestBid()) ?? ONE / 2) / CENT;
    const levels = shallow === "ask" ? 100 - cents : cents;
    if (levels > WITHDRAWABLE_LEVELS || (ladder.count(shallow) > WITHDRAWABLE_LEVELS && tickSize === CENT)) return;
    if (!chance(this.#random, (0.1 * share) / (1 - share))) return;
    this.#withdrawn = shallow;
    this.#clear(shallow, () => true);
  }

  #sizeAt(side: Side, price: number): number {
    return this.#book.ladder.size(side, price as PriceMicros);
  }

  /** @param shares whole or with two decimals */
  #set(side: Side, price: number, shares: number): void {
    this.#book.set(side, price as PriceMicros, Math.round(shares * ONE) as SizeMicros);
  }
}

/** Most orders are for whole shares, the rest for hundredths. */
function rounded(random: Random, shares: number): number {
  return chance(random, 0.6) ? Math.max(1, Math.round(shares)) : Math.max(0.01, Math.round(shares * 100) / 100);
}
