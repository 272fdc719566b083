import type { Clock } from "#host";
import type { InstrumentId, Market, UnixMicros } from "#model";
import { UNLIMITED } from "#replay";
import type { InjectionRecord, SocketSurface } from "../server/injections.ts";
import type { Outlet } from "../server/outlet.ts";
import type { Player, StepSize } from "../server/player.ts";
import type { EmulatorSource } from "../source.ts";

/** So many replayed seconds a real one, or as fast as it goes. */
export type Pace = number | "max";

/** What an emulator is doing, for those who run it; its clients cannot see it. */
export interface PlaybackState {
  readonly at: UnixMicros;
  /** What can be played; null where the source has no bounds. */
  readonly span: { readonly from: UnixMicros; readonly to: UnixMicros } | null;
  readonly playing: boolean;
  readonly pace: Pace;
  /** Nothing is left to play from here on. */
  readonly ended: boolean;
  /** Whether it can be paused and stepped; and whether it can be moved. */
  readonly controllable: boolean;
  readonly seekable: boolean;
  /** How late the last frame left, in micros of the replay. */
  readonly lagMicros: number;
  /** Frames that became due since the start, sent to anybody or not. */
  readonly frames: number;
  readonly clients: readonly ClientState[];
  /** Faults in force. */
  readonly faults: number;
}

export interface ClientState {
  readonly surface: SocketSurface;
  /** The n-th socket opened there; faults are aimed by it. */
  readonly socket: number;
  /** Tokens, series or topics held. */
  readonly subscriptions: number;
  /** What it has not read yet. */
  readonly bufferedBytes: number;
}

/** A market that can be subscribed to, without anything about its outcome. */
export interface PlayableMarket {
  readonly slug: string;
  readonly condition: string;
  readonly series: string | null;
  readonly opensAt: UnixMicros | null;
  readonly closesAt: UnixMicros | null;
  readonly tokens: readonly { readonly outcome: string; readonly token: InstrumentId }[];
}

/** Tells an emulator what to play. */
export interface EmulatorControl {
  state(): PlaybackState;
  /** @throws Error, as all that follow, where the clock or the source only goes on. */
  play(): void;
  pause(): void;
  setPace(pace: Pace): void;
  /** Every client gets opening books and price histories of the new moment. @throws MomentOutside */
  seek(at: UnixMicros): Promise<void>;
  /** Pauses and goes on by one frame, or so many micros. */
  step(size: StepSize): Promise<void>;
  /** Those of the recording, as far as it was read. */
  markets(): readonly PlayableMarket[];
}

export interface ControlOptions {
  readonly player: Player;
  readonly source: EmulatorSource;
  readonly clock: Clock;
  outlets(): Iterable<Outlet>;
  faults(): readonly InjectionRecord[];
}

export function createControl({ player, source, clock, outlets, faults }: ControlOptions): EmulatorControl {
  const tell = (what: (head: NonNullable<Player["head"]>) => void): void => {
    if (!player.head) throw new Error("this emulator plays by a clock that only goes on: it cannot be controlled");
    what(player.head);
  };
  return {
    state: () => ({
      at: clock.now(),
      span: source.span ?? null,
      playing: player.head?.playing ?? true,
      pace: paceOf(player.head?.speed ?? clock.speed),
      ended: player.atEnd,
      controllable: player.head !== null,
      seekable: player.head !== null && source.seek !== undefined,
      lagMicros: player.lagMicros,
      frames: player.frames,
      clients: [...outlets()].map(({ surface, index, subscriptions, bufferedBytes }) => ({
        surface,
        socket: index,
        subscriptions,
        bufferedBytes,
      })),
      faults: faults().filter(({ endedAt }) => endedAt === null).length,
    }),
    play: () => tell((head) => head.play()),
    pause: () => tell((head) => head.pause()),
    setPace: (pace) => tell((head) => head.setSpeed(pace === "max" ? UNLIMITED : pace)),
    seek: (at) => player.seek(at),
    step: (size) => player.step(size),
    markets: () => [...(source.listing?.() ?? source.markets())].map(playable),
  };
}

function paceOf(speed: number): Pace {
  return speed === UNLIMITED ? "max" : speed;
}

function playable({ slug, id, seriesSlug, window, outcomes }: Market): PlayableMarket {
  return {
    slug,
    condition: id,
    series: seriesSlug,
    opensAt: window?.startsAt ?? null,
    closesAt: window?.endsAt ?? null,
    tokens: outcomes.map(({ name, instrument }) => ({ outcome: name, token: instrument })),
  };
}
