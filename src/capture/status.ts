import type {
  ConnectionId,
  Gap,
  GapCause,
  InstrumentId,
  MarketId,
  PriceMicros,
  SizeMicros,
  UnixMicros,
  VerdictCounts,
} from "#model";
import type { FeedState } from "#venue";
import type { FinishedMarket, Witnessed } from "./market-register.ts";
import type { Phase } from "./plan.ts";
import type { WitnessCounts } from "./witness-rounds.ts";

/** The recording at one moment, for a live screen: plain data, micros and bytes unless a name says otherwise. */
export interface CaptureStatus {
  readonly at: UnixMicros;
  readonly startedAt: UnixMicros;
  readonly markets: readonly MarketStatus[];
  readonly finished: readonly FinishedMarket[];
  readonly finishedCount: number;
  readonly resolvedCount: number;
  readonly totals: CaptureTotals;
  readonly connections: readonly ConnectionStatus[];
  readonly openGaps: readonly Gap[];
  /** Gaps opened in this session, by cause. */
  readonly gaps: Readonly<Record<GapCause, number>>;
  readonly witness: Readonly<WitnessCounts>;
  readonly faults: Readonly<Record<string, number>>;
  readonly unknownMessages: Readonly<Record<string, number>>;
  readonly references: readonly ReferenceStatus[];
  /** Where the live venue is not as expected, a line each with what to do about it. */
  readonly differences: readonly string[];
}

export interface MarketStatus {
  readonly slug: string;
  readonly market: MarketId;
  readonly phase: Phase;
  /** null for a market without a window. */
  readonly startsAt: UnixMicros | null;
  readonly endsAt: UnixMicros | null;
  /** Until the end of the window; negative after it. */
  readonly timeLeft: number | null;
  readonly strike: { readonly exact: string; readonly by: Witnessed } | null;
  readonly finalPrice: { readonly exact: string; readonly by: Witnessed } | null;
  /** The latest price by which the market settles. */
  readonly referencePrice: string | null;
  readonly winner: string | null;
  readonly outcomes: readonly OutcomeStatus[];
  readonly framesPerSecond: number;
  /** Sum over its outcomes, on the replica that proved most. */
  readonly states: Readonly<VerdictCounts>;
  /** 0..1; null where nothing was provable yet. */
  readonly proofRate: number | null;
  readonly openGaps: number;
  /** Age of the newest frame; null before the first. */
  readonly lastFrameAge: number | null;
}

export interface OutcomeStatus {
  readonly name: string;
  readonly instrument: InstrumentId;
  readonly bestBid: Quote | null;
  readonly bestAsk: Quote | null;
  /** Which replica this is read from; null before a first book. */
  readonly replica: string | null;
  readonly contradicted: boolean;
}

export interface Quote {
  readonly price: PriceMicros;
  readonly size: SizeMicros;
}

export interface CaptureTotals {
  readonly frames: number;
  readonly bytes: number;
  readonly framesPerSecond: number;
  readonly instruments: number;
  readonly states: Readonly<VerdictCounts>;
  readonly proofRate: number | null;
  readonly bbo: { readonly checked: number; readonly agreed: number };
  readonly crossed: number;
  /** Frames and bytes that wait to be durable. */
  readonly backlog: { readonly frames: number; readonly bytes: number };
  /** Age of the oldest frame that is not durable yet; 0 where all are. Found once a second. */
  readonly durableLag: number;
  readonly journal: "writing" | "stalled";
  readonly journalCause: string | null;
  readonly refused: { readonly frames: number; readonly bytes: number };
  /** Frames that wait to be decoded, and those the live view (not the journal) had to skip. */
  readonly live: { readonly waiting: number; readonly behind: boolean; readonly skipped: number };
  /** null where it could not be found out. */
  readonly diskFreeBytes: number | null;
  /** receivedAt minus sentAt of updates: 1st, 50th and 99th of the latest 2,048. Negative: our clock is behind. */
  readonly skew: { readonly p1: number; readonly p50: number; readonly p99: number } | null;
}

export interface ConnectionStatus {
  readonly connection: ConnectionId;
  readonly state: FeedState;
  readonly instruments: number;
  readonly opens: number;
  readonly lastFrameAge: number | null;
}

export interface ReferenceStatus {
  readonly source: string;
  readonly provider: string;
  readonly symbol: string;
  readonly measure: "spot" | "twap";
  readonly windowSeconds: number | null;
  readonly exact: string;
  readonly observedAt: UnixMicros;
  /** Since it was received. */
  readonly age: number;
}
