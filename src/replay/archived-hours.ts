import type { Chunk, InstrumentCheckpoint, MarketCheckpoint } from "#archive";
import type { FrameSource, InstrumentId, MarketId, Seq, UnixMicros, Verdict } from "#model";

/** Which part of the frames somebody holds: by position and by receivedAt, inclusive. */
export interface SeqSpan {
  readonly firstSeq: Seq;
  readonly lastSeq: Seq;
  /** The earliest and latest receivedAt of all frames; where the clock jumped not those of the first and last. */
  readonly firstReceivedAt: UnixMicros;
  readonly lastReceivedAt: UnixMicros;
  readonly frames: number;
}

/** What replay needs of an archive. `span` is as of opening or the latest refresh. */
export interface ArchivedHours extends FrameSource {
  readonly span: SeqSpan | null;
  /** One market's books, chunk by chunk, where they overlap the times. */
  chunks(market: MarketId, fromTime?: UnixMicros, toTime?: UnixMicros): AsyncIterable<Chunk>;
  /** The market's books with everything known up to and including `at`; undefined where it has none by then. */
  stateAt(market: MarketId, at: UnixMicros): Promise<MarketCheckpoint | undefined>;
  /** The instrument's book at a moment with the verdict on it. */
  bookAt(
    instrument: InstrumentId,
    at: UnixMicros,
  ): Promise<{ readonly checkpoint: InstrumentCheckpoint; readonly verdict: Verdict } | undefined>;
  /** Looks for hours that were packed since. */
  refresh(): Promise<void>;
  close(): Promise<void>;
}
