import type { ConnectionId, Frame, InstrumentId, VenueEvent } from "#model";
import { replicaGroup } from "./merge.ts";

/** What it goes by, as plain values that JSON keeps: by shard, the live sockets and the instruments they carried. */
export interface CutsMemory {
  readonly live: readonly (readonly [string, readonly ConnectionId[]])[];
  readonly carried: readonly (readonly [string, readonly InstrumentId[]])[];
}

/**
 * Where a stream of books was cut: the last live socket of a shard closed, or another recording began. Until a new
 * snapshot comes, a book of it that disagrees with the venue shows only what is known: something is missing there.
 */
export class Cuts {
  readonly #live = new Map<string, Set<ConnectionId>>();
  readonly #carried = new Map<string, Set<InstrumentId>>();

  /** `memory`: from where another's stream goes on. */
  constructor({ live, carried }: CutsMemory = { live: [], carried: [] }) {
    for (const [shard, connections] of live) this.#live.set(shard, new Set(connections));
    for (const [shard, instruments] of carried) this.#carried.set(shard, new Set(instruments));
  }

  memory(): CutsMemory {
    return {
      live: [...this.#live].map(([shard, connections]) => [shard, [...connections]]),
      carried: [...this.#carried].map(([shard, instruments]) => [shard, [...instruments]]),
    };
  }

  /** Takes each frame in order, and returns the instruments whose stream it cuts. */
  learn({ kind, connection }: Frame, events: readonly VenueEvent[]): Iterable<InstrumentId> {
    const shard = replicaGroup(connection);
    if (kind === "opened" || kind === "received") setOf(this.#live, shard).add(connection);
    for (const event of events) {
      if (event.kind === "book") setOf(this.#carried, shard).add(event.instrument);
    }
    if (kind === "session") {
      this.#live.clear();
      return [...this.#carried.values()].flatMap((instruments) => [...instruments]);
    }
    if (kind !== "closed") return [];
    const live = setOf(this.#live, shard);
    live.delete(connection);
    return live.size === 0 ? setOf(this.#carried, shard) : [];
  }
}

function setOf<K, V>(map: Map<K, Set<V>>, key: K): Set<V> {
  const found = map.get(key) ?? new Set<V>();
  map.set(key, found);
  return found;
}
