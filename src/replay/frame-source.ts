import type { Frame, Seq, UnixMicros } from "#model";

/** Which part of a recording: by position or by receivedAt, all bounds inclusive. */
export interface FrameRange {
  readonly fromSeq?: Seq;
  readonly toSeq?: Seq;
  readonly fromTime?: UnixMicros;
  readonly toTime?: UnixMicros;
}

/** What a recording must offer to be replayed; a journal reader does. */
export interface FrameSource {
  readonly span: {
    readonly firstReceivedAt: UnixMicros;
    readonly lastReceivedAt: UnixMicros;
    readonly frames: number;
  } | null;
  read(range?: FrameRange): AsyncIterable<readonly Frame[]>;
}
