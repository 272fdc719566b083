import type { InstrumentId, Market, MarketId, UnixMicros, VenueEvent } from "#model";
import { parseTarget } from "#venue";
import { NothingSelected } from "./errors.ts";
import type { RecordedFacts } from "./recorded-facts.ts";

/** Which markets of a recording; what any of the lists names is in, and without a list everything is. */
export interface Selection {
  /** "btc-updown-15m" or the venue's "btc-up-or-down-15m". */
  readonly series?: readonly string[];
  /** Slugs of windows, of other markets, or of the groups that hold them. */
  readonly windows?: readonly string[];
  readonly markets?: readonly MarketId[];
  readonly instruments?: readonly InstrumentId[];
  /** As far as the recorder asked the catalog by tag. */
  readonly tags?: readonly string[];
}

/** A selection beside the catalog, which may yet grow. */
export class Selected {
  readonly #facts: RecordedFacts;
  readonly #selection: Selection;
  readonly #series: ReadonlySet<string>;
  readonly #isAll: boolean;
  readonly #instruments: ReadonlySet<InstrumentId>;

  constructor(facts: RecordedFacts, selection: Selection) {
    this.#facts = facts;
    this.#selection = selection;
    this.#series = new Set(selection.series?.map(seriesOf));
    this.#instruments = new Set(selection.instruments);
    const { series, windows, markets, instruments, tags } = selection;
    this.#isAll = [series, windows, markets, instruments, tags].every((list) => list === undefined);
  }

  /** Instruments that were named themselves. */
  get named(): readonly InstrumentId[] {
    return this.#selection.instruments ?? [];
  }

  get isAll(): boolean {
    return this.#isAll;
  }

  /** Instruments that are known by now; undefined: everybody's. */
  instruments(): ReadonlySet<InstrumentId> | undefined {
    if (this.#isAll) return undefined;
    const chosen = this.markets().flatMap((market) => market.outcomes.map((outcome) => outcome.instrument));
    return new Set([...chosen.filter((instrument) => this.hasInstrument(instrument)), ...this.#instruments]);
  }

  /** Selected markets that the catalog has by `at`, by default by now. */
  markets(at?: UnixMicros): readonly Market[] {
    return this.#facts
      .marketsAt(at)
      .all()
      .filter((market) => this.hasMarket(market.id, market) || this.#hasOutcome(market));
  }

  hasInstrument(instrument: InstrumentId): boolean {
    if (this.#isAll || this.#instruments.has(instrument)) return true;
    const market = this.#facts.marketOf(instrument);
    return market !== undefined && this.hasMarket(market.id, market);
  }

  /** Whether the market is in as a whole, not only for one of its instruments. */
  hasMarket(id: MarketId, market: Market | undefined = this.#facts.market(id)): boolean {
    const { markets, windows, tags } = this.#selection;
    if (this.#isAll || markets?.includes(id)) return true;
    if (tags?.some((tag) => this.#facts.hasTag(id, tag))) return true;
    if (market === undefined) return false;
    if (market.seriesSlug !== null && this.#series.has(market.seriesSlug)) return true;
    return windows?.some((slug) => slug === market.slug || slug === market.groupSlug) ?? false;
  }

  /** Whether the event concerns nobody in particular, or somebody selected. */
  wants(event: VenueEvent): boolean {
    if (this.#isAll) return true;
    switch (event.kind) {
      case "price_change":
        return event.changes.some((change) => this.hasInstrument(change.instrument));
      case "book":
      case "trade":
      case "tick_size_change":
      case "best_prices":
        return this.hasInstrument(event.instrument);
      case "market_resolved":
        return this.hasMarket(event.market) || this.hasInstrument(event.winner);
      case "market_created":
      case "reference_price":
      case "notice":
      case "unknown":
      case "fault":
        return true;
    }
  }

  /** @throws NothingSelected for the first name that the catalog does not know. */
  check(): void {
    const all = this.#facts.marketsAt().all();
    const { series = [], windows = [], markets = [], tags = [] } = this.#selection;
    for (const name of series)
      if (!all.some((market) => market.seriesSlug === seriesOf(name))) throw new NothingSelected(`series ${name}`);
    for (const slug of windows)
      if (!all.some((market) => market.slug === slug || market.groupSlug === slug))
        throw new NothingSelected(`slug ${slug}`);
    for (const id of markets) if (!all.some((market) => market.id === id)) throw new NothingSelected(`condition ${id}`);
    for (const tag of tags)
      if (!all.some((market) => this.#facts.hasTag(market.id, tag))) throw new NothingSelected(`tag ${tag}`);
  }

  #hasOutcome(market: Market): boolean {
    return market.outcomes.some((outcome) => this.#instruments.has(outcome.instrument));
  }
}

function seriesOf(name: string): string {
  const target = parseTarget(`series:${name}`);
  return target.kind === "series" ? target.slug : name;
}
