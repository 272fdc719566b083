import type { Clock } from "#host";
import type { Frame, FrameRange, FrameSource, Gap, InstrumentId, Market, UnixMicros } from "#model";
import { HOUR, MINUTE } from "#model";
import { archivedBook, archivedUntil, seedOf } from "./archived-books.ts";
import type { ArchivedHours, SeqSpan } from "./archived-hours.ts";
import { type BookAt, bookSince, booksAt, openGapsOf } from "./book-at.ts";
import { type BookRow, bookSeries, intervalMicros, type SeriesOptions } from "./book-series.ts";
import { type ConnectionReport, connectionReports } from "./connection-report.ts";
import { OutsideRecording, RecordingEmpty, UnknownInstrument } from "./errors.ts";
import type { JoinedFrames } from "./joined-frames.ts";
import { Playback } from "./playback.ts";
import { createPlayhead, type Playhead, UNLIMITED } from "./playhead.ts";
import { RecordedFacts } from "./recorded-facts.ts";
import { type RecordedItem, RecordedStream } from "./recorded-stream.ts";
import { type RecordedReference, type ReferenceOptions, referencesOf } from "./references.ts";
import { Selected, type Selection } from "./selection.ts";
import { measureWindow, type WindowReport } from "./window-report.ts";

/** A part of a recording, by receivedAt, inclusive; without a bound from its first frame or to its last. */
export interface TimeSpan {
  readonly from?: UnixMicros;
  readonly to?: UnixMicros;
}

export interface StreamOptions extends Selection, TimeSpan {
  /**
   * How far a last trade price that no frame showed is searched for when a digest does not agree; "none": books are not
   * built, so that neither verdicts nor contradictions are told and reading is faster. Default "near".
   */
  readonly prove?: "full" | "near" | "off" | "none";
}

export interface PlaybackOptions extends StreamOptions {
  /** Seconds of recording a second, or UNLIMITED. Default 1. */
  readonly speed?: number;
  readonly paused?: boolean;
  /** A clock to share with others; then `speed` and `paused` are its own matter. */
  readonly playhead?: Playhead;
  /** "wait": after the last frame the iteration goes on when another place is sought. Default "end". */
  readonly atEnd?: "end" | "wait";
}

export interface FollowOptions extends Omit<PlaybackOptions, "to" | "atEnd"> {
  readonly signal: AbortSignal;
}

export interface WindowOptions extends TimeSpan {
  readonly series: string;
  readonly asOf?: UnixMicros;
}

/** How long after its last frame a recording that goes on may be silent: it answers for this long beyond its end. */
const LIVE_SLACK = MINUTE;
/** A window is subscribed before it opens and kept after its end; outside of this nobody had its book. */
const BEFORE_WINDOW = 2 * HOUR;
const AFTER_WINDOW = HOUR;

/** One recording, wherever its hours lie. Reads only; any number may read beside a recorder. */
export class Recording implements FrameSource {
  readonly frames: JoinedFrames;
  readonly facts: RecordedFacts;
  readonly #archive: ArchivedHours | null;

  readonly #clock: Clock;

  constructor(frames: JoinedFrames, archive: ArchivedHours | null, clock: Clock) {
    this.#clock = clock;
    this.frames = frames;
    this.facts = new RecordedFacts(frames);
    this.#archive = archive;
  }

  /** As of opening, or of the latest reading; null where no frame is durable. */
  get span(): SeqSpan | null {
    return this.frames.span;
  }

  /** The frames as received, in the order of seq, each connection's own. */
  read(range: FrameRange = {}): AsyncIterable<readonly Frame[]> {
    return this.frames.read(range);
  }

  close(): Promise<void> {
    return this.frames.close();
  }

  /** The markets that the catalog had named by `at`, as they were known then; by default, as known now. */
  async markets(at?: UnixMicros): Promise<readonly Market[]> {
    await this.facts.refresh();
    return this.facts.marketsAt(at).all();
  }

  /** Every gap that the recorder wrote down by `at` (default: by now), by time. Contradictions are in the stream. */
  async gaps(at?: UnixMicros): Promise<readonly Gap[]> {
    await this.facts.refresh();
    return [...this.facts.gapsAt(at)].sort((a, b) => a.from - b.from);
  }

  /**
   * The book with everything received up to and including `at`, and nothing later; undefined where the token was known
   * but had no book yet.
   * @throws OutsideRecording before the first frame or more than a minute after the last, UnknownInstrument,
   * RecordingEmpty.
   */
  async bookAt(instrument: InstrumentId, at: UnixMicros): Promise<BookAt | undefined> {
    await this.#learnUntil(at);
    this.checkInside(at);
    const market = this.facts.marketOf(instrument, at);
    const found = await this.#bookAt(instrument, at);
    if (found === undefined && market === undefined) throw new UnknownInstrument(instrument, at);
    return found;
  }

