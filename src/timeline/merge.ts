import { hash } from "node:crypto";
import type { ConnectionId, Frame, UnixMicros } from "#model";
import { SECOND } from "#model";
import { Fifo, Heap } from "./queues.ts";

/*
 * Redundant sockets carry the same frames, each a little earlier or later, and each may lose some. The merge gives every
 * frame once, in an order that contradicts no socket's own order.
 *
 * A frame is *settled* when its place is certain: every live replica has shown it, or a later frame that every live
 * replica has shown, or it has waited for HOLD. Frames that only one replica showed come out before the next common
 * frame, in order of arrival. Settled frames of all groups leave by the time at which they were known; a frame that had
 * to stand behind a later arrival takes that arrival's time, so that nothing is known before it was.
 */

export interface MergedFrame {
  readonly frame: Frame;
  /** When a reader of the merged stream may know it: the running maximum of receivedAt within its group. */
  readonly knownAt: UnixMicros;
}

/** How long a frame waits for the other replicas, by receivedAt. Longer than any sane difference between two sockets. */
const HOLD = 5 * SECOND;
/** The same as a count, for a stream whose clock stands still. */
const MOST_WAITING = 200_000;
/** How many recent contents a group recognises a late copy of. Past it, a copy comes out again (and its changes are stale). */
const REMEMBERED = 200_000;

interface Entry {
  readonly frame: Frame;
  readonly arrival: number;
  readonly seenBy: Set<Replica>;
  settled: boolean;
}

interface Replica {
  /** Connected, as far as its frames say. */
  live: boolean;
  /** What this replica showed and was not settled when it did, in its own order. */
  readonly pending: Fifo<Entry>;
  /** How often it has shown each content: the nth copy on one socket is the nth on the other. */
  readonly shown: Map<string, number>;
}

interface Group {
  /** False for a label of its own: nothing to compare with, so contents need no digest. */
  readonly redundant: boolean;
  readonly replicas: Map<ConnectionId, Replica>;
  /** In order of arrival; settled ones are skipped when they reach the head. */
  readonly waiting: Fifo<Entry>;
  readonly known: Map<string, Entry>;
  knownAt: UnixMicros;
}

interface Settled extends MergedFrame {
  readonly order: number;
}

/** "market-a-0" and "market-b-0" are replicas of "market-0"; any other label is a group of its own. */
export function replicaGroup(connection: ConnectionId): string {
  const parts = /^([a-z]+)-([a-z])-(\d+)$/.exec(connection);
  return parts ? `${parts[1]}-${parts[3]}` : connection;
}

export interface MergeOptions {
  /** Told of each frame that repeats what another connection had shown: of which frame it is a copy. */
  onCopy?(copy: Frame, original: Frame): void;
}

