import type { Frame, FrameRange, FrameSource, Gap, InstrumentId, Market, UnixMicros } from "#model";
import { HOUR, MINUTE } from "#model";
import { archivedBook, archivedUntil, seedOf } from "./archived-books.ts";
import type { ArchivedHours, SeqSpan } from "./archived-hours.ts";
import { type BookAt, bookSince, booksAt, openGapsOf } from "./book-at.ts";
import { OutsideRecording, RecordingEmpty, UnknownInstrument } from "./errors.ts";
import type { JoinedFrames } from "./joined-frames.ts";
import { RecordedFacts } from "./recorded-facts.ts";
import { type RecordedItem, RecordedStream } from "./recorded-stream.ts";
import { Selected, type Selection } from "./selection.ts";

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

  constructor(frames: JoinedFrames, archive: ArchivedHours | null) {
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

  /** The same with its prover in view, frame by frame; `source` may be one that goes on live. */
  async openStream(options: StreamOptions, source: FrameSource = this.frames): Promise<RecordedStream> {
    await this.facts.refresh();
    const selected = this.select(options);
    const { from, to, prove = "near" } = options;
    if (from !== undefined) this.checkInside(from);
    const first = this.span?.firstReceivedAt ?? 0;
    const opening =
      from === undefined || from <= first || prove === "none"
        ? []
        : await this.booksAt(selected, (from - 1) as UnixMicros);
    const search = prove === "none" ? null : prove;
    return new RecordedStream({ source, facts: this.facts, selected, from, to, opening, search });
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
