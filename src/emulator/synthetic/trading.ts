import { type Random, seededRandom } from "#host";
import type {
  BestPrices,
  InstrumentId,
  Market,
  PriceMicros,
  SizeMicros,
  TickSizeChange,
  Trade,
  UnixMicros,
} from "#model";
import { MILLISECOND, ONE } from "#model";
import { encodeBestPrices, encodeBookUpdate, encodePriceChange, encodeTickSizeChange, encodeTrade } from "#venue";
import type { MarketFrame } from "../source.ts";
import { chance, drawFrom, pick } from "./chance.ts";
import { TRADE_SIZE } from "./figures.ts";
import { FINE_TICK, transactionOf, USUAL_TICK } from "./listing.ts";
import { MarketMaker } from "./market-maker.ts";
import { MirroredBook, mirror } from "./mirrored-book.ts";
import { seedOf } from "./price-path.ts";

// One trade to about 40 price changes; two books and about two best_bid_ask a trade follow from it.
const TRADE_SHARE = 0.25;
/** Of markets whose price leaves 0.04..0.96: how many get the fine tick. The venue does not switch all of them. */
const FINE_TICK_SHARE = 0.5;

export interface TradedOptions {
  readonly seed: number;
  readonly market: Market;
  readonly at: UnixMicros;
  readonly fair: number;
  /** Share of levels that are occupied. */
  readonly depth?: number;
  /** True where it has traded before: its last trade price is known. */
  readonly traded: boolean;
}

/** The state of a market at a step: how it is traded depends on it. */
export interface Moment {
  readonly at: UnixMicros;
  /** Added to the venue's own clock. */
  readonly skew: number;
  readonly fair: number;
  readonly secondsLeft: number;
  /** Nobody is in a hurry: few changes, hardly a trade. */
  readonly calm: boolean;
}

/** One market being traded: each `update` moves its books by one step and gives the frames that tell of it. */
export class TradedMarket {
  readonly market: Market;
  readonly book: MirroredBook;
  readonly #maker: MarketMaker;
  readonly #random: Random;
  readonly #getsFineTick: boolean;
  #trades = 0;

  constructor({ seed, market, at, fair, depth, traded }: TradedOptions) {
    this.market = market;
    this.#random = seededRandom(seedOf(`${seed}/trading/${market.slug}`));
    this.#getsFineTick = chance(this.#random, FINE_TICK_SHARE);
    const [first, second] = market.outcomes;
    if (!(first && second)) throw new RangeError(`${market.slug} needs two outcomes`);
    this.book = new MirroredBook(market.id, [first.instrument, second.instrument], USUAL_TICK, wholeMillis(at));
    this.#maker = new MarketMaker(this.book, this.#random, depth);
    this.#maker.open(fair);
    if (traded) this.book.lastTradePrice = this.book.ladder.bestBid();
    this.book.settle(wholeMillis(at));
  }

  get random(): Random {
    return this.#random;
  }

  update({ at, skew, fair, secondsLeft, calm }: Moment): MarketFrame[] {
    // The venue's clock of a book never stands still between two states, and never goes back.
    const sentAt = Math.max(wholeMillis((at + skew) as UnixMicros), this.book.sentAt + MILLISECOND) as UnixMicros;
    const frames = this.#retick(sentAt);
    const before = this.book.bestPrices(this.book.tokens[0]);
    const trade = chance(this.#random, calm ? 0.02 : TRADE_SHARE) ? this.#trade(sentAt) : null;
    this.#maker.update(fair, secondsLeft, calm);
    if (this.book.pending === 0) return frames;
    // Before the books, because their digest holds the price of it.
    if (trade) frames.push({ ...frameOf(encodeTrade(trade), [trade.instrument]), trades: [trade] });
    for (const change of this.book.commit(sentAt)) frames.push(frameOf(encodePriceChange(change), this.book.tokens));
    if (trade) {
      for (const token of this.book.tokens) {
        frames.push(frameOf(encodeBookUpdate(this.book.snapshot(token)), [token]));
      }
    }
    const after = this.book.bestPrices(this.book.tokens[0]);
    if (before.bestBid !== after.bestBid || before.bestAsk !== after.bestAsk) frames.push(...this.#bestPrices(sentAt));
    return frames;
  }

  /** Takes from the best level of a side, through either token. Null where nothing rests there. */
  #trade(sentAt: UnixMicros): Trade | null {
    const { ladder, tokens } = this.book;
    const side = chance(this.#random, 0.5) ? "bid" : "ask";
    const price = side === "bid" ? ladder.bestBid() : ladder.bestAsk();
    if (price === null) return null;
    const resting = ladder.size(side, price);
    // Never the whole level: makers answer a sweep by requoting, which is what an update does.
    const wanted = Math.round(drawFrom(this.#random, TRADE_SIZE) * 100) * (ONE / 100);
    const most = Math.floor(resting * 0.9);
    const size = Math.min(wanted, most) as SizeMicros;
    if (size === 0) return null;
    this.book.set(side, price, (resting - size) as SizeMicros);
    const token = pick(this.#random, 2) as 0 | 1;
    const traded = token === 0 ? price : mirror(price);
    this.book.lastTradePrice = traded;
    this.#trades++;
    return {
      kind: "trade",
      market: this.market.id,
      instrument: tokens[token],
      sentAt,
      price: traded,
      size,
      takerSide: (side === "ask") === (token === 0) ? "buy" : "sell",
      transaction: transactionOf(`${this.market.slug}/${this.#trades}`),
    };
  }

  /** Beyond 0.96 and 0.04 the tick becomes a tenth of a cent, and a cent again well inside. */
  #retick(sentAt: UnixMicros): MarketFrame[] {
    const { ladder, tickSize } = this.book;
    const bid = ladder.bestBid() ?? (0 as PriceMicros);
    const ask = ladder.bestAsk() ?? (ONE as PriceMicros);
    const extreme = bid > 960_000 || ask < 40_000;
    const inside = bid < 940_000 && ask > 60_000;
    const next = extreme && this.#getsFineTick ? FINE_TICK : inside ? USUAL_TICK : tickSize;
    if (next === tickSize) return [];
    this.book.regrid(next);
    return this.book.tokens.map((instrument) => {
      const event: TickSizeChange = {
        kind: "tick_size_change",
        market: this.market.id,
        instrument,
        sentAt,
        tickSize: next,
        previous: tickSize,
      };
      return frameOf(encodeTickSizeChange(event), [instrument]);
    });
  }

  #bestPrices(sentAt: UnixMicros): MarketFrame[] {
    return this.book.tokens.map((instrument) => {
      const best: BestPrices = {
        kind: "best_prices",
        market: this.market.id,
        instrument,
        sentAt,
        ...this.book.bestPrices(instrument),
      };
      return frameOf(encodeBestPrices(best), [instrument], "custom");
    });
  }
}

export function frameOf(
  bytes: Uint8Array,
  instruments: readonly InstrumentId[],
  audience: MarketFrame["audience"] = "all",
  resolution = false,
): MarketFrame {
  return { kind: "market", bytes, instruments, audience, resolution };
}

export function wholeMillis(at: UnixMicros): UnixMicros {
  return (Math.floor(at / MILLISECOND) * MILLISECOND) as UnixMicros;
}