  /** Selected books at a moment, for those that had one. */
  async booksAt(selected: Selected, at: UnixMicros): Promise<readonly BookAt[]> {
    const found: BookAt[] = [];
    const unpacked: InstrumentId[] = [];
    for (const instrument of this.#expected(selected, at)) {
      const book = at <= archivedUntil(this.#archive) ? await this.#archivedBook(instrument, at) : undefined;
      if (book) found.push(book);
      else unpacked.push(instrument);
    }
    const markets = this.facts.marketsAt(at);
    const rest = await booksAt(this.frames, markets, unpacked, at, this.facts.gapsAt(at));
    return [...found, ...rest.values()];
  }

  /**
   * The selected part of the recording as one stream: opening books, then frames, verdicts and gaps in order.
   * @throws NothingSelected for a name that the catalog does not know, OutsideRecording, RecordingEmpty.
   */
  async *stream(options: StreamOptions = {}): AsyncGenerator<RecordedItem, void> {
    const stream = await this.openStream(options);
    for await (const items of stream.steps()) yield* items;
  }

  /** The same with its prover in view, frame by frame. */
  async openStream(options: StreamOptions): Promise<RecordedStream> {
    await this.facts.refresh();
    this.select(options);
    const { from } = options;
    if (from !== undefined) this.checkInside(from);
    return this.#openAt(options, from, this.frames);
  }

  async #openAt(options: StreamOptions, from: UnixMicros | undefined, source: FrameSource): Promise<RecordedStream> {
    const { to, prove = "near" } = options;
    const selected = new Selected(this.facts, options);
    const first = this.span?.firstReceivedAt ?? 0;
    const opening =
      from === undefined || from <= first || prove === "none"
        ? []
        : await this.booksAt(selected, (from - 1) as UnixMicros);
    const search = prove === "none" ? null : prove;
    return new RecordedStream({ source, facts: this.facts, selected, from, to, opening, search });
  }

  /**
   * The recording at a pace: an iterable of items with controls (pause, seek, speed, steps). Begins at `from`, by default
   * with the recording.
   * @throws NothingSelected, OutsideRecording, RecordingEmpty; RangeError for a speed that is none.
   */
  async playback(options: PlaybackOptions = {}): Promise<Playback> {
    await this.facts.refresh();
    this.select(options);
    const from = options.from ?? this.span?.firstReceivedAt;
    if (from === undefined) throw new RecordingEmpty();
    this.checkInside(from);
    return this.#play(from, options, () => this.frames);
  }

