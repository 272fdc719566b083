import { type BookState, Prover, type StateVerdict } from "#book";
import type {
  BookSnapshot,
  FrameSource,
  Gap,
  GapRecord,
  InstrumentId,
  MarketId,
  PriceChange,
  UnixMicros,
  VenueEvent,
  Verdict,
  VerdictCounts,
} from "#model";
import { noVerdicts } from "#model";
import { Cuts, type TimelineStep, timeline } from "#timeline";
import type { Selection, Survey } from "./selection.ts";
import type { Trust } from "./trust.ts";

/** A message that changes a book. */
export type BookEvent = BookSnapshot | PriceChange;

/** One book and the message that changes it; the message holds nothing of other, unselected books. */
export interface Touch {
  readonly instrument: InstrumentId;
  readonly event: BookEvent;
  readonly step: TimelineStep;
  /** As it stands; undefined where no whole book had come. Not to be kept: the ladder lives on. */
  readonly book: BookState | undefined;
  /** How the state stands to its digest, its batch being over. */
  verdict(): Verdict;
}

/** What an export makes of a recording. All within the range; books are also rebuilt from what lies before it. */
export interface Visitor {
  /** The range begins: the selected books that are known then. Not to be kept. */
  begin?(books: readonly BookState[]): void;
  /** A fact that is selected, before any book takes it. `number` counts the facts of its frame. */
  event?(event: VenueEvent, number: number, step: TimelineStep): void;
  /** Before a book takes a message, and after. What makes many rows at once may take its time. */
  before?(touch: Touch): void | Promise<void>;
  after?(touch: Touch): void;
  verdict?(verdict: StateVerdict): void;
  /** The stream of a selected book was cut: its last live socket closed, or another recording began. */
  cut?(instrument: InstrumentId): void;
  /** Time to write out what has piled up. */
  drain?(): Promise<void>;
  /** The end of the range; books stand as they stood then. */
  end?(state: WalkEnd): void | Promise<void>;
}

export interface WalkEnd {
  /** Up to when the recording was read: the range's end, or the recording's where that comes first. */
  readonly at: UnixMicros;
  book(instrument: InstrumentId): BookState | undefined;
  verdict(instrument: InstrumentId): Verdict;
}

/** What was met on the way; for the manifest. */
export interface WalkReport {
  /** Frames within the range that held a selected fact. */
  readonly frames: number;
  readonly states: VerdictCounts;
  readonly instruments: ReadonlyMap<InstrumentId, InstrumentReport>;
  /** Those that overlap the range and concern the selection. */
  readonly gaps: readonly Gap[];
}

export interface InstrumentReport {
  readonly market: MarketId;
  readonly firstAt: UnixMicros;
  lastAt: UnixMicros;
  facts: number;
  readonly states: VerdictCounts;
}

export interface WalkOptions {
  readonly source: FrameSource;
  readonly survey: Survey;
  readonly selection: Selection;
  readonly trust: Trust;
  /** Whether contradictions are told to `trust` as they are found; not where it knows all of them already. */
  readonly learnsGaps: boolean;
  onFrames?(frames: number): void;
}

/**
 * Reads a recording once, rebuilds and proves the selected books, and shows each fact to the visitor. Reading begins at the
 * recording's start, so that books are right at the range's. Bounded: one block of frames and the books are in memory.
 */
export async function walkRecording(options: WalkOptions, visitor: Visitor): Promise<WalkReport> {
  const { source, selection } = options;
  const walk = new Walk(options, visitor);
  const hint = selection.instruments === null ? {} : { instruments: selection.instruments };
  let frames = 0;
  for await (const steps of timeline(source, { toTime: selection.to, ...hint })) {
    for (const step of steps) await walk.step(step);
    frames += steps.length;
    options.onFrames?.(frames);
    await visitor.drain?.();
  }
  const report = await walk.end();
  await visitor.drain?.();
  return report;
}

class Walk {
  readonly #selection: Selection;
  readonly #visitor: Visitor;
  readonly #trust: Trust;
  readonly #prover: Prover;
  readonly #cuts = new Cuts();
  readonly #states = noVerdicts();
  readonly #instruments = new Map<InstrumentId, InstrumentReport>();
  /** Markets of selected instruments that no catalog names. */
  readonly #markets: Set<MarketId>;
  #frames = 0;
  #begun = false;
  readonly #lastAt: UnixMicros;

