import { type BookState, Prover, type StateVerdict } from "#book";
import type {
  BookSnapshot,
  Frame,
  FrameRange,
  FrameSource,
  Gap,
  GapRecord,
  InstrumentId,
  MarketId,
  UnixMicros,
  VenueEvent,
  Verdict,
} from "#model";
import { Cuts, type TimelineStep, timeline } from "#timeline";
import { type BookAt, MERGE_CONTEXT } from "./book-at.ts";
import { parseGap, type RecordedFacts } from "./recorded-facts.ts";
import type { Selected } from "./selection.ts";

/**
 * What a recording says, each with its moment `at` (when a reader of the merged stream may know it; never falls):
 * - book: a selected instrument's book as the stream begins, which stands on frames before it
 * - verdict: the state that stood until now was held against the venue's digest; comes before the frame that ended it
 * - frame: a frame of any kind, once whichever sockets carried it, with those of its events that are selected
 * - gap: a gap opened or closed; `gap.from` and `gap.to` may lie before `at`
 */
export type RecordedItem =
  | {
      readonly kind: "book";
      readonly at: UnixMicros;
      readonly book: BookState;
      readonly verdict: Verdict;
      readonly openGaps: readonly Gap[];
    }
  | {
      readonly kind: "frame";
      readonly at: UnixMicros;
      readonly frame: Frame;
      readonly events: readonly VenueEvent[];
    }
  | { readonly kind: "verdict"; readonly at: UnixMicros; readonly verdict: StateVerdict }
  | { readonly kind: "gap"; readonly at: UnixMicros; readonly phase: GapRecord["phase"]; readonly gap: Gap };

export interface StreamPlan {
  readonly source: FrameSource;
  readonly facts: RecordedFacts;
  readonly selected: Selected;
  /** What is known before it is in `opening`; without it the stream begins with the recording. */
  readonly from?: UnixMicros | undefined;
  /** Inclusive. */
  readonly to?: UnixMicros | undefined;
  readonly opening: readonly BookAt[];
  /** How far an unknown last trade price is searched for; null: books are neither built nor proven. */
  readonly search: "full" | "near" | "off" | null;
}

/** Books and proofs of a part of a recording, step by step: between two steps `prover` is as of the former. */
export class RecordedStream {
  readonly prover: Prover;
  readonly #plan: StreamPlan;
  readonly #cuts = new Cuts();
  /** Of selected books. */
  readonly #markets = new Set<MarketId>();
  #found: RecordedItem[] = [];
  #at = 0 as UnixMicros;

  constructor(plan: StreamPlan) {
    this.#plan = plan;
    this.prover = new Prover({
      search: plan.search ?? "off",
      facts: (instrument) => {
        const market = plan.facts.marketOf(instrument, this.#at);
        return market && { minOrderSize: market.minOrderSize, negRisk: market.negRisk };
      },
      onVerdict: (verdict) => {
        if (this.#isSelected(verdict.instrument)) this.#found.push({ kind: "verdict", at: this.#at, verdict });
      },
      onGap: ({ phase, gap }) => {
        if (gap.instruments.some((each) => this.#isSelected(each)))
          this.#found.push({ kind: "gap", at: this.#at, phase, gap });
      },
    });
  }

  /**
   * The items of one frame at a time. `before` is told of each step's moment before anything of it is applied: the last
   * chance to look at what was known until then.
   */
  async *steps(before?: (at: UnixMicros) => void): AsyncGenerator<readonly RecordedItem[], void> {
    const { from, to } = this.#plan;
    const opening = this.#open();
    if (opening.length > 0) yield opening;
    for await (const steps of timeline(this.#plan.source, this.#range())) {
      for (const step of steps) {
        if (to !== undefined && step.knownAt > to) continue;
        if (from !== undefined && step.knownAt < from) {
          // Only read so that its late copies are known as such.
          this.#cuts.learn(step.frame, step.events);
          continue;
        }
        before?.(step.knownAt);
        const items = this.#take(step);
        if (items.length > 0) yield items;
      }
    }
    this.prover.flush();
    if (this.#found.length > 0) yield this.#found;
  }

  #range(): FrameRange {
    const { from, to, selected } = this.#plan;
    const instruments = selected.instruments();
    return {
      ...(from === undefined ? {} : { fromTime: (from - MERGE_CONTEXT) as UnixMicros }),
      ...(to === undefined ? {} : { toTime: to }),
      ...(instruments === undefined ? {} : { instruments }),
    };
  }

  #open(): RecordedItem[] {
    const { from, opening, search } = this.#plan;
    const at = from ?? (0 as UnixMicros);
    this.#at = at;
    return opening.map(({ book, verdict, openGaps }): RecordedItem => {
      this.#markets.add(book.market);
      if (search !== null) this.prover.apply(snapshotOf(book), { seq: book.seq, receivedAt: book.receivedAt });
      return { kind: "book", at, book, verdict, openGaps };
    });
  }

  #take({ frame, knownAt, events }: TimelineStep): readonly RecordedItem[] {
    const { selected, search } = this.#plan;
    if (knownAt > this.#at) this.#at = knownAt;
    for (const cut of this.#cuts.learn(frame, events)) this.prover.invalidate(cut);
    const wanted = selected.isAll ? events : events.filter((event) => selected.wants(event));
    if (search !== null) this.#prove(frame, knownAt, events, wanted);
    const items = this.#found;
    this.#found = [];
    if (events.length === 0 || wanted.length > 0) items.push({ kind: "frame", at: this.#at, frame, events: wanted });
    if (frame.kind === "gap") this.#recordedGap(frame, items);
    return items;
  }

  #prove(frame: Frame, knownAt: UnixMicros, events: readonly VenueEvent[], wanted: readonly VenueEvent[]): void {
    const at = { seq: frame.seq, receivedAt: knownAt };
    // A trade of the other outcome is the market's last trade price, which the digest covers.
    for (const event of events)
      if (wanted.includes(event) || (event.kind === "trade" && this.#markets.has(event.market)))
        this.prover.apply(event, at);
    for (const event of wanted) {
      if (event.kind === "book") this.#markets.add(event.market);
      if (event.kind !== "market_resolved") continue;
      for (const { instrument } of this.#plan.facts.market(event.market)?.outcomes ?? [])
        this.prover.forget(instrument);
    }
  }

  #recordedGap(frame: Frame, items: RecordedItem[]): void {
    const record = parseGap(frame.bytes);
    // Contradictions are found here, in the merged stream; the recorder saw them on its sockets.
    if (record === undefined || record.gap.cause === "contradiction") return;
    const { instruments } = record.gap;
    if (instruments.length > 0 && !instruments.some((each) => this.#isSelected(each))) return;
    items.push({ kind: "gap", at: this.#at, phase: record.phase, gap: record.gap });
  }

  #isSelected(instrument: InstrumentId): boolean {
    return this.#plan.selected.hasInstrument(instrument);
  }
}

/** A book as the message that would bring it, so that a prover can go on from it. */
function snapshotOf(state: BookState): BookSnapshot {
  const { instrument, market, ladder, sentAt, digest, lastTradePrice, tickSize } = state;
  return {
    kind: "book",
    market,
    instrument,
    sentAt,
    digest,
    bids: ladder.levels("bid"),
    asks: ladder.levels("ask"),
    ...(tickSize === undefined ? {} : { tickSize }),
    ...(lastTradePrice === undefined ? {} : { lastTradePrice }),
  };
}
