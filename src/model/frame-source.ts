import type { Frame } from "./frame.ts";
import type { InstrumentId, Seq } from "./ids.ts";
import type { UnixMicros } from "./time.ts";

/** Which part of a recording: by position or by receivedAt, all bounds inclusive. */
export interface FrameRange {
  readonly fromSeq?: Seq;
  readonly toSeq?: Seq;
  readonly fromTime?: UnixMicros;
  readonly toTime?: UnixMicros;
  /**
   * Whose frames are wanted. A hint: a source that knows where they lie may leave out market frames that concern none of
   * them; all other frames still come, and those of other instruments may.
   */
  readonly instruments?: ReadonlySet<InstrumentId>;
}

/** What a recording must offer to be replayed; a journal reader and an archive do. Frames come in the order of their seq. */
export interface FrameSource {
  readonly span: {
    readonly firstReceivedAt: UnixMicros;
    readonly lastReceivedAt: UnixMicros;
    readonly frames: number;
  } | null;
  read(range?: FrameRange): AsyncIterable<readonly Frame[]>;
}