  constructor({ survey, selection, trust, learnsGaps }: WalkOptions, visitor: Visitor) {
    this.#selection = selection;
    this.#visitor = visitor;
    this.#trust = trust;
    this.#markets = new Set(selection.markets ?? []);
    this.#lastAt = Math.min(selection.to, survey.lastAt) as UnixMicros;
    this.#prover = new Prover({
      facts: (instrument) => {
        const market = survey.markets.ofInstrument(instrument);
        return market && { minOrderSize: market.minOrderSize, negRisk: market.negRisk };
      },
      onVerdict: (verdict) => this.#judged(verdict),
      ...(learnsGaps ? { onGap: ({ gap }: GapRecord) => trust.learn(gap) } : {}),
    });
  }

  async step(step: TimelineStep): Promise<void> {
    const { frame, knownAt, events } = step;
    if (knownAt > this.#selection.to) return;
    const inRange = knownAt >= this.#selection.from;
    if (inRange && !this.#begun) this.#begin();
    for (const instrument of this.#cuts.learn(frame, events)) {
      this.#trust.cut(instrument, knownAt);
      this.#prover.invalidate(instrument);
      if (inRange && (this.#selection.instruments?.has(instrument) ?? true)) this.#visitor.cut?.(instrument);
    }
    let number = 0;
    for (const event of events) {
      const mine = this.#mine(event);
      if (mine && inRange) this.#show(mine, number++, step);
      if (mine && (mine.kind === "book" || mine.kind === "price_change")) await this.#touch(mine, step, inRange);
      else if (mine || this.#shares(event)) this.#prover.apply(event, { seq: frame.seq, receivedAt: knownAt });
    }
    if (number > 0) this.#frames++;
  }

  #begin(): void {
    this.#begun = true;
    const books: BookState[] = [];
    for (const { instrument } of this.#prover.proofs()) {
      const book = this.#prover.book(instrument);
      if (!book || !(this.#selection.instruments?.has(instrument) ?? true)) continue;
      books.push(book);
      this.#reportOf(instrument, book.market, this.#selection.from);
    }
    if (books.length > 0) this.#visitor.begin?.(books);
  }

  async end(): Promise<WalkReport> {
    await this.#visitor.end?.({
      at: this.#lastAt,
      book: (instrument) => this.#prover.book(instrument),
      verdict: (instrument) => this.#prover.verdictNow(instrument, true),
    });
    this.#prover.flush();
    const { from, to, instruments } = this.#selection;
    const concerns = (gap: Gap): boolean =>
      gap.instruments.length === 0 || gap.instruments.some((each) => instruments?.has(each) ?? true);
    const gaps = this.#trust.all().filter((gap) => gap.from <= to && (gap.to ?? to) >= from && concerns(gap));
    return { frames: this.#frames, states: this.#states, instruments: this.#instruments, gaps };
  }

  async #touch(event: BookEvent, step: TimelineStep, inRange: boolean): Promise<void> {
    const touched = event.kind === "book" ? [event.instrument] : distinct(event);
    const touchOf = (instrument: InstrumentId): Touch => ({
      instrument,
      event,
      step,
      book: this.#prover.book(instrument),
      verdict: () => this.#prover.verdictNow(instrument, true),
    });
    if (inRange) for (const instrument of touched) await this.#visitor.before?.(touchOf(instrument));
    this.#prover.apply(event, { seq: step.frame.seq, receivedAt: step.knownAt });
    if (event.kind === "book") this.#trust.heal(event.instrument);
    if (inRange) for (const instrument of touched) this.#visitor.after?.(touchOf(instrument));
  }

  #show(event: VenueEvent, number: number, step: TimelineStep): void {
    for (const [instrument, market] of instrumentsOf(event)) {
      const report = this.#reportOf(instrument, market, step.knownAt);
      report.lastAt = step.knownAt;
      report.facts++;
    }
    this.#visitor.event?.(event, number, step);
  }

  #reportOf(instrument: InstrumentId, market: MarketId, at: UnixMicros): InstrumentReport {
    const known = this.#instruments.get(instrument);
    if (known) return known;
    const made = { market, firstAt: at, lastAt: at, facts: 0, states: noVerdicts() };
    this.#instruments.set(instrument, made);
    return made;
  }

  /** The event as far as it is selected. */
  #mine(event: VenueEvent): VenueEvent | undefined {
    const { instruments, symbols } = this.#selection;
    if (event.kind === "notice") return undefined;
    if (event.kind === "reference_price") return symbols === null || symbols.has(event.symbol) ? event : undefined;
    if (instruments === null) return event;
    switch (event.kind) {
      case "book":
      case "trade":
      case "tick_size_change":
      case "best_prices":
        if (!instruments.has(event.instrument)) return undefined;
        this.#markets.add(event.market);
        return event;
      case "price_change": {
        const changes = event.changes.filter(({ instrument }) => instruments.has(instrument));
        if (changes.length === 0) return undefined;
        this.#markets.add(event.market);
        return changes.length === event.changes.length ? event : { ...event, changes };
      }
      case "market_created":
        return event.market.outcomes.some(({ instrument }) => instruments.has(instrument)) ? event : undefined;
      case "market_resolved":
        return this.#markets.has(event.market) ? event : undefined;
      case "unknown":
      case "fault":
        return undefined;
    }
  }

  /** A digest holds the last trade of the whole market: the other outcome's trades count too. */
  #shares(event: VenueEvent): boolean {
    return event.kind === "trade" && this.#markets.has(event.market);
  }

  #judged(verdict: StateVerdict): void {
    if (verdict.verdict === "proven" || verdict.verdict === "inferred") this.#trust.heal(verdict.instrument);
    if (verdict.receivedAt < this.#selection.from) return;
    this.#states[verdict.verdict]++;
    const report = this.#instruments.get(verdict.instrument);
    if (report) report.states[verdict.verdict]++;
    this.#visitor.verdict?.(verdict);
  }
}

function distinct({ changes }: PriceChange): readonly InstrumentId[] {
  const [first] = changes;
  if (!first) return [];
  if (changes.every(({ instrument }) => instrument === first.instrument)) return [first.instrument];
  return [...new Set(changes.map(({ instrument }) => instrument))];
}

function instrumentsOf(event: VenueEvent): readonly (readonly [InstrumentId, MarketId])[] {
  switch (event.kind) {
    case "book":
    case "trade":
    case "tick_size_change":
    case "best_prices":
      return [[event.instrument, event.market]];
    case "price_change":
      return distinct(event).map((instrument) => [instrument, event.market] as const);
    default:
      return [];
  }
}
