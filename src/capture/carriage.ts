import type { Digest, InstrumentId, MarketId, UnixMicros } from "#model";
import type { Moment } from "./gap-ledger.ts";
import { behindSince, newestOf, type Sighting } from "./witness.ts";

/** How one replica stands to one instrument; mutable, bumped with every frame. */
export interface Leg {
  readonly replica: string;
  subscribedAt: UnixMicros | null;
  lastFrameAt: UnixMicros | null;
  sentAt: UnixMicros | null;
  digest: Digest | null;
  behindSince: UnixMicros | null;
  remedyAt: UnixMicros | null;
  remedies: number;
  /** A snapshot came since this connection was asked for the instrument: its deltas stand on something. */
  carries: boolean;
}

export interface Carried {
  readonly instrument: InstrumentId;
  readonly market: MarketId;
  readonly shard: number;
  readonly legs: readonly Leg[];
  /** The last frame of the instrument on any replica; null before the first of this session. */
  last: Moment | null;
  frames: number;
}

/**
 * Which replica carries which instrument. A lost connection is a gap only for what no other replica carries.
 * Bounded by what is subscribed: whoever leaves is forgotten.
 */
export class Carriage {
  readonly #replicas: readonly string[];
  readonly #instruments = new Map<InstrumentId, Carried>();
  /** The last frame of each open connection, by "replica-shard": until then at least the socket was alive. */
  readonly #alive = new Map<string, Moment>();

  constructor(replicas: readonly string[]) {
    this.#replicas = replicas;
  }

  get size(): number {
    return this.#instruments.size;
  }

  all(): Iterable<Carried> {
    return this.#instruments.values();
  }

  of(instrument: InstrumentId): Carried | undefined {
    return this.#instruments.get(instrument);
  }

  add(instrument: InstrumentId, market: MarketId, shard: number): void {
    if (this.#instruments.has(instrument)) return;
    const legs = this.#replicas.map((replica) => newLeg(replica));
    this.#instruments.set(instrument, { instrument, market, shard, legs, last: null, frames: 0 });
  }

  remove(instrument: InstrumentId): void {
    this.#instruments.delete(instrument);
  }

  /** A socket opened: everything of its shard was asked for in its greeting. */
  opened(replica: string, shard: number, moment: Moment): void {
    this.#alive.set(`${replica}-${shard}`, moment);
    for (const carried of this.#instruments.values()) {
      if (carried.shard === shard) subscribe(legOf(carried, replica), moment.at);
    }
  }

  /** A socket that is open was asked for the instrument, or asked again. */
  subscribed(instrument: InstrumentId, replica: string, at: UnixMicros): void {
    const carried = this.#instruments.get(instrument);
    if (carried && this.#alive.has(`${replica}-${carried.shard}`)) subscribe(legOf(carried, replica), at);
  }

  /** Any frame, heartbeats too: the connection was alive then. */
  heard(replica: string, shard: number, moment: Moment): void {
    const key = `${replica}-${shard}`;
    if (this.#alive.has(key)) this.#alive.set(key, moment);
  }

  /** A frame of the instrument. Returns undefined for one that is not subscribed (the venue sends complements). */
  saw(instrument: InstrumentId, replica: string, frame: SeenFrame): Carried | undefined {
    const carried = this.#instruments.get(instrument);
    const leg = carried?.legs.find((each) => each.replica === replica);
    if (!carried || !leg || leg.subscribedAt === null) return undefined;
    // The opening book is the answer to being asked; only what follows it shows that the book moves again.
    if (leg.carries) {
      leg.remedyAt = null;
      leg.remedies = 0;
    }
    leg.lastFrameAt = frame.moment.at;
    leg.sentAt = frame.sentAt;
    leg.digest = frame.digest;
    if (frame.snapshot) leg.carries = true;
    carried.last = frame.moment;
    carried.frames++;
    return carried;
  }

  /**
   * A socket closed. Returns the instruments that it carried and that nobody carries now, and the last moment at which
   * it was known to be alive.
   */
  closed(replica: string, shard: number): { lost: InstrumentId[]; from: Moment | null } {
    const key = `${replica}-${shard}`;
    const from = this.#alive.get(key) ?? null;
    this.#alive.delete(key);
    const lost: InstrumentId[] = [];
    for (const carried of this.#instruments.values()) {
      if (carried.shard !== shard) continue;
      const leg = legOf(carried, replica);
      const carriedIt = leg.carries;
      const { remedyAt, remedies } = leg;
      Object.assign(leg, newLeg(replica), { remedyAt, remedies });
      if (carriedIt && !carried.legs.some((each) => each.carries)) lost.push(carried.instrument);
    }
    return { lost, from };
  }

  /** What nobody would carry if this socket closed. */
  carriedOnlyBy(replica: string, shard: number): InstrumentId[] {
    const alone: InstrumentId[] = [];
    for (const { instrument, shard: on, legs } of this.#instruments.values()) {
      if (on === shard && legs.every((leg) => leg.carries === (leg.replica === replica))) alone.push(instrument);
    }
    return alone;
  }

  remedied(instrument: InstrumentId, replica: string, at: UnixMicros): void {
    const leg = this.#instruments.get(instrument)?.legs.find((each) => each.replica === replica);
    if (!leg) return;
    leg.remedyAt = at;
    leg.remedies++;
  }

  /** What the replicas have shown of it, brought up to `now`. */
  sightings(carried: Carried, now: UnixMicros): readonly Sighting[] {
    const newest = newestOf(carried.legs);
    for (const leg of carried.legs) leg.behindSince = behindSince(leg, newest, now);
    return carried.legs;
  }
}

export interface SeenFrame {
  readonly moment: Moment;
  readonly sentAt: UnixMicros;
  readonly digest: Digest;
  readonly snapshot: boolean;
}

function newLeg(replica: string): Leg {
  return {
    replica,
    subscribedAt: null,
    lastFrameAt: null,
    sentAt: null,
    digest: null,
    behindSince: null,
    remedyAt: null,
    remedies: 0,
    carries: false,
  };
}

/** What was shown before counts no more: the venue starts over with a snapshot. The remedies tried do. */
function subscribe(leg: Leg, at: UnixMicros): void {
  const { remedyAt, remedies } = leg;
  Object.assign(leg, newLeg(leg.replica), { subscribedAt: at, remedyAt, remedies });
}

function legOf(carried: Carried, replica: string): Leg {
  const leg = carried.legs.find((each) => each.replica === replica);
  if (!leg) throw new Error(`replica ${replica} is not one of ${carried.legs.map((each) => each.replica).join(", ")}`);
  return leg;
}
