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
import { Ladder } from "./ladder.ts";

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

/** A book as it stands, with what it stands on. */
export interface BookState extends FramePosition {
  readonly instrument: InstrumentId;
  readonly market: MarketId;
  readonly ladder: Ladder;
  readonly sentAt: UnixMicros;
  readonly digest: Digest;
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

/** A run that may go on: its verdict falls when another state begins. */
export interface Run extends FramePosition {
  readonly sentAt: UnixMicros;
  readonly digest: Digest;
  /** The market's last trade price when the run's last frame was applied; undefined: never known. */
  readonly lastTradePrice: PriceMicros | null | undefined;
  readonly tickSize: PriceMicros | undefined;
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
  /** The state as it stands; null before the first. */
  run: Run | null;
  /** True until the run was judged and counted. */
  runOpen: boolean;
  tickSize: PriceMicros | undefined;
  minOrderSize: SizeMicros | undefined;
  negRisk: boolean | undefined;
  readonly states: VerdictCounts;
  readonly bbo: { checked: number; agreed: number };
  crossed: number;
  locked: number;
  /** Number of the frame that last touched it, so that each frame is checked once. */
  frame: number;
  /** The last state that agreed with the venue. */
  good: FramePosition | null;
  gap: Gap | null;
  /** Contradicted states since the last good one. */
  streak: number;
}

export interface MarketState {
  readonly id: MarketId;
  /** undefined: never known. null: the venue said there was none yet. */
  lastTradePrice: PriceMicros | null | undefined;
  /** The value was found by search, no frame showed it. */
  inferred: boolean;
}

const USUAL_TICK = 10_000 as PriceMicros;

export function newInstrumentState(instrument: InstrumentId, market: MarketState): InstrumentState {
  return {
    instrument,
    market,
    ladder: new Ladder(USUAL_TICK),
    opened: false,
    doubtful: false,
    run: null,
    runOpen: false,
    tickSize: undefined,
    minOrderSize: undefined,
    negRisk: undefined,
    states: noVerdicts(),
    bbo: { checked: 0, agreed: 0 },
    crossed: 0,
    locked: 0,
    frame: -1,
    good: null,
    gap: null,
    streak: 0,
  };
}