export class ConnectionMerge {
  readonly #options: MergeOptions;
  readonly #groups = new Map<string, Group>();
  readonly #byConnection = new Map<ConnectionId, Group>();
  /** Groups that hold frames back. */
  readonly #holding = new Set<Group>();
  readonly #settled = new Heap<Settled>(
    (a, b) => a.knownAt < b.knownAt || (a.knownAt === b.knownAt && a.order < b.order),
  );
  #order = 0;
  #now = 0;

  constructor(options: MergeOptions = {}) {
    this.#options = options;
  }

  /** Takes the next frame of the journal and returns what has become certain by it. */
  push(frame: Frame): MergedFrame[] {
    if (frame.receivedAt > this.#now) this.#now = frame.receivedAt;
    const group = this.#groupOf(frame.connection);
    const replica = group.replicas.get(frame.connection) as Replica;
    if (frame.kind === "closed") this.#leave(group, replica);
    else if (frame.kind === "opened" || frame.kind === "received") replica.live = true;
    if (frame.kind === "received" && group.redundant) this.#arrive(group, replica, frame);
    else this.#settle(group, { frame, arrival: this.#order, seenBy: new Set(), settled: false });
    for (const each of this.#holding) this.#expire(each);
    return this.#release();
  }

  /** The end of the stream: everything that waited comes out. */
  flush(): MergedFrame[] {
    for (const group of this.#holding) {
      for (let entry = group.waiting.shift(); entry; entry = group.waiting.shift()) {
        if (!entry.settled) this.#settle(group, entry);
      }
    }
    this.#holding.clear();
    return this.#release();
  }

  #groupOf(connection: ConnectionId): Group {
    const found = this.#byConnection.get(connection);
    if (found) return found;
    const name = replicaGroup(connection);
    let group = this.#groups.get(name);
    if (!group) {
      group = {
        redundant: name !== connection,
        replicas: new Map(),
        waiting: new Fifo(),
        known: new Map(),
        knownAt: 0 as UnixMicros,
      };
      this.#groups.set(name, group);
    }
    group.replicas.set(connection, { live: false, pending: new Fifo(), shown: new Map() });
    this.#byConnection.set(connection, group);
    return group;
  }

  #arrive(group: Group, replica: Replica, frame: Frame): void {
    const content = hash("sha1", frame.bytes, "base64");
    const copy = (replica.shown.get(content) ?? 0) + 1;
    remember(replica.shown, content, copy);
    const key = `${content}${copy}`;
    let entry = group.known.get(key);
    if (!entry) {
      entry = { frame, arrival: this.#order++, seenBy: new Set(), settled: false };
      remember(group.known, key, entry);
      group.waiting.push(entry);
      this.#holding.add(group);
    } else this.#options.onCopy?.(frame, entry.frame);
    entry.seenBy.add(replica);
    if (entry.settled) return;
    replica.pending.push(entry);
    if (seenByAllLive(group, entry)) this.#settleCommon(group, entry);
  }

  /** A frame that every live replica has shown fixes the place of all that came before it on any of them. */
  #settleCommon(group: Group, common: Entry): void {
    const before = new Set<Entry>();
    for (const replica of common.seenBy) {
      for (let entry = replica.pending.shift(); entry && entry !== common; entry = replica.pending.shift()) {
        if (!entry.settled) before.add(entry);
      }
    }
    for (const entry of [...before].sort((a, b) => a.arrival - b.arrival)) this.#settle(group, entry);
    this.#settle(group, common);
  }

  #expire(group: Group): void {
    const { waiting } = group;
    for (let head = waiting.peek(); head; head = waiting.peek()) {
      const due = this.#now - head.frame.receivedAt >= HOLD || waiting.length > MOST_WAITING;
      if (!head.settled && !due) return;
      waiting.shift();
      if (!head.settled) this.#settle(group, head);
      for (const replica of group.replicas.values()) if (replica.pending.peek()?.settled) replica.pending.shift();
    }
    this.#holding.delete(group);
  }

  /** What waited only for the replica that is gone need not wait any longer. */
  #leave(group: Group, replica: Replica): void {
    replica.live = false;
    for (const other of group.replicas.values()) {
      for (let head = other.pending.peek(); head; head = other.pending.peek()) {
        if (!head.settled && !seenByAllLive(group, head)) break;
        if (head.settled) other.pending.shift();
        else this.#settleCommon(group, head);
      }
    }
  }

  #settle(group: Group, entry: Entry): void {
    entry.settled = true;
    const { frame } = entry;
    if (frame.receivedAt > group.knownAt) group.knownAt = frame.receivedAt;
    this.#settled.push({ frame, knownAt: group.knownAt, order: this.#order++ });
  }

  /** Lets go what no waiting frame of another group can still precede. */
  #release(): MergedFrame[] {
    let first = Number.POSITIVE_INFINITY;
    for (const group of this.#holding) {
      const head = group.waiting.peek();
      if (head) first = Math.min(first, Math.max(head.frame.receivedAt, group.knownAt));
    }
    const ready: MergedFrame[] = [];
    for (let head = this.#settled.peek(); head && head.knownAt <= first; head = this.#settled.peek()) {
      ready.push(head);
      this.#settled.pop();
    }
    return ready;
  }
}

function seenByAllLive(group: Group, entry: Entry): boolean {
  for (const replica of group.replicas.values()) if (replica.live && !entry.seenBy.has(replica)) return false;
  return true;
}

function remember<K, V>(map: Map<K, V>, key: K, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > REMEMBERED) map.delete(map.keys().next().value as K);
}
