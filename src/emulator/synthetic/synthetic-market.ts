import { seededRandom } from "#host";
import {
  DAY,
  type InstrumentId,
  type Market,
  type MarketId,
  type ReferencePrice,
  SECOND,
  type UnixMicros,
} from "#model";
import { encodeMarketResolved, encodeNewMarket, parseSeries, TIMEFRAMES } from "#venue";
import type { BookAnswer, EmulatedItem, EmulatorSource } from "../source.ts";
import { Agenda } from "./agenda.ts";
import { drawFrom } from "./chance.ts";
import { CoinFeed } from "./coin-feed.ts";
import { RESOLUTION_DELAY_SECONDS } from "./figures.ts";
import { GenericMarkets } from "./generic-markets.ts";
import {
  type Boundary,
  boundaryPricesAt,
  catalogEntry,
  gapAfter,
  type ListedWindow,
  momentOf,
  winnerOf,
} from "./listed-window.ts";
import { type ListedSeries, listWindow, windowStart } from "./listing.ts";
import { type PricePath, seedOf, TWAP_SECONDS } from "./price-path.ts";
import { frameOf, TradedMarket, wholeMillis } from "./trading.ts";

export interface SyntheticOptions {
  /** The same seed gives the same bytes. */
  readonly seed: number;
  readonly startsAt: UnixMicros;
  /** Recurring series, "btc-updown-15m"; any coin. */
  readonly series?: readonly string[];
  /** How long before their start windows are listed; a day as at the venue. */
  readonly aheadMicros?: number;
  /** Pace of the running windows: 1 is a busy day's BTC, about 150 frames a second in a 5-minute window. */
  readonly activity?: number;
  /** Markets about nothing, two instruments each, that never end: for load. */
  readonly markets?: number;
  /** Frames a second of all those markets together. */
  readonly framesPerSecond?: number;
  /** False: no point of a price feed is ever missing. */
  readonly holes?: boolean;
}

type Action = () => readonly EmulatedItem[];

const NOTHING: readonly EmulatedItem[] = [];
/** How long a resolved window stays in the catalog. */
const REMEMBERED = DAY;

/** An invented venue: pure and seeded. It moves only by `step`, and knows nothing of clocks. */
export class SyntheticMarket implements EmulatorSource {
  readonly #seed: number;
  readonly #startsAt: UnixMicros;
  readonly #ahead: number;
  readonly #activity: number;
  readonly #agenda = new Agenda<Action>();
  readonly #feeds = new Map<string, CoinFeed>();
  readonly #windows = new Map<MarketId, ListedWindow>();
  readonly #generic: GenericMarkets | null;
  readonly #traded = new Map<InstrumentId, TradedMarket>();
  #at: UnixMicros;
  #skew = 0;

