import type { ConnectionId, InstrumentId, Seq } from "./ids.ts";
import type { UnixMicros } from "./time.ts";

/**
 * Why a stretch of a recording cannot be trusted:
 * - disconnect: no connection carried the instrument
 * - silence: connected, but frozen, and a witness saw it move
 * - contradiction: the rebuilt book disagreed with the venue's digest
 * - process_down: nobody was recording
 * - clock_jump: the wall clock moved against the monotonic one, so times in it are wrong
 * - overload: frames were refused because a bounded queue was full
 */
export const GAP_CAUSES = ["disconnect", "silence", "contradiction", "process_down", "clock_jump", "overload"] as const;
export type GapCause = (typeof GAP_CAUSES)[number];

export interface Gap {
  /** Unique in a journal: "<cause>-<fromSeq>" with the instrument or connection where needed. */
  readonly id: string;
  readonly cause: GapCause;
  /** Which books it concerns; empty: all of the recording. */
  readonly instruments: readonly InstrumentId[];
  /** null: not tied to one connection. */
  readonly connection: ConnectionId | null;
  /** receivedAt of the last frame known good before it. */
  readonly from: UnixMicros;
  /** receivedAt of the first frame known good after it; null while open. */
  readonly to: UnixMicros | null;
  /** Journal position where it opened; null where a record of it could not be tied to one. */
  readonly fromSeq: Seq | null;
  readonly toSeq: Seq | null;
  /** What was seen, in words with figures. */
  readonly evidence: string;
}

/** A line of the gap ledger in the journal: a gap is written when it opens and again when it closes. */
export interface GapRecord {
  readonly phase: "opened" | "closed";
  readonly gap: Gap;
}
