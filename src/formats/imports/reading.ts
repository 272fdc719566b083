import type { ConnectionId, UnixMicros, UnnumberedFrame } from "#model";
import { NO_MONOTONIC } from "#model";

/** What one place of a foreign file becomes. */
export interface Reading {
  /** Line or row of the file, from 1. */
  readonly number: number;
  /** What goes into the journal; "unreadable" with the bytes as they stood where the place holds no frame. */
  readonly frame: UnnumberedFrame;
  /** Why it holds none; null where it does. */
  readonly problem: string | null;
  /** How far the file has been read, 0..1. */
  readonly share: number;
}

/** The longest line that is read as one: a frame of the journal may have 16 MiB, and a line of JSON says it longer. */
export const LONGEST_LINE = 32 * 1024 * 1024;
/** Pieces of what is no frame are kept in frames of this size, below the journal's bound. */
const PIECE_BYTES = 8 * 1024 * 1024;

const UNREADABLE = "import" as ConnectionId;

/** What is no frame, kept whole in one or more frames, at the time of the frame before it. */
export function* unreadable(bytes: Uint8Array, receivedAt: UnixMicros): Generator<UnnumberedFrame> {
  for (let start = 0; start === 0 || start < bytes.length; start += PIECE_BYTES) {
    yield {
      connection: UNREADABLE,
      kind: "unreadable",
      receivedAt,
      monotonicAt: NO_MONOTONIC,
      bytes: bytes.subarray(start, start + PIECE_BYTES),
    };
  }
}
