import type {
  BestPrices,
  BookSnapshot,
  Digest,
  Gap,
  GapRecord,
  InstrumentId,
  Level,
  MarketId,
  PriceChange,
  PriceMicros,
  UnixMicros,
  VenueEvent,
  Verdict,
  VerdictCounts,
} from "#model";
import { noVerdicts, VERDICTS } from "#model";
import { compareBest, countCrossing } from "./best-prices.ts";
import {
  type BookState,
  type FramePosition,
  type InstrumentFacts,
  type InstrumentProof,
  type InstrumentState,
  newInstrumentState,
  type Run,
  type StateVerdict,
} from "./instrument-state.ts";
import { type Judgement, judge, type SearchDepth, UNPROVABLE } from "./judge.ts";
import { isLevelSize, isOutcomePrice, isTickSize } from "./ladder.ts";
import { carryFound, type MarketState, newMarketState, showLastTrade } from "./last-trade.ts";
import {
  type ProverMemory,
  rememberInstrument,
  rememberMarket,
  restoreInstrument,
  restoreMarket,
} from "./prover-memory.ts";

export interface ProverOptions {
  /**
   * How far an unknown last trade price is searched for when a digest does not agree: everywhere, near the best prices,
   * or not at all. Without a search a late trade still counts when its frame has come by the end of the run.
   */
  readonly search?: SearchDepth;
  /** Facts from a catalog; without them the up/down markets' are tried, and agreement is the evidence. */
  facts?(instrument: InstrumentId): InstrumentFacts | undefined;
  onVerdict?(verdict: StateVerdict): void;
  onGap?(record: GapRecord): void;
  /** What another prover knew where this stream goes on; it counts from nothing all the same. */
  readonly memory?: ProverMemory;
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
  #event = 0;

  constructor(options: ProverOptions = {}) {
    this.#options = options;
    const { markets = [], instruments = [] } = options.memory ?? {};
    for (const market of markets) this.#markets.set(market.id, restoreMarket(market));
    for (const each of instruments)
      this.#instruments.set(each.instrument, restoreInstrument(each, this.#market(each.market)));
  }

