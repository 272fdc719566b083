import { BucketOverloaded, type Clock, HttpError, type Log } from "#host";
import type { Fault, Market, MarketId, UnixMicros } from "#model";
import { HOUR, MINUTE, SECOND } from "#model";
import { gridSlugs, groupSlugsIn, isWanted, seriesPath, type WantedSpan, wantedSpan } from "./catalog-windows.ts";
import type { GammaAnswer } from "./gamma.ts";
import type { Rest } from "./rest.ts";
import { formatTarget, type Target } from "./targets.ts";

export interface CatalogOptions {
  readonly rest: Rest;
  readonly clock: Clock;
  readonly log: Log;
  /** Windows of a series are listed that open within this time. Default 30 minutes. */
  readonly aheadMicros?: number;
}

/** A target that could not be resolved, or not whole, this time. */
export interface CatalogProblem {
  readonly target: Target;
  readonly reason: string;
}

export interface CatalogAnswer {
  /** Each market once, in no promised order. */
  readonly markets: readonly Market[];
  readonly problems: readonly CatalogProblem[];
}

const DEFAULT_AHEAD = 30 * MINUTE;
const PAGE_LIMIT = 100;
/** 2,000 events: more under one target is a mistake, and 4,000 tokens need 16 sockets. */
const MAX_PAGES = 20;
/** Of a series whose windows are only listed by name: 24 hourly windows are a day. */
const MAX_NAMED_WINDOWS = 24;
/** Windows that are over for this long are forgotten; whoever follows one holds its market. */
const KEPT_AFTER_END = HOUR;
/** A window that Gamma does not have yet is not asked for again sooner. */
const MISSING_PAUSE = 15 * SECOND;
/** A series' list is long and changes a few times an hour. */
const LISTING_PAUSE = MINUTE;

/** Turns what a user wants into markets, by Gamma. Ask again from time to time: series roll on. */
export class Catalog {
  readonly #options: CatalogOptions;
  /** Windows of series by slug, so that a poll asks only for what is new. */
  readonly #windows = new Map<string, Market>();
  /** When a slug was last not found. */
  readonly #missingAt = new Map<string, number>();

  /** When a series was last listed. */
  readonly #listedAt = new Map<string, number>();

  constructor(options: CatalogOptions) {
    this.#options = options;
  }

  /** Never rejects for trouble with the venue: what could not be learned is among the problems. */
  async resolveTargets(targets: readonly Target[]): Promise<CatalogAnswer> {
    this.#forgetThePast();
    const markets = new Map<MarketId, Market>();
    const problems: CatalogProblem[] = [];
    await Promise.all(
      targets.map(async (target) => {
        const answer = await this.#attempt(target);
        for (const market of answer.markets) markets.set(market.id, market);
        problems.push(...answer.problems);
      }),
    );
    return { markets: [...markets.values()], problems };
  }

  /**
   * The market as Gamma has it now, with what only its group knows (strike, final price); null where Gamma has it not.
   * @throws HttpError, BucketOverloaded
   */
  async refresh(market: Market): Promise<Market | null> {
    const { rest } = this.#options;
    const group = await rest.fetchMarkets(`/events/slug/${encodeURIComponent(market.groupSlug ?? market.slug)}`);
    const found = group.markets.find((each) => each.id === market.id) ?? (await this.#byCondition(market.id));
    if (found && this.#windows.has(found.slug)) this.#windows.set(found.slug, found);
    return found ?? null;
  }

  async #attempt(target: Target): Promise<CatalogAnswer> {
    try {
      const { markets, problems } = await this.#resolve(target);
      return { markets, problems: problems.map((reason) => ({ target, reason })) };
    } catch (error) {
      if (!(error instanceof HttpError || error instanceof BucketOverloaded)) throw error;
      this.#options.log.warn({ target: formatTarget(target) }, error.message);
      return { markets: [], problems: [{ target, reason: error.message }] };
    }
  }

  async #resolve(target: Target): Promise<Found> {
    switch (target.kind) {
      case "series":
        return this.#series(target.slug);
      case "slug":
        return this.#slug(target.slug);
      case "tag":
        return this.#pages(`/events/keyset?tag_slug=${encodeURIComponent(target.tag)}&closed=false`);
      case "condition":
        return orMissing(await this.#byCondition(target.id), "Gamma knows no market of this condition");
      case "token": {
        const answer = await this.#openOrClosed(`/markets?clob_token_ids=${target.id}`);
        if (answer.markets.length > 0) return found(answer);
        const condition = await this.#options.rest.fetchMarketOfToken(target.id);
        const market = condition === null ? undefined : await this.#byCondition(condition);
        return orMissing(market, "neither Gamma nor the CLOB knows a market of this token");
      }
    }
  }

  async #slug(slug: string): Promise<Found> {
    const { rest } = this.#options;
    const path = encodeURIComponent(slug);
    const group = await rest.fetchMarkets(`/events/slug/${path}`);
    if (group.markets.length > 0) return found(group);
    const market = await rest.fetchMarkets(`/markets/slug/${path}`);
    return market.markets.length > 0 ? found(market) : { markets: [], problems: [`Gamma knows no "${slug}"`] };
  }

