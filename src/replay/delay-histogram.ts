/** Steps between a power of two and the next: a quantile is at most 1/32 too high. */
const STEPS = 32;

/** Counts of durations in micros, in bounded memory however many there are. */
export class DelayHistogram {
  readonly #counts: number[] = [];
  #total = 0;
  #max = 0;

  add(micros: number): void {
    const place = placeOf(micros);
    this.#counts[place] = (this.#counts[place] ?? 0) + 1;
    this.#total++;
    if (micros > this.#max) this.#max = micros;
  }

  /** null where nothing was counted. */
  quantiles(): { p50: number; p95: number; p99: number; max: number } | null {
    if (this.#total === 0) return null;
    return { p50: this.#quantile(0.5), p95: this.#quantile(0.95), p99: this.#quantile(0.99), max: this.#max };
  }

  #quantile(share: number): number {
    let left = Math.ceil(share * this.#total);
    for (let place = 0; place < this.#counts.length; place++) {
      left -= this.#counts[place] ?? 0;
      if (left <= 0) return Math.min(highestOf(place), this.#max);
    }
    return this.#max;
  }
}

/** Below 32 each value has a place of its own; above, each power of two has 32 places. */
function placeOf(micros: number): number {
  if (micros < STEPS) return micros;
  const power = Math.floor(Math.log2(micros));
  const step = Math.floor((micros / 2 ** power - 1) * STEPS);
  return STEPS + (power - 5) * STEPS + step;
}

function highestOf(place: number): number {
  if (place < STEPS) return place;
  const power = 5 + Math.floor((place - STEPS) / STEPS);
  const step = (place - STEPS) % STEPS;
  return Math.ceil(2 ** power * (1 + (step + 1) / STEPS)) - 1;
}
