import type { InstrumentId, UnixMicros } from "#model";

export type SocketSurface = "market" | "user" | "polybolt" | "rtds";
export type HttpSurface = "gamma" | "clob" | "data";

/** Which sockets a fault hits: all of a surface, or the n-th that was opened there (from 0, closed ones counted). */
interface Target {
  /** Default: market. */
  readonly surface?: SocketSurface;
  /** Default: all of them. */
  readonly socket?: number;
}

/** Default: all instruments. */
interface Instruments {
  readonly instruments?: readonly InstrumentId[];
}

/**
 * What goes wrong at the venue, on order. Each has an end: a time, or a number of frames or requests.
 * - freeze: frames stop without a word; PING is still answered
 * - lose, duplicate: the next frames never come, or come twice
 * - stale_book: REST books and opening dumps show the books as they stand now
 * - cross: a bid above the best ask comes, and goes with the next frame
 * - disconnect: without a close frame where no code is given
 * - slow: frames come late, in order
 * - http_error: the next requests are refused; "upgrade" refuses sockets
 * - forget_resolution: the next market_resolved is never sent
 * - clock_skew: the venue's clock is off by so much, in `sentAt` and in what is computed from it
 */
export type Injection =
  | ({ readonly kind: "freeze"; readonly forMicros: number } & Target & Instruments)
  | ({ readonly kind: "lose" | "duplicate"; readonly frames: number } & Target & Instruments)
  | ({ readonly kind: "stale_book"; readonly forMicros: number } & Instruments)
  | ({ readonly kind: "cross"; readonly instrument: InstrumentId } & Pick<Target, "socket">)
  | ({ readonly kind: "disconnect"; readonly code?: number } & Target)
  | ({ readonly kind: "slow"; readonly byMicros: number; readonly forMicros: number } & Target)
  | {
      readonly kind: "http_error";
      readonly status: 425 | 429 | 500 | 503;
      readonly requests: number;
      readonly surface?: HttpSurface | "upgrade";
    }
  | ({ readonly kind: "forget_resolution"; readonly markets: number } & Pick<Target, "socket">)
  | { readonly kind: "clock_skew"; readonly byMicros: number; readonly forMicros: number };

/** What was injected and what it did so far. */
export interface InjectionRecord {
  readonly injection: Injection;
  readonly at: UnixMicros;
  /** null while it lasts. */
  readonly endedAt: UnixMicros | null;
  /** Frames, sockets or requests that it hit. */
  readonly hits: number;
  /** Emulator time of the first and last hit; null before any. */
  readonly firstHitAt: UnixMicros | null;
  readonly lastHitAt: UnixMicros | null;
  /** False where it could not be done: there is no such socket or book, or the past cannot be rewritten. */
  readonly possible: boolean;
}
