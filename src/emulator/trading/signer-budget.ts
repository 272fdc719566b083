import type { Clock } from "#host";
import { SECOND } from "#model";

/** A token bucket of the venue's Standard tier. */
export interface BudgetFigures {
  readonly perSecond: number;
  readonly burst: number;
}

export const STANDARD_ORDERS: BudgetFigures = { perSecond: 40, burst: 60 };
export const STANDARD_CANCELS: BudgetFigures = { perSecond: 80, burst: 120 };

export interface Spending {
  readonly isGranted: boolean;
  /** The venue's headers. */
  readonly headers: Readonly<Record<string, string>>;
}

interface Bucket {
  tokens: number;
  countedAt: number;
}

/** How many orders each signer may send. A batch is granted whole or not at all; nobody waits. */
export class SignerBudget {
  readonly #figures: BudgetFigures;
  readonly #clock: Clock;
  readonly #buckets = new Map<string, Bucket>();

  constructor(figures: BudgetFigures, clock: Clock) {
    this.#figures = figures;
    this.#clock = clock;
  }

  spend(signer: string, count: number): Spending {
    const { perSecond, burst } = this.#figures;
    const now = this.#clock.monotonic();
    const bucket = this.#buckets.get(signer) ?? { tokens: burst, countedAt: now };
    this.#buckets.set(signer, bucket);
    bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.countedAt) / SECOND) * perSecond);
    bucket.countedAt = now;
    const isGranted = bucket.tokens >= count;
    if (isGranted) bucket.tokens -= count;
    const missing = isGranted ? burst - bucket.tokens : count - bucket.tokens;
    const seconds = String(Math.ceil(missing / perSecond));
    return {
      isGranted,
      headers: {
        "poly-ratelimit-remaining": String(Math.floor(bucket.tokens)),
        "poly-ratelimit-reset": seconds,
        "poly-ratelimit-tier": "standard",
        ...(isGranted ? {} : { "retry-after": seconds }),
      },
    };
  }
}
