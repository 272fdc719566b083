import { type Random, seededRandom } from "#host";
import { MINUTE, type ReferencePrice, SECOND, type UnixMicros } from "#model";
import { chance, drawFrom, exponential } from "./chance.ts";
import { RECEIPT_DELAY_SECONDS } from "./figures.ts";
import { PricePath, seedOf, TWAP_SECONDS } from "./price-path.ts";

const HISTORY_MICROS = 2 * MINUTE;
// 202 holes over 2 s in a day, 38 of them over a minute.
const HOLE_CHANCE = 202 / 86_400;
const LONG_HOLE_SHARE = 38 / 202;

/** A coin's price feed: a point a second, some late, some never. */
export class CoinFeed {
  readonly path: PricePath;
  /** The first second that can be published: its average is known. */
  readonly since: number;
  readonly #random: Random;
  readonly #holes: boolean;
  #history: ReferencePrice[] = [];
  #silentUntil = 0;
  #lastReceipt = 0;

  constructor(coin: string, seed: number, since: number, holes: boolean) {
    this.since = since;
    this.path = new PricePath(coin, seed, since - TWAP_SECONDS);
    this.#random = seededRandom(seedOf(`${seed}/feed/${coin}`));
    this.#holes = holes;
  }

  /** When the point of `second` reaches a subscriber; null: never. Call it for each second once. */
  receiptOf(second: number): UnixMicros | null {
    const delay = drawFrom(this.#random, RECEIPT_DELAY_SECONDS) * SECOND;
    if (this.#holes && chance(this.#random, HOLE_CHANCE)) {
      const length = chance(this.#random, LONG_HOLE_SHARE)
        ? Math.min(387, 60 + 90 * exponential(this.#random))
        : 2 + Math.min(50, 5 * exponential(this.#random));
      this.#silentUntil = Math.max(this.#silentUntil, second + length);
    }
    if (second < this.#silentUntil) return null;
    // One stream: a slow point holds up the next.
    this.#lastReceipt = Math.max(this.#lastReceipt + 1, Math.floor(second * SECOND + delay));
    return this.#lastReceipt as UnixMicros;
  }

  /** The spot and the average of `second`, as a service sends them at `sentAt`; they enter the history. */
  publish(second: number, sentAt: UnixMicros): readonly ReferencePrice[] {
    const shared = {
      kind: "reference_price",
      source: "polybolt",
      provider: "chainlink",
      symbol: `${this.path.coin}usd`,
      observedAt: (second * SECOND) as UnixMicros,
      sentAt,
      history: false,
    } as const;
    const points = [
      { ...shared, measure: "spot", windowSeconds: null, ...this.path.spotPrice(second) },
      { ...shared, measure: "twap", windowSeconds: TWAP_SECONDS, ...this.path.twapPrice(second) },
    ] as const;
    this.#history.push(...points);
    const since = second * SECOND - HISTORY_MICROS;
    let old = 0;
    while (this.#history[old]!.observedAt <= since) old++;
    if (old > 0) this.#history.splice(0, old);
    return points;
  }

  get history(): readonly ReferencePrice[] {
    return this.#history;
  }
}
