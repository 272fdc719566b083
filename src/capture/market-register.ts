import type { ExactPrice, InstrumentId, Market, MarketId, ReferencePrice, UnixMicros } from "#model";
import { type Candidate, isSubscribed, type Phase, type PlanOptions, phaseOf } from "./plan.ts";

/** Who said it: our own feed of the settlement series, the market socket, or an HTTP answer. */
export type Witnessed = "feed" | "socket" | "catalog";

/** A market being recorded, with all that was learned about it; mutable. */
export interface Recorded {
  market: Market;
  readonly explicit: boolean;
  resolvedAt: UnixMicros | null;
  winner: { readonly instrument: InstrumentId; readonly by: Witnessed } | null;
  /** "Price to beat". What the venue says replaces what our feed showed at the opening second. */
  strike: (ExactPrice & { readonly by: Witnessed }) | null;
  finalPrice: (ExactPrice & { readonly by: Witnessed }) | null;
}

export interface FinishedMarket {
  readonly slug: string;
  readonly market: MarketId;
  /** The name of the winning outcome; null where nobody resolved it in time. */
  readonly winner: string | null;
  readonly strike: string | null;
  readonly finalPrice: string | null;
}

/** How many finished markets are remembered, so that a catalog that still shows one does not bring it back. */
const REMEMBERED = 4_096;
/** The same for showing them. */
const SHOWN = 20;

/** What is known of the markets, by catalog, socket and feed. Bounded: finished ones leave. */
export class MarketRegister {
  readonly #plan: PlanOptions;
  readonly #markets = new Map<MarketId, Recorded>();
  readonly #byInstrument = new Map<InstrumentId, Recorded>();
  readonly #finished = new Map<MarketId, FinishedMarket>();
  finishedCount = 0;
  resolvedCount = 0;

  constructor(plan: PlanOptions) {
    this.#plan = plan;
  }

  all(): Iterable<Recorded> {
    return this.#markets.values();
  }

  get size(): number {
    return this.#markets.size;
  }

  get(id: MarketId): Recorded | undefined {
    return this.#markets.get(id);
  }

  /** The market with all that the venue has said about it; what our own feed showed is no word of the venue's. */
  known(id: MarketId): Market | undefined {
    const recorded = this.#markets.get(id);
    if (!recorded) return undefined;
    const { market, strike, finalPrice, winner } = recorded;
    return {
      ...market,
      strike: strike?.by === "catalog" ? strike : market.strike,
      finalPrice: finalPrice?.by === "catalog" ? finalPrice : market.finalPrice,
      winner: winner?.instrument ?? market.winner,
    };
  }

  of(instrument: InstrumentId): Recorded | undefined {
    return this.#byInstrument.get(instrument);
  }

  /** The latest finished ones, oldest first. */
  get finished(): readonly FinishedMarket[] {
    return [...this.#finished.values()].slice(-SHOWN);
  }

  /** Takes a catalog's word. A market that was already over when we first hear of it is none of ours. */
  learn(market: Market, explicit: boolean, now: UnixMicros): void {
    const over = this.#finished.get(market.id);
    if (over) {
      this.#finished.set(market.id, withFacts(over, market));
      return;
    }
    const known = this.#markets.get(market.id);
    if (!known && (market.closed || market.winner !== null)) return;
    const recorded = known ?? this.#enter(market, explicit);
    recorded.market = market;
    if (market.strike) recorded.strike = { ...market.strike, by: "catalog" };
    if (market.finalPrice) recorded.finalPrice = { ...market.finalPrice, by: "catalog" };
    if (market.winner !== null) this.resolve(market.id, market.winner, "catalog", now);
    // Closed without a winner: a split market. There is nothing more to come.
    else if (market.closed) recorded.resolvedAt ??= now;
  }

  resolve(id: MarketId, winner: InstrumentId, by: Witnessed, now: UnixMicros): void {
    const recorded = this.#markets.get(id);
    if (!recorded || recorded.winner) return;
    recorded.winner = { instrument: winner, by };
    recorded.resolvedAt ??= now;
    this.resolvedCount++;
  }

  /** The settlement series at a window's boundary second is its strike, or its final price, before anybody says so. */
  observe(price: ReferencePrice): void {
    for (const recorded of this.#markets.values()) {
      const { settlement, window } = recorded.market;
      if (!window || settlement.kind === "other" || settlement.symbol !== price.symbol) continue;
      const seconds = settlement.kind === "chainlink_twap" ? settlement.seconds : null;
      if (settlement.kind === "binance_candle" || seconds !== price.windowSeconds) continue;
      const observed = { price: price.price, exact: price.exact, by: "feed" as const };
      if (price.observedAt === window.startsAt) recorded.strike ??= observed;
      if (price.observedAt === window.endsAt) recorded.finalPrice ??= observed;
    }
  }

  phaseOf(recorded: Recorded, now: UnixMicros): Phase {
    return phaseOf(recorded satisfies Candidate, now, this.#plan);
  }

  /** Lets the finished go and says which. */
  sweep(now: UnixMicros): Recorded[] {
    const gone = [...this.#markets.values()].filter((recorded) => this.phaseOf(recorded, now) === "done");
    for (const recorded of gone) this.#finish(recorded);
    return gone;
  }

  /** What is to be subscribed now. */
  wanted(now: UnixMicros): Market[] {
    return [...this.#markets.values()]
      .filter((recorded) => isSubscribed(this.phaseOf(recorded, now)))
      .map((recorded) => recorded.market);
  }

  #enter(market: Market, explicit: boolean): Recorded {
    const recorded: Recorded = { market, explicit, resolvedAt: null, winner: null, strike: null, finalPrice: null };
    this.#markets.set(market.id, recorded);
    for (const { instrument } of market.outcomes) this.#byInstrument.set(instrument, recorded);
    return recorded;
  }

  #finish(recorded: Recorded): void {
    const { market, winner, strike, finalPrice } = recorded;
    this.#markets.delete(market.id);
    for (const { instrument } of market.outcomes) this.#byInstrument.delete(instrument);
    this.finishedCount++;
    this.#finished.set(market.id, {
      slug: market.slug,
      market: market.id,
      winner: outcomeName(market, winner?.instrument),
      strike: strike?.exact ?? null,
      finalPrice: finalPrice?.exact ?? null,
    });
    const [oldest] = this.#finished.keys();
    if (this.#finished.size > REMEMBERED && oldest !== undefined) this.#finished.delete(oldest);
  }
}

/** What is still learned of a market after it was let go: its final price, or a late winner. */
function withFacts(finished: FinishedMarket, market: Market): FinishedMarket {
  return {
    ...finished,
    winner: finished.winner ?? outcomeName(market, market.winner),
    strike: market.strike?.exact ?? finished.strike,
    finalPrice: market.finalPrice?.exact ?? finished.finalPrice,
  };
}

export function outcomeName(market: Market, instrument: InstrumentId | null | undefined): string | null {
  return market.outcomes.find((outcome) => outcome.instrument === instrument)?.name ?? null;
}
