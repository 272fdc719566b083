import { atLeastReal, BucketOverloaded, type Clock, HttpError, type Log } from "#host";
import type { InstrumentId, Market, UnnumberedFrame } from "#model";
import { MINUTE, SECOND } from "#model";
import { Catalog, formatTarget, Inquirer, Rest, type Target, type VenueConfig } from "#venue";
import type { RestWord } from "./witness.ts";

export interface CatalogRoundsOptions {
  readonly venue: VenueConfig;
  readonly targets: readonly Target[];
  readonly clock: Clock;
  readonly log: Log;
  /** Windows are looked up this long before they open, and asked about this long after their end. */
  readonly aheadMicros: number;
  readonly patienceMicros: number;
  /** Every HTTP answer, as a frame for the journal. */
  onAnswer(frame: UnnumberedFrame): void;
  onMarket(market: Market, explicit: boolean): void;
}

const TARGETS_EVERY = 20 * SECOND;
const INQUIRIES_EVERY = SECOND;
/** Floors in real milliseconds, for a clock that runs faster than the network. */
const TARGETS_FLOOR = 500;
const INQUIRIES_FLOOR = 100;

/** A market that was found by its name is looked up again this rarely: whether it is over is the inquiries' business. */
const FOUND_EVERY = 10 * MINUTE;
/** Lookups of one round. The rest come with the next; Gamma's budget is 10 a second. */
const MOST_AT_ONCE = 150;

interface Answered {
  /** By the monotonic clock. */
  readonly at: number;
  readonly problems: readonly string[];
}

/** Names one market for good; a series and a tag go on to others. */
function isFixed(target: Target): boolean {
  return target.kind !== "series" && target.kind !== "tag";
}

function isDue(target: Target, answered: Answered | undefined, now: number): boolean {
  return !answered || !isFixed(target) || answered.problems.length > 0 || now - answered.at >= FOUND_EVERY;
}

/**
 * Asks Gamma again and again which markets the targets are, so that series roll on and a late entry is found as long as
 * its window lasts; and asks for strikes and outcomes that no socket told.
 */
export class CatalogRounds {
  readonly #options: CatalogRoundsOptions;
  readonly #catalog: Catalog;
  readonly #inquirer: Inquirer;
  readonly #rest: Rest;
  readonly #abort = new AbortController();
  /** What was last said of each target. */
  readonly #answered = new Map<Target, Answered>();
  #running: Promise<unknown> | null = null;
  #namedMarkets = 0;
  requestErrors = 0;

  constructor(options: CatalogRoundsOptions) {
    this.#options = options;
    const { venue, clock, log, onAnswer, onMarket, aheadMicros, patienceMicros } = options;
    this.#rest = new Rest({ endpoints: venue.endpoints, clock, log, onAnswer, signal: this.#abort.signal });
    const rest = this.#rest;
    this.#catalog = new Catalog({ rest, clock, log, aheadMicros });
    this.#inquirer = new Inquirer({
      catalog: this.#catalog,
      rest,
      clock,
      log,
      graceMicros: patienceMicros,
      onMarket: (market) => onMarket(market, false),
    });
  }

  /** True where all was asked for by name and each name was found: when those markets are over, nothing is left. */
  get complete(): boolean {
    const { targets } = this.#options;
    const found = (target: Target) => this.#answered.get(target)?.problems.length === 0;
    return this.#namedMarkets > 0 && targets.every((target) => isFixed(target) && found(target));
  }

  /** What could not be learned of the targets, in a line each. */
  get problems(): readonly string[] {
    return [...this.#answered.values()].flatMap((answered) => answered.problems);
  }

  /** Resolves after `stop`. Trouble with the venue is no reason to end; what rejects is a defect of ours. */
  run(): Promise<unknown> {
    const { clock } = this.#options;
    this.#running = Promise.all([
      this.#every(atLeastReal(clock, TARGETS_EVERY, TARGETS_FLOOR), () => this.#lookUp()),
      this.#every(atLeastReal(clock, INQUIRIES_EVERY, INQUIRIES_FLOOR), () => this.#inquirer.poll()),
    ]);
    return this.#running;
  }

  /** Asks for its strike and outcome until they are known; again, with what was learned elsewhere. */
  follow(market: Market): void {
    this.#inquirer.follow(market);
  }

  /** The REST book, as a witness. Never rejects. */
  async ask(instrument: InstrumentId): Promise<RestWord> {
    try {
      const answer = await this.#rest.fetchBook(instrument);
      switch (answer.kind) {
        case "book":
          return { kind: "book", book: answer.snapshot };
        case "not_found":
          return { kind: "absent" };
        case "unreadable":
          return { kind: "failed", why: answer.fault.detail };
      }
    } catch (error) {
      if (!(error instanceof HttpError || error instanceof BucketOverloaded)) throw error;
      this.requestErrors++;
      return { kind: "failed", why: error.message };
    }
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  async #lookUp(): Promise<void> {
    const now = this.#options.clock.monotonic();
    const due = this.#options.targets.filter((target) => isDue(target, this.#answered.get(target), now));
    // Whoever waited longest goes first, or many that are never found would keep the others out.
    const lastAt = (target: Target) => this.#answered.get(target)?.at ?? Number.NEGATIVE_INFINITY;
    const batch = due.sort((a, b) => compare(lastAt(a), lastAt(b))).slice(0, MOST_AT_ONCE);
    await Promise.all([
      this.#resolve(
        batch.filter((target) => target.kind === "series"),
        false,
      ),
      this.#resolve(
        batch.filter((target) => target.kind !== "series"),
        true,
      ),
    ]);
  }

  async #resolve(targets: readonly Target[], explicit: boolean): Promise<void> {
    if (targets.length === 0) return;
    const { markets, problems } = await this.#catalog.resolveTargets(targets);
    const { onMarket, log, clock } = this.#options;
    if (this.#abort.signal.aborted) return;
    for (const market of markets) onMarket(market, explicit);
    if (explicit) this.#namedMarkets += markets.length;
    for (const target of targets) {
      const lines = problems
        .filter((problem) => problem.target === target)
        .map(({ reason }) => `${formatTarget(target)}: ${reason}`);
      const known = this.#answered.get(target)?.problems ?? [];
      for (const line of lines.filter((each) => !known.includes(each))) log.warn({}, line);
      this.#answered.set(target, { at: clock.monotonic(), problems: lines });
    }
  }

  async #every(micros: number, work: () => Promise<void>): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      await work();
      await this.#options.clock.sleep(micros, signal);
    }
  }
}

/** Not by subtraction: two that were never asked are both at minus infinity. */
function compare(a: number, b: number): number {
  return Number(a > b) - Number(a < b);
}
