import { SECOND, type UnixMicros } from "#model";
import type { MarketFrame } from "../source.ts";
import { exponential, normal } from "./chance.ts";
import { listGeneric } from "./listing.ts";
import { TradedMarket } from "./trading.ts";

const OPEN_ENDED = Number.POSITIVE_INFINITY;
/** Until some updates were counted. */
const FRAMES_AN_UPDATE_AT_FIRST = 12;

/** Many markets that wander and never end: a load of a chosen rate, spread evenly over them. */
export class GenericMarkets {
  readonly markets: readonly TradedMarket[];
  readonly #framesPerSecond: number;
  /** Log odds of each market's fair price. */
  readonly #odds = new Map<TradedMarket, number>();
  #updates = 1;
  #frames = FRAMES_AN_UPDATE_AT_FIRST;

  constructor(seed: number, count: number, framesPerSecond: number, at: UnixMicros) {
    this.#framesPerSecond = framesPerSecond;
    // Thinner books than a busy window's: 50,000 full ones would not fit into a laptop.
    const depth = count > 5_000 ? 0.15 : count > 500 ? 0.35 : 0.7;
    this.markets = Array.from({ length: count }, (_, number) => {
      const fair = 0.1 + 0.8 * (((number * 0.618) % 1) as number);
      const traded = new TradedMarket({ seed, market: listGeneric(seed, number), at, fair, depth, traded: false });
      this.#odds.set(traded, Math.log(fair / (1 - fair)));
      return traded;
    });
  }

  update(traded: TradedMarket, at: UnixMicros, skew: number): { frames: readonly MarketFrame[]; gap: number } {
    const odds = 0.999 * this.#odds.get(traded)! + 0.02 * normal(traded.random);
    this.#odds.set(traded, odds);
    const frames = traded.update({ at, skew, fair: 1 / (1 + Math.exp(-odds)), secondsLeft: OPEN_ENDED, calm: false });
    this.#updates++;
    this.#frames += frames.length;
    const meanGap = (this.markets.length * (this.#frames / this.#updates) * SECOND) / this.#framesPerSecond;
    return { frames, gap: Math.max(1_000, meanGap * exponential(traded.random)) };
  }
}