  /** All it knows of its books, for a prover that goes on where this one stops. The open runs stay open. */
  memory(): ProverMemory {
    return {
      markets: [...this.#markets.values()].map(rememberMarket),
      instruments: [...this.#instruments.values()].map(rememberInstrument),
    };
  }

  /** Applies one decoded event of the frame at `at`, whole. Never throws on a well-typed event. */
  apply(event: VenueEvent, at: FramePosition): void {
    this.#event++;
    switch (event.kind) {
      case "price_change":
        return this.#applyChanges(event, at);
      case "book":
        return this.#applySnapshot(event, at);
      case "trade":
        return this.#showLastTrade(event.market, event.price);
      case "tick_size_change":
        return this.#showTick(this.#instrument(event.instrument, event.market), event.tickSize);
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
    this.#cutRun(state);
    state.doubtful = true;
  }

  /**
   * Frees an instrument with its book, its counts and its gaps, for which onVerdict and onGap were called; returns what
   * was counted. An open gap stays open.
   */
  forget(instrument: InstrumentId): InstrumentProof | undefined {
    const state = this.#instruments.get(instrument);
    if (!state) return undefined;
    this.#cutRun(state);
    this.#instruments.delete(instrument);
    for (const [id, gap] of this.#gaps) if (gap.instruments.includes(instrument)) this.#gaps.delete(id);
    const isShared = [...this.#instruments.values()].some((other) => other.market === state.market);
    if (!isShared) this.#markets.delete(state.market.id);
    return proofOf(state);
  }

  /** The end of the stream: the open runs get their verdicts. */
  flush(): void {
    for (const state of this.#instruments.values()) this.#cutRun(state);
  }

  /** The book as it stands; undefined before its first snapshot. */
  book(instrument: InstrumentId): BookState | undefined {
    const state = this.#instruments.get(instrument);
    if (!state?.opened || !state.run) return undefined;
    const { sentAt, digest, seq, receivedAt } = state.run;
    const { lastTrade, id: market } = state.market;
    const lastTradePrice = lastTrade?.shown ? lastTrade.price : undefined;
    const tickSize = state.tick?.shown ? state.tick.size : undefined;
    return { instrument, market, ladder: state.ladder, sentAt, digest, lastTradePrice, tickSize, seq, receivedAt };
  }

  /**
   * The verdict on the present state, which may yet go on; not counted. Amid a batch a book need not agree yet; where
   * nothing came for long, the caller says that the batch is over.
   */
  verdictNow(instrument: InstrumentId, isOver = false): Verdict {
    const state = this.#instruments.get(instrument);
    if (!state?.run) return "unprovable";
    const { verdict } = this.#judge(state, state.run);
    return verdict === "contradicted" && state.gap === null && !isOver ? "unprovable" : verdict;
  }

  /** Of all instruments that were not forgotten. */
  *proofs(): Iterable<InstrumentProof> {
    for (const state of this.#instruments.values()) yield proofOf(state);
  }

  /** Their sums. */
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
    for (const { instrument, side, price, size, digest } of changes) {
      const state = this.#instrument(instrument, market);
      this.#enterRun(state, sentAt, digest, at);
      // A level that cannot be is left out; the digest then tells that the book is not the venue's.
      if (state.opened && isOutcomePrice(price) && isLevelSize(size)) state.ladder.set(side, price, size);
    }
    // From the back: an instrument's last change says what its best prices are after the whole message.
    for (let index = changes.length - 1; index >= 0; index--) {
      const { instrument, bestBid, bestAsk } = changes[index]!;
      const state = this.#instruments.get(instrument)!;
      if (state.crossingSeen !== this.#event) {
        state.crossingSeen = this.#event;
        countCrossing(state);
      }
      if (state.bestSeen !== this.#event && (bestBid !== undefined || bestAsk !== undefined)) {
        state.bestSeen = this.#event;
        compareBest(state, bestBid, bestAsk);
      }
    }
  }

  #applySnapshot(book: BookSnapshot, at: FramePosition): void {
    const state = this.#instrument(book.instrument, book.market);
    const tickSize = book.tickSize ?? (state.tick ? undefined : this.#options.facts?.(book.instrument)?.tickSize);
    if (tickSize !== undefined) this.#showTick(state, tickSize);
    if (book.minOrderSize !== undefined) state.minOrderSize = book.minOrderSize;
    if (book.negRisk !== undefined) state.negRisk = book.negRisk;
    if (book.lastTradePrice !== undefined) this.#showLastTrade(book.market, book.lastTradePrice);
    this.#enterRun(state, book.sentAt, book.digest, at);
    state.ladder.replace(book.bids.filter(isLevel), book.asks.filter(isLevel));
    state.opened = true;
    state.doubtful = false;
    countCrossing(state);
  }

  #checkBestPrices({ instrument, sentAt, bestBid, bestAsk }: BestPrices): void {
    const state = this.#instruments.get(instrument);
    // Of another moment than the book's, it says nothing about the book.
    if (state?.run?.sentAt === sentAt) compareBest(state, bestBid, bestAsk);
  }

  #showTick(state: InstrumentState, tickSize: PriceMicros): void {
    if (!isTickSize(tickSize)) return;
    state.tick = { size: tickSize, shown: true };
    state.ladder.regrid(tickSize);
    if (state.run) state.run.judgement = null;
  }

  #showLastTrade(market: MarketId, price: PriceMicros | null): void {
    if (price === null || isOutcomePrice(price)) showLastTrade(this.#market(market), price);
  }

  /** Goes on with the present run, or ends it and begins another. Called before the message is applied. */
  #enterRun(state: InstrumentState, sentAt: UnixMicros, digest: Digest, { seq, receivedAt }: FramePosition): void {
    const { run } = state;
    if (run && !run.isOver && run.sentAt === sentAt && run.digest === digest) {
      run.seq = seq;
      run.receivedAt = receivedAt;
      run.judgement = null;
      return;
    }
    this.#endRun(state);
    const { lastTrade } = state.market;
    state.run = {
      sentAt,
      digest,
      seq,
      receivedAt,
      lastTrade,
      tick: state.tick,
      isOver: false,
      judgement: null,
      judgedAfter: 0,
    };
  }

  /**
   * The stream stops here, perhaps amid a batch, whose messages all carry the digest of its end: a book that disagrees
   * only now may be waiting for the rest, and contradicts nothing.
   */
  #cutRun(state: InstrumentState): void {
    const isWell = state.gap === null;
    this.#endRun(state, (judgement) => (isWell && !judgement.agrees ? UNPROVABLE : judgement));
  }

  #endRun(state: InstrumentState, reconsider: (judgement: Judgement) => Judgement = same): void {
    const { run, instrument, market } = state;
    if (!run || run.isOver) return;
    const judgement = reconsider(this.#judge(state, run));
    run.isOver = true;
    const { verdict } = judgement;
    state.states[verdict]++;
    const { sentAt, digest, seq, receivedAt } = run;
    this.#options.onVerdict?.({ instrument, market: market.id, sentAt, digest, seq, receivedAt, verdict });
    if (judgement.agrees) this.#agree(state, run, judgement);
    else if (digest !== "") this.#disagree(state, run, judgement);
  }

  #judge(state: InstrumentState, run: Run): Judgement {
    const order = state.market.order;
    if (run.judgement === null || run.judgedAfter !== order) {
      run.judgement = judge(state, run, this.#options.facts?.(state.instrument), this.#options.search ?? "full");
      run.judgedAfter = order;
    }
    return run.judgement;
  }

  #disagree(state: InstrumentState, run: Run, { verdict, computed }: Judgement): void {
    state.disagreed++;
    if (verdict !== "contradicted" || state.gap) return;
    const from = state.good ?? run;
    this.#record(state, "opened", {
      id: `contradiction-${from.seq}-${state.instrument}`,
      cause: "contradiction",
      instruments: [state.instrument],
      connection: null,
      from: from.receivedAt,
      to: null,
      fromSeq: from.seq,
      toSeq: null,
      evidence: `frame ${run.seq}: the venue's digest is ${run.digest}, the rebuilt book's ${computed}`,
    });
  }

  #agree(state: InstrumentState, run: Run, { found, guessedTick }: Judgement): void {
    const { seq, receivedAt } = run;
    if (found) carryFound(state.market, run.lastTrade, found.lastTradePrice);
    this.#carryTick(state, run, guessedTick, true);
    this.#carryTick(state, run, found?.tickSize, false);
    if (state.gap) {
      const evidence = `${state.gap.evidence}; ${state.disagreed} states disagreed until frame ${seq}`;
      this.#record(state, "closed", { ...state.gap, to: receivedAt, toSeq: seq, evidence });
    }
    state.gap = null;
    state.disagreed = 0;
    state.doubtful = false;
    state.confirmed = true;
    state.good = { seq, receivedAt };
  }

  /** Goes by a tick that made the digest agree, unless a frame has told another since. */
  #carryTick(state: InstrumentState, run: Run, tickSize: PriceMicros | undefined, shown: boolean): void {
    if (tickSize === undefined || state.tick !== run.tick || state.tick?.size === tickSize) return;
    state.tick = { size: tickSize, shown };
    state.ladder.regrid(tickSize);
  }

  #record(state: InstrumentState, phase: GapRecord["phase"], gap: Gap): void {
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
      market = newMarketState(id);
      this.#markets.set(id, market);
    }
    return market;
  }
}

function isLevel({ price, size }: Level): boolean {
  return isOutcomePrice(price) && isLevelSize(size);
}

function proofOf({ instrument, market, states, bbo, crossed, locked }: InstrumentState): InstrumentProof {
  return { instrument, market: market.id, states: { ...states }, bbo: { ...bbo }, crossed, locked };
}

function same(judgement: Judgement): Judgement {
  return judgement;
}
