import {
  type BookSnapshot,
  type FrameSource,
  HOUR,
  type InstrumentId,
  type Market,
  MINUTE,
  type UnixMicros,
} from "#model";
import type { BookAt } from "#replay";
import { MarketBook, type TimelineStep, timeline } from "#timeline";
import { surfaceOf } from "#venue";
import {
  type BookAnswer,
  type EmulatedItem,
  type EmulatorSource,
  type MarketHistory,
  MomentOutside,
} from "../source.ts";
import { livePrices, marketFrameOf } from "./frame-items.ts";
import { HistoryReader } from "./history-reader.ts";
import { EachSecond, PriceMemory } from "./price-memory.ts";
import { RecordedBooks } from "./recorded-books.ts";
import { RecordedCatalog, type RecordedCatalogOptions } from "./recorded-catalog.ts";

export interface RecordingSourceOptions {
  readonly source: FrameSource;
  /** Where to begin; everything received up to and including it has happened. */
  readonly from: UnixMicros;
  /** Where to end; default: with the recording. */
  readonly to?: UnixMicros;
  /** Which markets are played and listed; default: all of them. */
  wanted?(market: Market): boolean;
  /**
   * Books at a moment, of those of these instruments that had one, from something quicker than reading back: asked for the
   * books that the last two minutes of the recording do not hold. Without it the recording is read back until they are
   * found, a day at most.
   */
  openingBooks?(instruments: readonly InstrumentId[], at: UnixMicros): Promise<Iterable<BookAt>>;
}

/** How far back the state of a moment is read from, until every book is whole. Markets are traded a day before they open. */
const LOOK_BACK = [2 * MINUTE, 20 * MINUTE, 3 * HOUR, 26 * HOUR];
/** After its end a window's book may still be asked for, until it is resolved. */
const AFTER_END = 20 * MINUTE;
/** How long a window's book is kept that nobody said was resolved. */
const KEPT_AFTER_END = HOUR;
const FORGET_EVERY = 10 * MINUTE;
/** So much before its first frame a recording may be begun: clients need a moment to subscribe. */
const LEAD_IN = MINUTE;
const NO_INSTRUMENTS: ReadonlySet<InstrumentId> = new Set();
const END_OF_TIME = Number.MAX_SAFE_INTEGER as UnixMicros;

/** A recording being played, from any moment of it. */
export type RecordingSource = EmulatorSource & Required<Pick<EmulatorSource, "span" | "seek" | "history">>;

/**
 * Plays a recording from a moment. Streams: in memory are the books, the catalog and two minutes of reference prices. Of
 * redundant connections each frame is played once.
 * @throws MomentOutside where nothing was recorded at `from`; Error of the source where it cannot be read.
 */
export async function recordingSource(options: RecordingSourceOptions): Promise<RecordingSource> {
  const catalog = await openCatalog(options);
  const playing = new PlayedRecording(options, catalog);
  await playing.seek(options.from);
  return playing;
}

/** The catalog as the recording tells it; one that has none is read through once for what can be concluded. */
async function openCatalog({ source, wanted }: RecordingSourceOptions): Promise<RecordedCatalog> {
  const some: RecordedCatalogOptions = wanted ? { wanted } : {};
  if (await tellsOfMarkets(source)) return new RecordedCatalog(some);
  const catalog = new RecordedCatalog({ ...some, ahead: true });
  for await (const steps of timeline(source)) for (const { frame, events } of steps) catalog.learn(frame, events);
  return catalog;
}

async function tellsOfMarkets(source: FrameSource): Promise<boolean> {
  const told = new MarketBook();
  for await (const frames of source.read({ instruments: NO_INSTRUMENTS })) {
    for (const frame of frames) if (frame.kind === "answered") told.learn(frame, []);
    if (told.all().length > 0) return true;
  }
  return false;
}

export class PlayedRecording implements RecordingSource {
  readonly #options: Omit<RecordingSourceOptions, "from">;
  readonly #source: FrameSource;
  readonly #catalog: RecordedCatalog;
  readonly #history: HistoryReader;
  #books: RecordedBooks;
  #prices = new PriceMemory();
  #seconds = new EachSecond();
  #steps: AsyncIterator<readonly TimelineStep[]> | null = null;
  #ready: readonly TimelineStep[] = [];
  #place = 0;
  #forgetAt = 0 as UnixMicros;
  /** Up to where the catalog was learned without a hole. */
  #learnedTo = 0 as UnixMicros;
  /** Time of the last step; the sockets of a recording may disagree about order, the emulator's time does not go back. */
  #at = 0 as UnixMicros;

