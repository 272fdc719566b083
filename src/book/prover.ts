import type {
  BestPrices,
  BookSnapshot,
  Digest,
  Gap,
  GapRecord,
  InstrumentId,
  MarketId,
  PriceChange,
  PriceMicros,
  TickSizeChange,
  UnixMicros,
  VenueEvent,
  Verdict,
  VerdictCounts,
} from "#model";
import { noVerdicts, VERDICTS } from "#model";
import {
  type BookState,
  type FramePosition,
  type InstrumentFacts,
  type InstrumentProof,
  type InstrumentState,
  type MarketState,
  newInstrumentState,
  type Run,
  type StateVerdict,
} from "./instrument-state.ts";
import { type Judgement, judge } from "./judge.ts";

export interface ProverOptions {
  /**
   * How far an unknown last trade price is searched for when a digest does not agree: everywhere, near the best prices,
   * or not at all. Without a search a late trade still counts when its frame has come by the end of the run.
   */
  readonly search?: "full" | "near" | "off";
  /** Facts from a catalog; without them the up/down markets' are tried, and agreement is the evidence. */
  facts?(instrument: InstrumentId): InstrumentFacts | undefined;
  onVerdict?(verdict: StateVerdict): void;
  onGap?(record: GapRecord): void;
}

/**
 * Rebuilds the books of one ordered stream and holds each against the venue's digest of it. Nothing is dropped or
 * repaired when they disagree: the state is counted as contradicted and a gap opens until they agree again.
 */
export class Prover {
  readonly #options: ProverOptions;
  readonly #instruments = new Map<InstrumentId, InstrumentState>();
  readonly #markets = new Map<MarketId, MarketState>();
  readonly #gaps = new Map<string, Gap>();
  #frame = 0;

  constructor(options: ProverOptions = {}) {
    this.#options = options;
  }

  /** Applies one decoded event of the frame at `at`, whole. Never throws on a well-typed event. */
  apply(event: VenueEvent, at: FramePosition): void {
    this.#frame++;
    switch (event.kind) {
      case "price_change":
        return this.#applyChanges(event, at);
      case "book":
        return this.#applySnapshot(event, at);
      case "trade":
        return this.#learnLastTrade(this.#market(event.market), event.price);
      case "tick_size_change":
        return this.#applyTick(event);
      case "best_prices":
        return this.#checkBestPrices(event);
      case "market_created":
      case "market_resolved":
      case "reference_price":
      case "notice":
      case "unknown":
      case "fault":
        return;
    }
  }

  /** The connection was lost: what comes next may stand on holes, until a snapshot comes or a digest agrees. */
  invalidate(instrument: InstrumentId): void {
    const state = this.#instruments.get(instrument);
    if (!state) return;
    this.#endRun(state);
    state.doubtful = true;
  }

  /** Frees an instrument's book; an open gap of it stays open. */
  forget(instrument: InstrumentId): void {
    const state = this.#instruments.get(instrument);
    if (!state) return;
    this.#endRun(state);
    this.#instruments.delete(instrument);
    for (const other of this.#instruments.values()) if (other.market === state.market) return;
    this.#markets.delete(state.market.id);
  }

  /** The end of the stream: the open runs get their verdicts. */
  flush(): void {
    for (const state of this.#instruments.values()) this.#endRun(state);
  }

  /** The book as it stands; undefined before its first snapshot. */
  book(instrument: InstrumentId): BookState | undefined {
    const state = this.#instruments.get(instrument);
    if (!state?.opened || !state.run) return undefined;
    const { sentAt, digest, seq, receivedAt } = state.run;
    return { instrument, market: state.market.id, ladder: state.ladder, sentAt, digest, seq, receivedAt };
  }

  /** The verdict on the present state, which may yet go on; not counted. */
  verdictNow(instrument: InstrumentId): Verdict {
    const state = this.#instruments.get(instrument);
    return state?.run ? this.#judge(state, state.run).verdict : "unprovable";
  }

  *proofs(): Iterable<InstrumentProof> {
    for (const { instrument, market, states, bbo, crossed, locked } of this.#instruments.values()) {
      yield { instrument, market: market.id, states: { ...states }, bbo: { ...bbo }, crossed, locked };
    }
  }

  totals(): { states: VerdictCounts; bbo: { checked: number; agreed: number }; crossed: number; locked: number } {
    const totals = { states: noVerdicts(), bbo: { checked: 0, agreed: 0 }, crossed: 0, locked: 0 };
    for (const proof of this.proofs()) {
      for (const verdict of VERDICTS) totals.states[verdict] += proof.states[verdict];
      totals.bbo.checked += proof.bbo.checked;
      totals.bbo.agreed += proof.bbo.agreed;
      totals.crossed += proof.crossed;
      totals.locked += proof.locked;
    }
    return totals;
  }

  /** Contradictions found so far, in order of opening; `to` is null while one lasts. */
  gaps(): readonly Gap[] {
    return [...this.#gaps.values()];
  }

  #applyChanges({ market, changes, sentAt }: PriceChange, at: FramePosition): void {
    for (const change of changes) {
      const state = this.#instrument(change.instrument, market);
      this.#enterRun(state, sentAt, change.digest, at);
      if (state.opened) state.ladder.set(change.side, change.price, change.size);
    }
    // From the back: an instrument's last change in the frame says what its best prices are after the whole frame.
    for (let index = changes.length - 1; index >= 0; index--) {
      const change = changes[index]!;
      const state = this.#instruments.get(change.instrument)!;
      if (state.frame === this.#frame) continue;
      state.frame = this.#frame;
      if (!state.opened) continue;
      compareBest(state, change.bestBid, change.bestAsk);
      countCrossing(state);
    }
  }

  #applySnapshot(book: BookSnapshot, at: FramePosition): void {
    const state = this.#instrument(book.instrument, this.#market(book.market).id);
    if (book.tickSize !== undefined) state.tickSize = book.tickSize;
    if (book.minOrderSize !== undefined) state.minOrderSize = book.minOrderSize;
    if (book.negRisk !== undefined) state.negRisk = book.negRisk;
    if (book.lastTradePrice !== undefined) this.#learnLastTrade(state.market, book.lastTradePrice);
    this.#enterRun(state, book.sentAt, book.digest, at);
    if (state.tickSize !== undefined && state.tickSize !== state.ladder.tickSize) state.ladder.regrid(state.tickSize);
    state.ladder.replace(book.bids, book.asks);
    state.opened = true;
    state.doubtful = false;
    countCrossing(state);
  }

  #applyTick({ instrument, market, tickSize }: TickSizeChange): void {
    const state = this.#instrument(instrument, market);
    state.tickSize = tickSize;
    state.ladder.regrid(tickSize);
  }

  #checkBestPrices({ instrument, sentAt, bestBid, bestAsk }: BestPrices): void {
    const state = this.#instruments.get(instrument);
    // Of another moment than the book's, it says nothing about the book.
    if (state?.opened && state.run?.sentAt === sentAt) compareBest(state, bestBid, bestAsk);
  }

