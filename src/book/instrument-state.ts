import type {
  Digest,
  Gap,
  InstrumentId,
  MarketId,
  PriceMicros,
  Seq,
  SizeMicros,
  UnixMicros,
  Verdict,
  VerdictCounts,
} from "#model";
import { noVerdicts } from "#model";
import type { Judgement } from "./judge.ts";
import { Ladder } from "./ladder.ts";
import type { LastTrade, MarketState } from "./last-trade.ts";

/** Where in the journal a frame stands. */
export interface FramePosition {
  readonly seq: Seq;
  readonly receivedAt: UnixMicros;
}

/** The judgement on one state: a run of messages with equal (instrument, sentAt, digest). */
export interface StateVerdict extends FramePosition {
  readonly instrument: InstrumentId;
  readonly market: MarketId;
  readonly sentAt: UnixMicros;
  readonly digest: Digest;
  readonly verdict: Verdict;
}

/** A book as it stands, with what it stands on: `seq` and `receivedAt` are of the last frame in it. */
export interface BookState extends FramePosition {
  readonly instrument: InstrumentId;
  readonly market: MarketId;
  readonly ladder: Ladder;
  readonly sentAt: UnixMicros;
  readonly digest: Digest;
  /** The market's, where a frame showed it; null: the venue said there was none yet. */
  readonly lastTradePrice: PriceMicros | null | undefined;
  /** Where a frame showed it; the ladder's own may be a guess. */
  readonly tickSize: PriceMicros | undefined;
}

/** What was counted for one instrument. */
export interface InstrumentProof {
  readonly instrument: InstrumentId;
  readonly market: MarketId;
  readonly states: Readonly<VerdictCounts>;
  /** Best prices that a message claimed, and how many of them the rebuilt book had. */
  readonly bbo: { readonly checked: number; readonly agreed: number };
  /** Frames after which the best bid lay above the best ask; or at it. */
  readonly crossed: number;
  readonly locked: number;
}

/** Market facts that no market-channel frame carries; a catalog knows them. */
export interface InstrumentFacts {
  readonly minOrderSize: SizeMicros;
  readonly negRisk: boolean;
  readonly tickSize?: PriceMicros;
}

export interface KnownTick {
  readonly size: PriceMicros;
  /** A frame or the catalog showed it; else a search found it. */
  readonly shown: boolean;
}

/** A run that may go on: its verdict falls when another state begins. */
export interface Run {
  readonly sentAt: UnixMicros;
  readonly digest: Digest;
  /** What held when the run began; what was learned since is in the state. */
  readonly lastTrade: LastTrade | undefined;
  readonly tick: KnownTick | undefined;
  /** Of its last frame. */
  seq: Seq;
  receivedAt: UnixMicros;
  /** True once its verdict was counted. */
  isOver: boolean;
  /** The last judgement, which holds until another message of the run; null where there is none. */
  judgement: Judgement | null;
  /** The market's `order` at that judgement: a trade shown since may change it. */
  judgedAfter: number;
}

/** Everything the prover carries for an instrument. */
export interface InstrumentState {
  readonly instrument: InstrumentId;
  readonly market: MarketState;
  readonly ladder: Ladder;
  /** False before the first snapshot: a delta has nothing to stand on. */
  opened: boolean;
  /** True after a loss of the connection: a digest that disagrees then proves no new loss. */
  doubtful: boolean;
  /** True once a digest agreed: the fields that were only guessed are then known to be right. */
  confirmed: boolean;
  /** The state as it stands; null before the first. */
  run: Run | null;
  tick: KnownTick | undefined;
  minOrderSize: SizeMicros | undefined;
  negRisk: boolean | undefined;
  readonly states: VerdictCounts;
  readonly bbo: { checked: number; agreed: number };
  crossed: number;
  locked: number;
  /** Number of the event after which its crossing was counted, and its best prices compared: once for each. */
  crossingSeen: number;
  bestSeen: number;
  /** The last state that agreed with the venue. */
  good: FramePosition | null;
  /** The open contradiction. */
  gap: Gap | null;
  /** States since the last good one whose digest disagreed. */
  disagreed: number;
}

const USUAL_TICK = 10_000 as PriceMicros;

export function newInstrumentState(instrument: InstrumentId, market: MarketState): InstrumentState {
  return {
    instrument,
    market,
    ladder: new Ladder(USUAL_TICK),
    opened: false,
    doubtful: false,
    confirmed: false,
    run: null,
    tick: undefined,
    minOrderSize: undefined,
    negRisk: undefined,
    states: noVerdicts(),
    bbo: { checked: 0, agreed: 0 },
    crossed: 0,
    locked: 0,
    crossingSeen: -1,
    bestSeen: -1,
    good: null,
    gap: null,
    disagreed: 0,
  };
}