  constructor(options: Omit<RecordingSourceOptions, "from">, catalog: RecordedCatalog) {
    this.#options = options;
    this.#source = options.source;
    this.#catalog = catalog;
    this.#history = new HistoryReader(options.source);
    this.#books = this.#newBooks();
  }

  get span(): { readonly from: UnixMicros; readonly to: UnixMicros } {
    const span = this.#source.span;
    const last = span?.lastReceivedAt ?? END_OF_TIME;
    const to = Math.min(last, this.#options.to ?? last) as UnixMicros;
    return { from: span?.firstReceivedAt ?? (0 as UnixMicros), to };
  }

  nextAt(): UnixMicros | null {
    const next = this.#ready[this.#place];
    if (next === undefined) return null;
    const at = Math.max(next.knownAt, this.#at) as UnixMicros;
    return at > (this.#options.to ?? END_OF_TIME) ? null : at;
  }

  async prepare(): Promise<boolean> {
    while (this.#place >= this.#ready.length) {
      if (!this.#steps) return false;
      const { value, done } = await this.#steps.next();
      if (done) return false;
      this.#ready = value;
      this.#place = 0;
    }
    return this.nextAt() !== null;
  }

  step(): readonly EmulatedItem[] {
    this.#at = this.nextAt()!;
    const step = this.#ready[this.#place++]!;
    const items = this.#apply(step);
    this.#learnedTo = Math.max(this.#learnedTo, this.#at) as UnixMicros;
    if (this.#at >= this.#forgetAt) this.#forgetEnded();
    return items;
  }

  async seek(at: UnixMicros): Promise<void> {
    const { span } = this;
    if (at < span.from - LEAD_IN || at > span.to) throw new MomentOutside(at, span);
    await this.#learnUpTo(at);
    for (const [index, lookBack] of LOOK_BACK.entries()) {
      const from = Math.min(at, Math.max(span.from, at - lookBack)) as UnixMicros;
      await this.#restore(from, at);
      const missing = this.#missing();
      if (missing.length === 0 || from <= span.from) break;
      if (index === 0 && this.#options.openingBooks) {
        const found = await this.#options.openingBooks(missing, at);
        for (const { book } of found) this.#books.seed(snapshotOf(book));
        break;
      }
    }
  }

  book(instrument: InstrumentId): BookAnswer {
    const id = this.#catalog.marketOf(instrument);
    const market = id === undefined ? undefined : this.#catalog.market(id, this.#at);
    if (market?.closed || (id !== undefined && !this.#catalog.isWanted(id))) return { kind: "none" };
    const book = this.#books.snapshot(instrument);
    if (book) return { kind: "open", book };
    return market !== undefined || this.#catalog.has(instrument) ? { kind: "later" } : { kind: "none" };
  }

  /** With the tick of the stream, which changes more often than anybody asks Gamma. */
  markets(): Iterable<Market> {
    return this.#catalog.at(this.#at).map((market) => {
      const tickSize = market.outcomes[0] && this.#books.tickSize(market.outcomes[0].instrument);
      return tickSize === undefined || tickSize === market.tickSize ? market : { ...market, tickSize };
    });
  }

  listing(): Iterable<Market> {
    return this.#catalog.all();
  }

  references() {
    return this.#prices.history(this.#at);
  }

  boundaryPrices({ id }: Market) {
    return this.#catalog.boundaryPricesAt(id, this.#at);
  }

  async history(instruments: readonly InstrumentId[]): Promise<MarketHistory> {
    return this.#history.read(instruments, this.#at);
  }

  /** The digests of a recording hold its times. */
  skew(): boolean {
    return false;
  }

  async close(): Promise<void> {
    await this.#stop();
  }

  /** What one step does to the state, and what of it goes out. */
  #apply({ frame, events }: TimelineStep): readonly EmulatedItem[] {
    this.#catalog.learn(frame, events);
    // Nothing is left of a frame whose changes the books already had from another socket.
    if (frame.kind !== "received" || events.length === 0) return [];
    const surface = surfaceOf(frame.connection);
    switch (surface) {
      case "market": {
        for (const event of events) this.#books.apply(event);
        const item = this.#isWanted(events) ? marketFrameOf(frame, events, this.#catalog) : null;
        return item === null ? [] : [item];
      }
      case "polybolt":
      case "rtds": {
        const other = surface === "polybolt" ? "rtds" : "polybolt";
        const prices = livePrices(events).filter((price) => this.#prices.add(price, this.#at));
        if (prices.length === 0) return [];
        const alone = !prices.some((price) => this.#prices.hears(other, price, this.#at));
        return [{ kind: "recorded", surface, bytes: frame.bytes, prices, alone }];
      }
      case "binance":
        return livePrices(events)
          .filter((price) => this.#seconds.isNext(price) && this.#prices.add(price, this.#at))
          .map((price) => ({ kind: "reference", price }));
    }
  }

  #newBooks(): RecordedBooks {
    return new RecordedBooks((id) => this.#catalog.market(id, this.#at));
  }

  /** The announcement of a resolution may never come: a window that ended long ago has no book any more. */
  #forgetEnded(): void {
    this.#forgetAt = (this.#at + FORGET_EVERY) as UnixMicros;
    for (const instrument of [...this.#books.instruments()]) {
      const id = this.#catalog.marketOf(instrument);
      const market = id === undefined ? undefined : this.#catalog.market(id, this.#at);
      const isOver = market?.window != null && this.#at > market.window.endsAt + KEPT_AFTER_END;
      if (market?.closed || isOver) this.#books.forget(instrument);
    }
  }

  #isWanted(events: TimelineStep["events"]): boolean {
    if (!this.#options.wanted) return true;
    return events.some((event) => {
      if (event.kind === "market_created") return this.#catalog.isWanted(event.market.id);
      return "market" in event ? this.#catalog.isWanted(event.market) : event.kind === "unknown";
    });
  }

  /** What Gamma said between what is known and the moment, where playing did not come by. */
  async #learnUpTo(at: UnixMicros): Promise<void> {
    if (at <= this.#learnedTo) return;
    const range = { fromTime: this.#learnedTo, toTime: at, instruments: NO_INSTRUMENTS };
    for await (const frames of this.#source.read(range)) {
      for (const frame of frames)
        if (frame.kind === "answered" && frame.receivedAt <= at) this.#catalog.learn(frame, []);
    }
    this.#learnedTo = at;
  }

  /** Plays from `from` up to and including `at` without a word, and stands ready to go on from there. */
  async #restore(from: UnixMicros, at: UnixMicros): Promise<void> {
    await this.#stop();
    this.#books = this.#newBooks();
    this.#forgetAt = from;
    this.#prices = new PriceMemory();
    this.#seconds = new EachSecond();
    this.#at = from;
    this.#steps = timeline(this.#source, {
      fromTime: from,
      toTime: this.#options.to ?? END_OF_TIME,
    })[Symbol.asyncIterator]();
    while (await this.prepare()) {
      if (this.nextAt()! > at) break;
      this.step();
    }
    this.#at = at;
  }

  async #stop(): Promise<void> {
    const steps = this.#steps;
    this.#steps = null;
    this.#ready = [];
    this.#place = 0;
    await steps?.return?.();
  }

  /** Instruments that a client may want and whose book is not whole. */
  #missing(): InstrumentId[] {
    const listed = this.#catalog
      .at(this.#at)
      .filter(({ closed, window }) => !closed && (window === null || this.#at < window.endsAt + AFTER_END))
      .flatMap(({ outcomes }) => outcomes.map(({ instrument }) => instrument));
    return [...new Set([...listed, ...this.#books.instruments()])].filter(
      (instrument) => !this.#books.isWhole(instrument),
    );
  }
}

function snapshotOf({ market, instrument, sentAt, digest, ladder }: BookAt["book"]): BookSnapshot {
  const [bids, asks] = [ladder.levels("bid"), ladder.levels("ask")];
  return { kind: "book", market, instrument, sentAt, digest, bids, asks, tickSize: ladder.tickSize };
}