  async #series(series: string): Promise<Found> {
    const { clock, aheadMicros = DEFAULT_AHEAD } = this.#options;
    const span = wantedSpan(clock.now(), aheadMicros);
    const slugs = gridSlugs(series, span);
    if (slugs === undefined) return this.#seriesByQuery(series, span);
    const answers = await Promise.all(slugs.map((slug) => this.#window(slug)));
    const missing = slugs.filter((_, index) => answers[index] === undefined);
    const markets = answers.filter((market) => market !== undefined);
    if (missing.length === 0) return { markets, problems: [] };
    // The venue may have named a window in another way: its own list of the series is the second source.
    const pausing = missing.every((slug) => this.#isPausing(slug));
    const listed = pausing ? NOTHING : await this.#seriesByQuery(series, span);
    for (const slug of missing) if (!this.#isPausing(slug)) this.#missingAt.set(slug, clock.monotonic());
    const known = new Set(markets.map((market) => market.id));
    const more = listed.markets.filter((market) => !known.has(market.id));
    const still = missing.filter((slug) => !more.some((market) => market.slug === slug));
    return { markets: [...markets, ...more], problems: still.map((slug) => `not listed yet: ${slug}`) };
  }

  /** One window, from memory or by its slug; undefined while Gamma has it not. */
  async #window(slug: string): Promise<Market | undefined> {
    const known = this.#windows.get(slug);
    if (known || this.#isPausing(slug)) return known;
    const { markets } = await this.#options.rest.fetchMarkets(`/events/slug/${encodeURIComponent(slug)}`);
    const market = markets.find((each) => each.slug === slug) ?? markets[0];
    if (market) this.#remember(slug, market);
    return market;
  }

  async #seriesByQuery(series: string, span: WantedSpan): Promise<Found> {
    const { clock } = this.#options;
    const listedAt = this.#listedAt.get(series);
    if (listedAt === undefined || clock.monotonic() - listedAt >= LISTING_PAUSE) {
      for (const market of await this.#listSeries(series, span)) this.#remember(market.slug, market);
      this.#listedAt.set(series, clock.monotonic());
    }
    const markets = [...this.#windows.values()].filter((market) => isWanted(market, series, span));
    const problems = markets.length === 0 ? [`Gamma lists no present window of the series "${series}"`] : [];
    return { markets, problems };
  }

  async #listSeries(series: string, span: WantedSpan): Promise<readonly Market[]> {
    const query = await this.#pages(seriesPath(series, span), (market) => market.seriesSlug === series);
    const wanted = query.markets.filter((market) => isWanted(market, series, span));
    if (wanted.length > 0) return wanted;
    const body = await this.#options.rest.fetchGamma(`/series?slug=${encodeURIComponent(series)}`);
    const slugs = body === null ? [] : groupSlugsIn(body, span, MAX_NAMED_WINDOWS);
    const listed = await Promise.all(slugs.map((slug) => this.#window(slug)));
    return listed.filter((market) => market !== undefined);
  }

  async #byCondition(id: MarketId): Promise<Market | undefined> {
    const answer = await this.#openOrClosed(`/markets?condition_ids=${encodeURIComponent(id)}`);
    return answer.markets.find((market) => market.id === id);
  }

  /** `/markets` hides resolved markets unless one asks for them (since 2026-04-09). */
  async #openOrClosed(path: string): Promise<GammaAnswer> {
    const open = await this.#options.rest.fetchMarkets(path);
    return open.markets.length > 0 ? open : this.#options.rest.fetchMarkets(`${path}&closed=true`);
  }

  /** All pages of a list; the first page with a market that does not belong ends it: the filter was ignored. */
  async #pages(path: string, belongs: (market: Market) => boolean = () => true): Promise<Found> {
    const markets: Market[] = [];
    const problems: string[] = [];
    let cursor: string | null = null;
    for (let page = 0; page < MAX_PAGES; page++) {
      const after: string = cursor === null ? "" : `&after_cursor=${encodeURIComponent(cursor)}`;
      const answer = await this.#options.rest.fetchMarkets(`${path}&limit=${PAGE_LIMIT}${after}`);
      markets.push(...answer.markets.filter((market) => !market.closed));
      problems.push(...answer.faults.map(describeFault));
      if (!answer.markets.every(belongs)) return { markets, problems };
      if (answer.nextCursor === null || answer.nextCursor === cursor) return { markets, problems };
      cursor = answer.nextCursor;
    }
    return { markets, problems: [...problems, `more than ${MAX_PAGES * PAGE_LIMIT} events: the rest is left out`] };
  }

  #remember(slug: string, market: Market): void {
    this.#windows.set(slug, market);
    this.#missingAt.delete(slug);
  }

  #isPausing(slug: string): boolean {
    const at = this.#missingAt.get(slug);
    return at !== undefined && this.#options.clock.monotonic() - at < MISSING_PAUSE;
  }

  #forgetThePast(): void {
    const { clock } = this.#options;
    const horizon = (clock.now() - KEPT_AFTER_END) as UnixMicros;
    for (const [slug, market] of this.#windows) {
      if (market.window === null || market.window.endsAt < horizon) this.#windows.delete(slug);
    }
    for (const slug of this.#missingAt.keys()) if (!this.#isPausing(slug)) this.#missingAt.delete(slug);
  }
}

interface Found {
  readonly markets: readonly Market[];
  readonly problems: readonly string[];
}

const NOTHING: Found = { markets: [], problems: [] };

function found(answer: GammaAnswer): Found {
  return { markets: answer.markets, problems: answer.faults.map(describeFault) };
}

function orMissing(market: Market | undefined, reason: string): Found {
  return market ? { markets: [market], problems: [] } : { markets: [], problems: [reason] };
}

function describeFault(fault: Fault): string {
  return `a market cannot be read: ${fault.detail}`;
}
