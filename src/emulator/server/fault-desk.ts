import type { Clock } from "#host";
import type { InstrumentId, UnixMicros } from "#model";
import type { HttpSurface, Injection, InjectionRecord, SocketSurface } from "./injections.ts";

/** What one socket is about to send. */
export interface Departure {
  readonly surface: SocketSurface;
  readonly socket: number;
  /** Empty on the price services. */
  readonly instruments: readonly InstrumentId[];
  readonly resolution: boolean;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface Running {
  readonly record: Mutable<InjectionRecord>;
  /** By the monotonic clock: a seek does not end or prolong a fault. */
  readonly until: number;
  /** Hits left; each hit socket has its own count, because redundant sockets carry the same frames. */
  readonly left: Map<number, number>;
}

/** The log is for tests and demos: the oldest records go when it is full. */
const MAX_RECORDS = 1_000;
const FOREVER = Number.MAX_SAFE_INTEGER;

/** Knows the faults in force, decides what they do to a frame or request, and keeps account of it. */
export class FaultDesk {
  readonly #clock: Clock;
  readonly #records: InjectionRecord[] = [];
  #running: Running[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True while any fault is in force. */
  get busy(): boolean {
    return this.#running.length > 0;
  }

  get records(): readonly InjectionRecord[] {
    this.#retire();
    return this.#records;
  }

  /** Puts a fault on record and, where it lasts, in force. */
  admit(injection: Injection, possible = true): InjectionRecord {
    const at = this.#clock.now();
    const lasting = possible && (durationOf(injection) > 0 || countOf(injection) > 0);
    const record: Mutable<InjectionRecord> = {
      injection,
      at,
      endedAt: lasting ? null : at,
      hits: 0,
      firstHitAt: null,
      lastHitAt: null,
      possible,
    };
    this.#records.push(record);
    if (this.#records.length > MAX_RECORDS) this.#records.shift();
    const duration = durationOf(injection);
    const until = duration > 0 ? this.#clock.monotonic() + duration : FOREVER;
    if (lasting) this.#running.push({ record, until, left: new Map() });
    return record;
  }

  /** Notes that a fault which is no frame's or request's business did something. */
  note(record: InjectionRecord, hits: number): void {
    const open: Mutable<InjectionRecord> = record;
    open.hits += hits;
    if (hits > 0) this.#stamp(open);
  }

  /** How often a frame is sent: 0 where it is lost, 2 where it is doubled. */
  copiesOf(departure: Departure): 0 | 1 | 2 {
    if (this.#running.length === 0) return 1;
    this.#retire();
    let copies: 0 | 1 | 2 = 1;
    for (const running of this.#running) {
      const { injection } = running.record;
      switch (injection.kind) {
        case "freeze":
        case "lose":
        case "duplicate":
          if (!hits(injection, departure) || !this.#spend(running, departure.socket, injection)) break;
          if (injection.kind !== "duplicate") copies = 0;
          else if (copies === 1) copies = 2;
          break;
        case "forget_resolution":
          if (!departure.resolution || departure.surface !== "market" || !isSocket(injection, departure.socket)) break;
          if (this.#spend(running, departure.socket, injection)) copies = 0;
          break;
        default:
          break;
      }
    }
    return copies;
  }

  /** How much later than now a frame leaves, in micros of the clock. */
  delayOf(surface: SocketSurface, socket: number): number {
    if (this.#running.length === 0) return 0;
    this.#retire();
    let delay = 0;
    for (const { record } of this.#running) {
      const { injection } = record;
      if (injection.kind !== "slow" || (injection.surface ?? "market") !== surface || !isSocket(injection, socket))
        continue;
      delay = Math.max(delay, injection.byMicros);
      this.note(record, 1);
    }
    return delay;
  }

  /** The status to refuse a request with; null to serve it. */
  refusalOf(surface: HttpSurface | "upgrade"): number | null {
    this.#retire();
    for (const running of this.#running) {
      const { injection } = running.record;
      if (injection.kind !== "http_error") continue;
      // Where none is named, sockets still open.
      if (injection.surface === undefined ? surface === "upgrade" : injection.surface !== surface) continue;
      if (this.#spend(running, 0, injection)) return injection.status;
    }
    return null;
  }

  /** Uses up one hit of those a socket has. False where there are none left. */
  #spend(running: Running, socket: number, injection: Injection): boolean {
    const count = countOf(injection);
    if (count > 0) {
      const left = running.left.get(socket) ?? count;
      if (left === 0) return false;
      running.left.set(socket, left - 1);
      // Done for good only where it was meant for one socket: another may still have its share to come.
      if (
        left === 1 &&
        (injection.kind === "http_error" || ("socket" in injection && injection.socket !== undefined))
      ) {
        running.record.endedAt = this.#clock.now();
      }
    }
    this.note(running.record, 1);
    return true;
  }

  #stamp(record: Mutable<InjectionRecord>): void {
    const now = this.#clock.now();
    record.firstHitAt ??= now;
    record.lastHitAt = now;
  }

  #retire(): void {
    const played = this.#clock.monotonic();
    this.#running = this.#running.filter(({ record, until }) => {
      if (record.endedAt === null && played >= until) {
        record.endedAt = (this.#clock.now() - (played - until)) as UnixMicros;
      }
      return record.endedAt === null;
    });
  }
}

function hits(injection: Extract<Injection, { kind: "freeze" | "lose" | "duplicate" }>, departure: Departure): boolean {
  if ((injection.surface ?? "market") !== departure.surface || !isSocket(injection, departure.socket)) return false;
  const { instruments } = injection;
  return instruments === undefined || departure.instruments.some((instrument) => instruments.includes(instrument));
}

function isSocket({ socket }: { readonly socket?: number }, index: number): boolean {
  return socket === undefined || socket === index;
}

function durationOf(injection: Injection): number {
  return "forMicros" in injection ? injection.forMicros : 0;
}

function countOf(injection: Injection): number {
  switch (injection.kind) {
    case "lose":
    case "duplicate":
      return injection.frames;
    case "forget_resolution":
      return injection.markets;
    case "http_error":
      return injection.requests;
    default:
      return 0;
  }
}
