/** Events a second over the last seconds. `tick` is called with the time that passed. */
export class RateMeter {
  readonly #counts: number[] = [];
  readonly #spans: number[] = [];
  #count = 0;

  add(events = 1): void {
    this.#count += events;
  }

  tick(seconds: number): void {
    this.#counts.push(this.#count);
    this.#spans.push(seconds);
    this.#count = 0;
    if (this.#counts.length > TICKS) {
      this.#counts.shift();
      this.#spans.shift();
    }
  }

  get perSecond(): number {
    const seconds = sum(this.#spans);
    return seconds > 0 ? sum(this.#counts) / seconds : 0;
  }
}

const TICKS = 10;

/** Quantiles of the latest samples; of all of them there would be no end. */
export class LatestQuantiles {
  readonly #samples = new Float64Array(LATEST);
  #added = 0;

  add(sample: number): void {
    this.#samples[this.#added++ % LATEST] = sample;
  }

  /** Nearest rank; null before the first sample. */
  at(...quantiles: readonly number[]): number[] | null {
    const held = Math.min(this.#added, LATEST);
    if (held === 0) return null;
    const sorted = this.#samples.slice(0, held).sort();
    return quantiles.map((quantile) => sorted[Math.min(held - 1, Math.floor(quantile * held))]!);
  }
}

const LATEST = 2_048;

/** Counts by name, at most `most` names; the rest are counted together. */
export class NamedCounts {
  readonly #counts = new Map<string, number>();
  readonly #most: number;

  constructor(most = 64) {
    this.#most = most;
  }

  add(name: string): void {
    const known = this.#counts.has(name) || this.#counts.size < this.#most;
    const key = known ? name : "(others)";
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  toObject(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
