import { createHash } from "node:crypto";
import { type Random, seededRandom } from "#host";
import type { ExactPrice, PriceMicros } from "#model";
import { chance, exponential } from "./chance.ts";

/** Length of the average that settles, in seconds. */
export const TWAP_SECONDS = 60;
const KEPT_SECONDS = 256;
const E8 = 100_000_000;

// Share of the last return that carries over: makes the deviation over 60 s 1.4 times what single seconds would give.
const MOMENTUM = 0.33;
const FRESH = Math.sqrt(1 - MOMENTUM * MOMENTUM);

const FIRST_DOLLARS: Readonly<Record<string, number>> = {
  btc: 84_000,
  eth: 3_100,
  sol: 145,
  xrp: 2.2,
  doge: 0.16,
  bnb: 900,
  hype: 38,
  zec: 420,
};

/** A coin's price at whole seconds, made second by second, and its 60 s average. The last few minutes are kept. */
export class PricePath {
  readonly coin: string;
  readonly #random: Random;
  readonly #spots = new Float64Array(KEPT_SECONDS);
  #second: number;
  #return = 0;

  /** @param second the first Unix second whose price is known; the averages are right from TWAP_SECONDS later. */
  constructor(coin: string, seed: number, second: number) {
    this.coin = coin;
    this.#random = seededRandom(seedOf(`${seed}/price/${coin}`));
    this.#second = second;
    this.#spots[second % KEPT_SECONDS] = Math.round(
      (FIRST_DOLLARS[coin] ?? 10) * E8 * (0.9 + 0.2 * this.#random.next()),
    );
  }

  /** The last second whose price is known. */
  get second(): number {
    return this.#second;
  }

  advance(): void {
    this.#return = MOMENTUM * this.#return + FRESH * freshReturn(this.#random);
    const spot = Math.max(1, Math.round(this.spot(this.#second) * (1 + this.#return / 10_000)));
    this.#second++;
    this.#spots[this.#second % KEPT_SECONDS] = spot;
  }

  /** In units of 1e-8 dollars. @throws RangeError for a second that is not kept or not yet known. */
  spot(second: number): number {
    if (second > this.#second || second <= this.#second - KEPT_SECONDS) {
      throw new RangeError(`the price of second ${second} is not at hand, the last known is ${this.#second}`);
    }
    return this.#spots[((second % KEPT_SECONDS) + KEPT_SECONDS) % KEPT_SECONDS]!;
  }

  /** Sum of the spots of the last `count` seconds up to `second`, in units of 1e-8 dollars. */
  sum(second: number, count: number): number {
    let sum = 0;
    for (let back = 0; back < count; back++) sum += this.spot(second - back);
    return sum;
  }

  spotPrice(second: number): ExactPrice {
    return exactPrice(BigInt(this.spot(second)) * 10_000_000_000n);
  }

  /** The average that settles: the mean of the 60 whole seconds that end at `second`. */
  twapPrice(second: number): ExactPrice {
    return exactPrice((BigInt(this.sum(second, TWAP_SECONDS)) * 10_000_000_000n) / BigInt(TWAP_SECONDS));
  }
}

/**
 * A return over one second in basis points: a narrow middle, shoulders, and rare jumps. Quantiles and deviation (0.35) as
 * measured; the jumps give the kurtosis of about 50.
 */
function freshReturn(random: Random): number {
  const sign = chance(random, 0.5) ? 1 : -1;
  const share = random.next();
  if (share < 0.5) return sign * 0.06 * (share / 0.5);
  if (share < 0.9) return sign * (0.06 + 0.36 * ((share - 0.5) / 0.4));
  if (share < 0.98) return sign * (0.42 + 0.63 * ((share - 0.9) / 0.08));
  if (share < 0.999) return sign * (1.05 + 0.2 * exponential(random));
  return sign * (2.5 + 1.5 * exponential(random));
}

function exactPrice(e18: bigint): ExactPrice {
  const digits = e18.toString().padStart(19, "0");
  const fraction = digits.slice(-18).replace(/0+$/, "");
  const exact = fraction === "" ? digits.slice(0, -18) : `${digits.slice(0, -18)}.${fraction}`;
  return { price: Number(e18 / 1_000_000_000_000n) as PriceMicros, exact };
}

/** A seed of its own for everything that has a name, so that adding one thing does not change the others. */
export function seedOf(name: string): number {
  return createHash("sha256").update(name).digest().readInt32LE(0);
}
