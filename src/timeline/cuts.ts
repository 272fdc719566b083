import type { ConnectionId, Frame, InstrumentId, VenueEvent } from "#model";
import { replicaGroup } from "./merge.ts";

/**
 * Where a stream of books was cut: the last live socket of a shard closed, or another recording began. Until a new
 * snapshot comes, a book of it that disagrees with the venue shows only what is known: something is missing there.
 */
export class Cuts {
  readonly #live = new Map<string, Set<ConnectionId>>();
  readonly #carried = new Map<string, Set<InstrumentId>>();

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