  #learnLastTrade(market: MarketState, price: PriceMicros | null): void {
    market.lastTradePrice = price;
    market.inferred = false;
  }

  /** Goes on with the present run, or ends it and begins another. Called before the frame's change is applied. */
  #enterRun(state: InstrumentState, sentAt: UnixMicros, digest: Digest, at: FramePosition): void {
    if (state.run && state.runOpen && (state.run.sentAt !== sentAt || state.run.digest !== digest)) this.#endRun(state);
    const { seq, receivedAt } = at;
    state.run = {
      sentAt,
      digest,
      seq,
      receivedAt,
      lastTradePrice: state.market.lastTradePrice,
      tickSize: state.tickSize,
    };
    state.runOpen = true;
  }

  #endRun(state: InstrumentState): void {
    const { run } = state;
    if (!run || !state.runOpen) return;
    state.runOpen = false;
    const judgement = this.#judge(state, run);
    const { verdict, found } = judgement;
    state.states[verdict]++;
    if (found) {
      state.market.lastTradePrice = found.lastTradePrice;
      state.market.inferred = true;
      state.tickSize = found.tickSize;
    }
    const { sentAt, digest, seq, receivedAt } = run;
    const { instrument, market } = state;
    this.#options.onVerdict?.({ instrument, market: market.id, sentAt, digest, seq, receivedAt, verdict });
    if (verdict === "contradicted") this.#contradict(state, run, judgement);
    else if (verdict !== "unprovable") this.#agree(state, run);
  }

  #judge(state: InstrumentState, run: Run): Judgement {
    return judge(state, run, this.#options.facts?.(state.instrument), this.#options.search ?? "full");
  }

  #contradict(state: InstrumentState, run: Run, { computed }: Judgement): void {
    state.streak++;
    if (state.gap) return;
    const from = state.good ?? run;
    const gap: Gap = {
      id: `contradiction-${from.seq}-${state.instrument}`,
      cause: "contradiction",
      instruments: [state.instrument],
      connection: null,
      from: from.receivedAt,
      to: null,
      fromSeq: from.seq,
      toSeq: null,
      evidence: `frame ${run.seq}: the venue's digest is ${run.digest}, the rebuilt book's ${computed}`,
    };
    this.#record(state, gap, "opened");
  }

  #agree(state: InstrumentState, run: Run): void {
    const { seq, receivedAt } = run;
    if (state.gap) {
      const evidence = `${state.gap.evidence}; ${state.streak} contradicted states until frame ${seq} agreed`;
      this.#record(state, { ...state.gap, to: receivedAt, toSeq: seq, evidence }, "closed");
    }
    state.gap = null;
    state.streak = 0;
    state.doubtful = false;
    state.good = { seq, receivedAt };
  }

  #record(state: InstrumentState, gap: Gap, phase: GapRecord["phase"]): void {
    state.gap = gap;
    this.#gaps.set(gap.id, gap);
    this.#options.onGap?.({ phase, gap });
  }

  #instrument(instrument: InstrumentId, market: MarketId): InstrumentState {
    let state = this.#instruments.get(instrument);
    if (!state) {
      state = newInstrumentState(instrument, this.#market(market));
      this.#instruments.set(instrument, state);
    }
    return state;
  }

  #market(id: MarketId): MarketState {
    let market = this.#markets.get(id);
    if (!market) {
      market = { id, lastTradePrice: undefined, inferred: false };
      this.#markets.set(id, market);
    }
    return market;
  }
}

function compareBest(
  state: InstrumentState,
  bestBid: PriceMicros | null | undefined,
  bestAsk: PriceMicros | null | undefined,
): void {
  if (bestBid === undefined && bestAsk === undefined) return;
  state.bbo.checked++;
  const bidAgrees = bestBid === undefined || bestBid === state.ladder.bestBid();
  const askAgrees = bestAsk === undefined || bestAsk === state.ladder.bestAsk();
  if (bidAgrees && askAgrees) state.bbo.agreed++;
}

function countCrossing(state: InstrumentState): void {
  const bid = state.ladder.bestBid();
  const ask = state.ladder.bestAsk();
  if (bid === null || ask === null || bid < ask) return;
  if (bid === ask) state.locked++;
  else state.crossed++;
}