  /**
   * The past from `from` on, then what becomes durable, as one stream without a seam: no frame twice, none missing. It
   * ends when the signal aborts. A slow reader is waited for; it then reads later what is on the disk.
   * Default speed: unlimited. @throws as playback does.
   */
  async follow(options: FollowOptions): Promise<Playback> {
    await this.facts.refresh();
    this.select(options);
    const from = options.from ?? this.span?.lastReceivedAt ?? this.#clock.now();
    const playback = this.#play(from, { speed: UNLIMITED, ...options }, (place) =>
      this.#learning(AbortSignal.any([options.signal, place])),
    );
    options.signal.addEventListener("abort", () => playback.close(), { once: true });
    return playback;
  }

  /**
   * One instrument's book over time: after each change, or at each boundary of an interval.
   * @throws UnknownInstrument, OutsideRecording, RecordingEmpty; RangeError for an interval that is none.
   */
  async *books(instrument: InstrumentId, options: TimeSpan & SeriesOptions): AsyncGenerator<BookRow, void> {
    intervalMicros(options.every);
    await this.facts.refresh();
    const span = this.span;
    if (span === null) throw new RecordingEmpty();
    const from = options.from ?? span.firstReceivedAt;
    const to = Math.min(options.to ?? span.lastReceivedAt, span.lastReceivedAt) as UnixMicros;
    const stream = await this.openStream({ instruments: [instrument], from, to });
    let rows = 0;
    for await (const row of bookSeries(stream, instrument, { from, to }, options)) {
      rows++;
      yield row;
    }
    if (rows === 0 && this.facts.marketOf(instrument) === undefined) throw new UnknownInstrument(instrument, to);
  }

  /** Reference prices in the order of their receipt, on the same clock as the books. */
  references(options: ReferenceOptions = {}): AsyncIterable<RecordedReference> {
    return referencesOf(this.frames, options);
  }

  /**
   * The windows that touch a span, by time, with strike, final price and outcome as the catalog had them by `asOf`
   * (default: by now), and how much of each the recording has.
   * @throws NothingSelected, RecordingEmpty.
   */
  async *windows(options: WindowOptions): AsyncGenerator<WindowReport, void> {
    await this.facts.refresh();
    const { span } = this;
    if (span === null) throw new RecordingEmpty();
    const { from = span.firstReceivedAt, to = span.lastReceivedAt, asOf, series } = options;
    const until = Math.min(span.lastReceivedAt, asOf ?? span.lastReceivedAt) as UnixMicros;
    const markets = this.select({ series: [series] }).markets(asOf);
    const found = markets.flatMap((market) => (market.window ? [{ market, window: market.window }] : []));
    found.sort((a, b) => a.window.startsAt - b.window.startsAt);
    for (const { market, window } of found) {
      if (window.endsAt <= from || window.startsAt > to) continue;
      const begin = Math.max(window.startsAt, span.firstReceivedAt) as UnixMicros;
      const end = Math.min(window.endsAt, until) as UnixMicros;
      const instruments = market.outcomes.map((outcome) => outcome.instrument);
      const stream = begin > end ? null : await this.openStream({ instruments, from: begin, to: end });
      yield await measureWindow(market, window, stream, this.facts.gapsAt(asOf), until);
    }
  }

  /** What each connection saw first, later and never, and how late. */
  connections(span: TimeSpan = {}): Promise<readonly ConnectionReport[]> {
    return connectionReports(this.frames, span);
  }

  /** @throws NothingSelected. The facts must have been refreshed. */
  select(selection: Selection): Selected {
    const selected = new Selected(this.facts, selection);
    selected.check();
    return selected;
  }

  /** @throws OutsideRecording, RecordingEmpty */
  checkInside(at: UnixMicros): void {
    const { span } = this;
    if (span === null) throw new RecordingEmpty();
    if (at < span.firstReceivedAt || at > span.lastReceivedAt + LIVE_SLACK) throw new OutsideRecording(at, span);
  }

  async #learnUntil(at: UnixMicros): Promise<void> {
    if (!this.#learned || at > (this.span?.lastReceivedAt ?? 0)) await this.facts.refresh();
    this.#learned = true;
  }

  #learned = false;

  #play(from: UnixMicros, options: PlaybackOptions, sourceUntil: (place: AbortSignal) => FrameSource): Playback {
    const { speed = 1, paused = false, atEnd = "end" } = options;
    const clock = this.#clock;
    const playhead = options.playhead ?? createPlayhead({ clock, at: from, speed, playing: false });
    const open = async (at: UnixMicros, place: AbortSignal) => {
      const begin = Math.max(at, this.span?.firstReceivedAt ?? at) as UnixMicros;
      return (await this.#openAt(options, begin, sourceUntil(place))).steps();
    };
    const playback = new Playback({
      clock,
      playhead,
      open,
      atEnd,
      find: (what, after) => this.#findNext(what, after, options),
    });
    if (options.playhead === undefined && !paused) playback.play();
    return playback;
  }

  async #findNext(what: "trade" | "gap", after: UnixMicros, options: PlaybackOptions): Promise<UnixMicros | null> {
    const prove = what === "gap" ? (options.prove ?? "near") : "none";
    const stream = await this.#openAt({ ...options, prove }, after, this.frames);
    for await (const items of stream.steps()) {
      for (const item of items) {
        if (item.at <= after) continue;
        const isGap = item.kind === "gap" && item.phase === "opened";
        const isTrade = item.kind === "frame" && item.events.some((event) => event.kind === "trade");
        if (what === "gap" ? isGap : isTrade) return item.at;
      }
    }
    return null;
  }

  /** What becomes durable tells new facts too: a window that opens meanwhile is known when its frames come. */
  #learning(signal: AbortSignal): FrameSource {
    const { facts } = this;
    const live = this.frames.live(signal);
    return {
      get span() {
        return live.span;
      },
      async *read(range) {
        for await (const frames of live.read(range)) {
          for (const frame of frames) facts.learn(frame);
          yield frames;
        }
      },
    };
  }

  async #bookAt(instrument: InstrumentId, at: UnixMicros): Promise<BookAt | undefined> {
    const solid = archivedUntil(this.#archive);
    const market = this.facts.marketOf(instrument, at);
    const recorded = this.facts.gapsAt(at);
    if (at <= solid) {
      const book = await this.#archivedBook(instrument, at);
      if (book) return book;
    } else if (this.#archive !== null && solid > 0 && market !== undefined) {
      const seed = await seedOf(this.#archive, market.id, instrument, solid);
      if (seed) return bookSince(this.frames, { ofInstrument: () => market }, seed, at, recorded);
    }
    const markets = { ofInstrument: (each: InstrumentId) => this.facts.marketOf(each, at) };
    return (await booksAt(this.frames, markets, [instrument], at, recorded)).get(instrument);
  }

  async #archivedBook(instrument: InstrumentId, at: UnixMicros): Promise<BookAt | undefined> {
    const market = this.facts.marketOf(instrument, at);
    if (this.#archive === null || market === undefined) return undefined;
    const book = await archivedBook(this.#archive, market.id, instrument, at);
    return book && { ...book, openGaps: openGapsOf(instrument, this.facts.gapsAt(at)) };
  }

  /** Whose books there may be at a moment: named instruments, and those of markets that were running. */
  #expected(selected: Selected, at: UnixMicros): readonly InstrumentId[] {
    const running = selected
      .markets(at)
      .filter(
        ({ window }) =>
          window === null || (window.startsAt - BEFORE_WINDOW <= at && at <= window.endsAt + AFTER_WINDOW),
      )
      .flatMap((market) => market.outcomes.map((outcome) => outcome.instrument));
    const named = selected.named.filter((instrument) => this.facts.marketOf(instrument, at) === undefined);
    return [...running.filter((instrument) => selected.hasInstrument(instrument)), ...named];
  }
}
