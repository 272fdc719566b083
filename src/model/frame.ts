import type { ConnectionId, Seq } from "./ids.ts";
import type { MonotonicMicros, UnixMicros } from "./time.ts";

/**
 * What a frame is. Everything that happened is a frame, so that an outage is data and the catalog can be rebuilt:
 * - received: bytes off a socket, untouched
 * - sent: what we sent on it (subscribe, unsubscribe; not PING)
 * - answered: an HTTP answer (see exchange.ts for its layout)
 * - opened, closed: a connection's life (ConnectionOpened, ConnectionClosed as JSON)
 * - gap: a line of the gap ledger (GapRecord as JSON)
 * - session: a recording process began or ended (SessionRecord as JSON)
 * - unreadable: an imported line that is no frame, kept whole
 */
export const FRAME_KINDS = [
  "received",
  "sent",
  "answered",
  "opened",
  "closed",
  "gap",
  "session",
  "unreadable",
] as const;
export type FrameKind = (typeof FRAME_KINDS)[number];

/** The atom of the journal. `seq` orders replay; `receivedAt` paces and labels it. */
export interface Frame {
  readonly seq: Seq;
  readonly connection: ConnectionId;
  readonly kind: FrameKind;
  /** Wall clock at the socket, before any queue. */
  readonly receivedAt: UnixMicros;
  /** Monotonic clock at the same moment; NO_MONOTONIC where it was never taken (imported frames). */
  readonly monotonicAt: MonotonicMicros;
  /** Exactly as received. Whoever holds a frame must not write into them. */
  readonly bytes: Uint8Array;
}

/** A frame that has no place in the journal yet. */
export type UnnumberedFrame = Omit<Frame, "seq">;

export const NO_MONOTONIC = 0 as MonotonicMicros;
