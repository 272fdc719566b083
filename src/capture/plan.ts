import type { InstrumentId, Market, MarketId, UnixMicros } from "#model";
import { DAY, MINUTE } from "#model";

/** A market that the recorder knows, with what decides whether it is to be subscribed. */
export interface Candidate {
  readonly market: Market;
  /** Asked for by name (slug, condition, token, tag), not as a window of a series. */
  readonly explicit: boolean;
  /** When the recorder learned the winner, by its own clock; null while nobody said. */
  readonly resolvedAt: UnixMicros | null;
}

/** Durations in micros of the recorder's clock. */
export interface PlanOptions {
  /** A window is subscribed this long before it opens. */
  readonly lead: number;
  /** A market stays subscribed this long after its resolution was learned. */
  readonly grace: number;
  /** A window that nobody resolves is let go this long after its end. */
  readonly patience: number;
  /** Instruments on one socket at most. The venue falls silent above 500 (reference §1.9). */
  readonly perSocket: number;
}

export const PLAN_DEFAULTS: PlanOptions = {
  lead: 5 * MINUTE,
  grace: 2 * MINUTE,
  patience: 30 * MINUTE,
  perSocket: 250,
};

/**
 * - ahead: known, not yet subscribed
 * - opening: subscribed, its window has not begun
 * - active: its window is on (or it has none and is open)
 * - settling: its window is over, the winner unknown
 * - resolved: the winner is known, grace runs
 * - done: to be forgotten
 */
export type Phase = "ahead" | "opening" | "active" | "settling" | "resolved" | "done";

export function phaseOf({ market, explicit, resolvedAt }: Candidate, now: UnixMicros, options: PlanOptions): Phase {
  if (resolvedAt !== null) return now >= resolvedAt + options.grace ? "done" : "resolved";
  if (!market.window) return "active";
  const { startsAt, endsAt } = market.window;
  // Somebody who names a market wants what happens before its window too: trading starts a day ahead (reference §5.2).
  if (now < startsAt - (explicit ? DAY : options.lead)) return "ahead";
  if (now < startsAt) return "opening";
  if (now < endsAt) return "active";
  return now < endsAt + options.patience ? "settling" : "done";
}

export function isSubscribed(phase: Phase): boolean {
  return phase === "opening" || phase === "active" || phase === "settling" || phase === "resolved";
}

/** Which socket of each replica carries which market. Values are replaced, never changed. */
export type Shards = ReadonlyMap<MarketId, Shard>;

export interface Shard {
  readonly number: number;
  readonly instruments: readonly InstrumentId[];
}

/**
 * Assigns the wanted markets to sockets. A market that stays keeps its socket (moving it would tear a hole), newcomers
 * fill the lowest socket with room, so that the high ones drain and can be closed. The outcomes of a market stay
 * together: one message carries the change of both.
 */
export function assignShards(previous: Shards, wanted: readonly Market[], perSocket: number): Shards {
  const shards = new Map<MarketId, Shard>();
  const load: number[] = [];
  const put = (market: MarketId, shard: Shard): void => {
    shards.set(market, shard);
    load[shard.number] = (load[shard.number] ?? 0) + shard.instruments.length;
  };
  const newcomers: Market[] = [];
  const seen = new Set<MarketId>();
  for (const market of wanted) {
    if (seen.has(market.id)) continue;
    seen.add(market.id);
    const kept = previous.get(market.id);
    if (kept) put(market.id, kept);
    else newcomers.push(market);
  }
  for (const market of newcomers) {
    const instruments = market.outcomes.map((outcome) => outcome.instrument);
    let number = 0;
    // A market of more outcomes than a socket may carry gets one of its own.
    while ((load[number] ?? 0) > 0 && (load[number] ?? 0) + instruments.length > perSocket) number++;
    put(market.id, { number, instruments });
  }
  return shards;
}

/** What to send on one socket of every replica to get from one assignment to another. */
export interface ShardOperation {
  readonly shard: number;
  readonly subscribe: readonly InstrumentId[];
  readonly unsubscribe: readonly InstrumentId[];
}

/** In order of shard number; shards where nothing changes are left out. */
export function diffShards(from: Shards, to: Shards): ShardOperation[] {
  const operations = new Map<number, { subscribe: InstrumentId[]; unsubscribe: InstrumentId[] }>();
  const at = (shard: number) => {
    const operation = operations.get(shard) ?? { subscribe: [], unsubscribe: [] };
    operations.set(shard, operation);
    return operation;
  };
  for (const [market, shard] of to) {
    if (from.get(market)?.number !== shard.number) at(shard.number).subscribe.push(...shard.instruments);
  }
  for (const [market, shard] of from) {
    if (to.get(market)?.number !== shard.number) at(shard.number).unsubscribe.push(...shard.instruments);
  }
  return [...operations].map(([shard, operation]) => ({ shard, ...operation })).sort((a, b) => a.shard - b.shard);
}

/** The instruments of one socket, in order of assignment. */
export function instrumentsOf(shards: Shards, number: number): InstrumentId[] {
  return [...shards.values()].filter((shard) => shard.number === number).flatMap((shard) => shard.instruments);
}

export function shardNumbers(shards: Shards): number[] {
  return [...new Set([...shards.values()].map((shard) => shard.number))].sort((a, b) => a - b);
}
