import { BucketOverloaded, type Clock, HttpError, type Log } from "#host";
import type { Market, MarketId } from "#model";
import type { Catalog } from "./catalog.ts";
import {
  INQUIRY_DEFAULTS,
  type InquiryOptions,
  type InquirySource,
  type InquiryState,
  mergeMarket,
  missingFacts,
  NEVER_ASKED,
  nextInquiry,
} from "./catalog-inquiry.ts";
import type { Rest } from "./rest.ts";

export interface InquirerOptions extends Partial<InquiryOptions> {
  readonly catalog: Catalog;
  readonly rest: Rest;
  readonly clock: Clock;
  readonly log: Log;
  /** A fact was learned or corrected: strike, final price, winner. */
  onMarket(market: Market): void;
  /** Nobody will ask any more; the market lacks what `reason` names. */
  onGiveUp?(market: Market, reason: string): void;
}

interface Case {
  market: Market;
  state: InquiryState;
  /** Steps are looked at again from here on. */
  dueAt: number;
  busy: boolean;
}

/** More than any recording follows at once; further markets are not asked about, and the log says so. */
const MAX_CASES = 10_000;

/**
 * Asks for the strike and the outcome of windows that the stream did not tell: `market_resolved` may never come, and the
 * strike is on no socket at all. Call `poll` every second or so; where nothing is due it costs nothing.
 */
export class Inquirer {
  readonly #options: InquirerOptions;
  readonly #inquiry: InquiryOptions;
  readonly #cases = new Map<MarketId, Case>();

  constructor(options: InquirerOptions) {
    this.#options = options;
    this.#inquiry = { graceMicros: options.graceMicros ?? INQUIRY_DEFAULTS.graceMicros };
  }

  /** How many markets still lack a fact that is being asked for. */
  get open(): number {
    return this.#cases.size;
  }

  /** Asks about a market until all is known; called again, it adds what the caller has learned since. */
  follow(market: Market): void {
    const known = this.#cases.get(market.id);
    if (known) {
      known.market = mergeMarket(known.market, market);
      known.dueAt = 0;
      return;
    }
    if (missingFacts(market).length === 0) return;
    if (this.#cases.size >= MAX_CASES) {
      this.#options.log.error({ slug: market.slug }, `not following up: ${MAX_CASES} markets are followed already`);
      return;
    }
    this.#cases.set(market.id, { market, state: NEVER_ASKED, dueAt: 0, busy: false });
  }

  forget(id: MarketId): void {
    this.#cases.delete(id);
  }

  /** Asks all that is due now and resolves when it was answered. A market is never asked about twice at a time. */
  async poll(): Promise<void> {
    const now = this.#options.clock.now();
    const due = [...this.#cases.values()].filter((each) => !each.busy && each.dueAt <= now);
    await Promise.all(due.map((each) => this.#advance(each)));
  }

  async #advance(held: Case): Promise<void> {
    const { clock, log, onGiveUp } = this.#options;
    const step = nextInquiry(held.market, held.state, clock.now(), this.#inquiry);
    switch (step.kind) {
      case "done":
        this.#cases.delete(held.market.id);
        return;
      case "wait":
        held.dueAt = step.until;
        return;
      case "give_up": {
        this.#cases.delete(held.market.id);
        const reason = `${held.market.slug}: nobody said its ${step.missing.join(", ")} in time`;
        log.error({ slug: held.market.slug, missing: step.missing }, reason);
        onGiveUp?.(held.market, reason);
        return;
      }
      case "ask":
        held.state = step.next;
        held.busy = true;
        try {
          await Promise.all(step.sources.map((source) => this.#ask(held, source)));
        } finally {
          held.busy = false;
        }
    }
  }

  async #ask(held: Case, source: InquirySource): Promise<void> {
    const { log, onMarket } = this.#options;
    let fresh: Market | null;
    try {
      fresh = await this.#fetch(held.market, source);
    } catch (error) {
      if (!(error instanceof HttpError || error instanceof BucketOverloaded)) throw error;
      log.warn({ slug: held.market.slug, source }, error.message);
      return;
    }
    // Another source, or the caller, may have told more while this one was asked; and it may be forgotten by now.
    if (fresh === null || this.#cases.get(held.market.id) !== held) return;
    const before = held.market;
    held.market = source === "gamma" ? mergeMarket(held.market, fresh) : mergeMarket(fresh, held.market);
    if (differs(before, held.market)) onMarket(held.market);
  }

  /** What a source says, laid over what is known; null where it says nothing. */
  async #fetch(market: Market, source: InquirySource): Promise<Market | null> {
    const { catalog, rest } = this.#options;
    switch (source) {
      case "gamma":
        return catalog.refresh(market);
      case "clob": {
        const answer = await rest.fetchClobMarket(market.id);
        return answer?.winner ? { ...market, winner: answer.winner, closed: market.closed || answer.closed } : null;
      }
      case "strike_service": {
        const prices = await rest.fetchWindowPrices(market);
        return prices ? { ...market, strike: prices.open, finalPrice: prices.close } : null;
      }
    }
  }
}

/** Whether a fact was learned or corrected: Gamma's strike, when it comes, stands above the strike service's. */
function differs(before: Market, after: Market): boolean {
  return (
    before.winner !== after.winner ||
    before.strike?.exact !== after.strike?.exact ||
    before.finalPrice?.exact !== after.finalPrice?.exact
  );
}
