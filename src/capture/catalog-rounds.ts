import { atLeastReal, BucketOverloaded, type Clock, HttpError, type Log } from "#host";
import type { InstrumentId, Market, UnnumberedFrame } from "#model";
import { SECOND } from "#model";
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
  readonly #series: readonly Target[];
  readonly #named: readonly Target[];
  #running: Promise<unknown> | null = null;
  #namedMarkets = 0;
  problems: readonly string[] = [];
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
    this.#series = options.targets.filter((target) => target.kind === "series");
    this.#named = options.targets.filter((target) => target.kind !== "series");
  }

  /** True where all was asked for by name and each name was found: when those markets are over, nothing is left. */
  get complete(): boolean {
    return this.#series.length === 0 && this.#namedMarkets > 0 && this.problems.length === 0;
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
    const { onMarket, log } = this.#options;
    const [series, named] = await Promise.all([
      this.#catalog.resolveTargets(this.#series),
      this.#catalog.resolveTargets(this.#named),
    ]);
    if (this.#abort.signal.aborted) return;
    for (const market of series.markets) onMarket(market, false);
    for (const market of named.markets) onMarket(market, true);
    this.#namedMarkets = Math.max(this.#namedMarkets, named.markets.length);
    const problems = [...series.problems, ...named.problems];
    const lines = problems.map(({ target, reason }) => `${formatTarget(target)}: ${reason}`);
    if (lines.join() !== this.problems.join()) for (const line of lines) log.warn({}, line);
    this.problems = lines;
  }

  async #every(micros: number, work: () => Promise<void>): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      await work();
      await this.#options.clock.sleep(micros, signal);
    }
  }
}