  /** @throws RangeError for a series it does not know. */
  constructor(options: SyntheticOptions) {
    const {
      seed,
      startsAt,
      series = [],
      aheadMicros = DAY,
      activity = 1,
      markets = 0,
      framesPerSecond = 100,
    } = options;
    this.#seed = seed;
    this.#startsAt = startsAt;
    this.#ahead = aheadMicros;
    this.#activity = activity;
    const listed = series.map(seriesNamed);
    for (const { coin } of listed) {
      const second = firstSecondOf(
        listed.filter((one) => one.coin === coin),
        startsAt,
      );
      this.#feeds.set(coin, this.#feeds.get(coin) ?? new CoinFeed(coin, seed, second, options.holes ?? true));
    }
    const first = Math.min(Math.floor(startsAt / SECOND), ...[...this.#feeds.values()].map(({ since }) => since));
    this.#at = (first * SECOND) as UnixMicros;
    this.#agenda.add(this.#at, () => this.#passSecond());
    for (const one of listed)
      this.#list(one, windowStart(one.timeframe, (startsAt - TIMEFRAMES[one.timeframe]) as UnixMicros), null);
    while (this.#agenda.nextAt! <= startsAt) this.step();
    this.#generic = markets === 0 ? null : new GenericMarkets(seed, markets, framesPerSecond, startsAt);
    for (const traded of this.#generic?.markets ?? [])
      this.#trade(traded, startsAt, () => this.#generic!.update(traded, this.#at, this.#skew));
  }

  nextAt(): UnixMicros {
    return this.#agenda.nextAt!;
  }

  async prepare(): Promise<boolean> {
    return true;
  }

  step(): readonly EmulatedItem[] {
    const { at, what } = this.#agenda.take()!;
    this.#at = at;
    return what();
  }

  book(instrument: InstrumentId): BookAnswer {
    const traded = this.#traded.get(instrument);
    return traded ? { kind: "open", book: traded.book.snapshot(instrument) } : { kind: "none" };
  }

  *markets(): Iterable<Market> {
    for (const listed of this.#windows.values()) yield catalogEntry(listed);
    for (const { market, book } of this.#generic?.markets ?? []) yield { ...market, tickSize: book.tickSize };
  }

  references(): readonly ReferencePrice[] {
    return [...this.#feeds.values()].flatMap((feed) => feed.history);
  }

  boundaryPrices({ id }: Market) {
    const listed = this.#windows.get(id);
    return listed ? boundaryPricesAt(listed, this.#at) : { strike: null, finalPrice: null };
  }

  skew(micros: number): boolean {
    this.#skew = micros;
    return true;
  }

  async close(): Promise<void> {}

  /** Every second of the price feeds, and what hangs on whole seconds: strikes and ends of windows. */
  #passSecond(): readonly EmulatedItem[] {
    const second = this.#at / SECOND;
    // First of all that happens in this second, because it was put in a second ago; the path is then a second ahead.
    this.#agenda.add((this.#at + SECOND) as UnixMicros, () => this.#passSecond());
    for (const feed of this.#feeds.values()) {
      if (second < feed.since) continue;
      while (feed.path.second <= second) feed.path.advance();
      const receipt = feed.receiptOf(second);
      if (receipt !== null) this.#agenda.add(receipt, () => this.#publish(feed, second));
    }
    return NOTHING;
  }

  #publish(feed: CoinFeed, second: number): readonly EmulatedItem[] {
    return feed
      .publish(second, wholeMillis((this.#at + this.#skew) as UnixMicros))
      .map((price) => ({ kind: "reference", price }));
  }

  /** Puts a window on the list, and arranges its life and the listing of the next one. */
  #list(series: ListedSeries, startsAt: UnixMicros, previous: ListedWindow | null): readonly EmulatedItem[] {
    const market = listWindow(this.#seed, series, startsAt);
    const window = market.window!;
    const feed = this.#feeds.get(series.coin)!;
    const listed: ListedWindow = {
      series,
      market: { ...market, window },
      previous,
      traded: null,
      strike: null,
      final: null,
      resolvedAt: null,
    };
    this.#windows.set(market.id, listed);
    const random = seededRandom(seedOf(`${this.#seed}/life/${market.slug}`));
    const resolvesAt = window.endsAt + Math.round(drawFrom(random, RESOLUTION_DELAY_SECONDS) * SECOND);
    const nextListedAt = Math.max(
      this.#at,
      window.endsAt - this.#ahead + Math.floor(random.next() * Math.min(this.#ahead / 10, 5 * 60 * SECOND)),
    );
    this.#agenda.add(Math.max(this.#at, window.startsAt) as UnixMicros, () => {
      listed.strike = previous?.final ?? boundary(feed.path, window.startsAt);
      return NOTHING;
    });
    this.#agenda.add(window.endsAt, () => {
      listed.final = boundary(feed.path, window.endsAt);
      return NOTHING;
    });
    // What was over before the start is never traded; what was listed before it opens with it.
    if (this.#at > this.#startsAt) this.#open(listed, feed);
    else if (resolvesAt > this.#startsAt) this.#agenda.add(this.#startsAt, () => this.#open(listed, feed));
    this.#agenda.add(resolvesAt as UnixMicros, () => this.#resolve(listed));
    this.#agenda.add(nextListedAt as UnixMicros, () => this.#list(series, window.endsAt, listed));
    const sentAt = wholeMillis((this.#at + this.#skew) as UnixMicros);
    const tokens = market.outcomes.map(({ instrument }) => instrument);
    return [frameOf(encodeNewMarket({ kind: "market_created", sentAt, market }), tokens, "everyone")];
  }

  #open(listed: ListedWindow, feed: CoinFeed): readonly EmulatedItem[] {
    const at = this.#at;
    const { fair } = momentOf(listed, feed, at, this.#skew);
    const traded = new TradedMarket({
      seed: this.#seed,
      market: listed.market,
      at,
      fair,
      traded: listed.strike !== null,
    });
    listed.traded = traded;
    this.#trade(traded, at, () => gapAndFrames(listed, feed, traded, this.#at, this.#skew, this.#activity));
    return NOTHING;
  }

  /** Has a market step again and again until it is no longer traded. */
  #trade(traded: TradedMarket, at: UnixMicros, update: () => { frames: readonly EmulatedItem[]; gap: number }): void {
    for (const token of traded.book.tokens) this.#traded.set(token, traded);
    const step = (): readonly EmulatedItem[] => {
      if (this.#traded.get(traded.book.tokens[0]) !== traded) return NOTHING;
      const { frames, gap } = update();
      this.#agenda.add(Math.ceil(this.#at + gap) as UnixMicros, step);
      return frames;
    };
    this.#agenda.add((at + 1 + Math.floor(traded.random.next() * SECOND)) as UnixMicros, step);
  }

  #resolve(listed: ListedWindow): readonly EmulatedItem[] {
    listed.resolvedAt = (Math.floor(this.#at / SECOND) * SECOND) as UnixMicros;
    const tokens = listed.market.outcomes.map(({ instrument }) => instrument);
    for (const token of tokens) this.#traded.delete(token);
    listed.traded = null;
    // Or each window would hold on to all that ever were.
    listed.previous = null;
    this.#agenda.add((this.#at + REMEMBERED) as UnixMicros, () => {
      this.#windows.delete(listed.market.id);
      return NOTHING;
    });
    const { instrument, name } = winnerOf(listed);
    const sentAt = wholeMillis((this.#at + this.#skew) as UnixMicros);
    const event = {
      kind: "market_resolved",
      market: listed.market.id,
      sentAt,
      winner: instrument,
      outcome: name,
    } as const;
    return [frameOf(encodeMarketResolved(event, tokens), tokens, "custom", true)];
  }
}

export function createSyntheticMarket(options: SyntheticOptions): SyntheticMarket {
  return new SyntheticMarket(options);
}

function seriesNamed(name: string): ListedSeries {
  const series = parseSeries(name);
  if (!series) throw new RangeError(`no such series: ${name}; expected e.g. btc-updown-15m (5m, 15m or 4h, any coin)`);
  return series;
}

/** Before the window that runs at the start, so that this one has a strike and a resolved predecessor. */
function firstSecondOf(listed: readonly ListedSeries[], startsAt: UnixMicros): number {
  const longest = Math.max(...listed.map(({ timeframe }) => TIMEFRAMES[timeframe]));
  return Math.floor((startsAt - 2 * longest) / SECOND) - TWAP_SECONDS;
}

function boundary(path: PricePath, at: UnixMicros): Boundary {
  const second = at / SECOND;
  return { price: path.twapPrice(second), value: path.sum(second, TWAP_SECONDS) / TWAP_SECONDS };
}

function gapAndFrames(
  listed: ListedWindow,
  feed: CoinFeed,
  traded: TradedMarket,
  at: UnixMicros,
  skew: number,
  activity: number,
) {
  const frames = traded.update(momentOf(listed, feed, at, skew));
  return { frames, gap: gapAfter(listed, at, traded.random, activity) };
}
