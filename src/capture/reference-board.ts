import type { Market, ReferencePrice, UnixMicros } from "#model";
import type { ReferenceStatus } from "./status.ts";

/** More series than there are coins times services. */
const MOST_SERIES = 256;

interface Latest {
  readonly price: ReferencePrice;
  readonly receivedAt: UnixMicros;
}

/** The latest price of each reference series. */
export class ReferenceBoard {
  readonly #latest = new Map<string, Latest>();

  put(price: ReferencePrice, receivedAt: UnixMicros): void {
    const key = [price.source, price.provider, price.symbol, price.measure, price.windowSeconds].join(" ");
    const known = this.#latest.get(key);
    if (!known && this.#latest.size >= MOST_SERIES) return;
    if (!known || price.observedAt >= known.price.observedAt) this.#latest.set(key, { price, receivedAt });
  }

  /** The latest of the series by which a market settles; of its spot where the average never came. */
  forMarket({ settlement }: Market): string | null {
    if (settlement.kind === "other") return null;
    const seconds = settlement.kind === "chainlink_twap" ? settlement.seconds : null;
    const candidates = [...this.#latest.values()].filter(({ price }) => price.symbol.startsWith(settlement.symbol));
    const exact = candidates.filter(({ price }) => price.windowSeconds === seconds);
    const [freshest] = (exact.length > 0 ? exact : candidates).sort((a, b) => b.price.observedAt - a.price.observedAt);
    return freshest?.price.exact ?? null;
  }

  status(now: UnixMicros): ReferenceStatus[] {
    return [...this.#latest.values()].map(({ price, receivedAt }) => ({
      source: price.source,
      provider: price.provider,
      symbol: price.symbol,
      measure: price.measure,
      windowSeconds: price.windowSeconds,
      exact: price.exact,
      observedAt: price.observedAt,
      age: Math.max(0, now - receivedAt),
    }));
  }
}
