import type { Clock, Log } from "#host";
import type { ConnectionId, InstrumentId, UnixMicros, UnnumberedFrame } from "#model";
import { MINUTE, SECOND } from "#model";
import { Feed, type FeedState, marketFeedPlan, marketOperations } from "#venue";
import { diffShards, instrumentsOf, type Shards } from "./plan.ts";

export interface MarketSocketsOptions {
  readonly url: string;
  readonly replicas: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
  onFrame(frame: UnnumberedFrame): void;
  /** An open socket was asked for these, beyond what its greeting asked for. */
  onSubscribed(replica: string, instruments: readonly InstrumentId[]): void;
}

/** A socket is dialled anew for a frozen instrument at most this often: it costs its other instruments a moment. */
const RECONNECT_EVERY = MINUTE;
/** And not while a replica of it may still be without its books for the same reason. */
const RECONNECT_APART = 15 * SECOND;

export function marketConnection(replica: string, shard: number): ConnectionId {
  return `market-${replica}-${shard}` as ConnectionId;
}

/** Reads a label back; undefined for other connections. */
export function parseMarketConnection(connection: ConnectionId): { replica: string; shard: number } | undefined {
  const parts = /^market-([^-]+)-(\d+)$/.exec(connection);
  return parts ? { replica: parts[1]!, shard: Number(parts[2]) } : undefined;
}

interface Socket {
  readonly replica: string;
  readonly shard: number;
  readonly feed: Feed;
  reconnectedAt: UnixMicros | null;
}

/** The market sockets: for each shard of the plan one on every replica. */
export class MarketSockets {
  readonly #options: MarketSocketsOptions;
  readonly #sockets = new Map<ConnectionId, Socket>();
  readonly #closing = new Set<Promise<void>>();
  #shards: Shards = new Map();

  constructor(options: MarketSocketsOptions) {
    this.#options = options;
  }

  get shards(): Shards {
    return this.#shards;
  }

  /** Goes over to another assignment: opens what is missing, tells what is open, closes what carries nothing. */
  follow(shards: Shards): void {
    const operations = diffShards(this.#shards, shards);
    this.#shards = shards;
    for (const { shard, subscribe, unsubscribe } of operations) {
      for (const replica of this.#options.replicas) {
        const socket = this.#sockets.get(marketConnection(replica, shard));
        if (!socket) this.#open(replica, shard);
        // The first socket stays, empty or not: the next window is subscribed on it without a handshake.
        else if (shard > 0 && instrumentsOf(shards, shard).length === 0) this.#close(socket);
        else {
          this.#tell(socket, "unsubscribe", unsubscribe);
          this.#tell(socket, "subscribe", subscribe);
        }
      }
    }
  }

  /** Unsubscribes and subscribes one instrument on one replica, for a new opening book. False where it is not open. */
  redrive(instrument: InstrumentId, replica: string, shard: number): boolean {
    const socket = this.#sockets.get(marketConnection(replica, shard));
    if (socket?.feed.state !== "open") return false;
    this.#tell(socket, "unsubscribe", [instrument]);
    this.#tell(socket, "subscribe", [instrument]);
    return true;
  }

  /** False where it is not open, or it or a replica of it was dialled anew for such a reason not long ago. */
  reconnect(replica: string, shard: number, reason: string): boolean {
    const socket = this.#sockets.get(marketConnection(replica, shard));
    const now = this.#options.clock.now();
    if (socket?.feed.state !== "open") return false;
    for (const each of this.#sockets.values()) {
      if (each.shard !== shard || each.reconnectedAt === null) continue;
      const apart = each === socket ? RECONNECT_EVERY : RECONNECT_APART;
      if (Math.abs(now - each.reconnectedAt) < apart) return false;
    }
    socket.reconnectedAt = now;
    socket.feed.reconnect(reason);
    return true;
  }

  states(): { connection: ConnectionId; state: FeedState; instruments: number }[] {
    return [...this.#sockets].map(([connection, { feed, shard }]) => ({
      connection,
      state: feed.state,
      instruments: instrumentsOf(this.#shards, shard).length,
    }));
  }

  async close(): Promise<void> {
    for (const socket of [...this.#sockets.values()]) this.#close(socket);
    await Promise.all(this.#closing);
  }

  #open(replica: string, shard: number): void {
    const { url, clock, log, onFrame } = this.#options;
    const connection = marketConnection(replica, shard);
    const plan = marketFeedPlan(url, connection, () => instrumentsOf(this.#shards, shard));
    const feed = new Feed({ ...plan, clock, log, onFrame });
    this.#sockets.set(connection, { replica, shard, feed, reconnectedAt: null });
    feed.start();
  }

  #close(socket: Socket): void {
    this.#sockets.delete(marketConnection(socket.replica, socket.shard));
    const closing = socket.feed.close().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  #tell(socket: Socket, operation: "subscribe" | "unsubscribe", instruments: readonly InstrumentId[]): void {
    if (instruments.length === 0 || socket.feed.state !== "open") return;
    for (const message of marketOperations(operation, instruments)) {
      // Its greeting will say what is wanted by then.
      if (!socket.feed.send(message)) return socket.feed.reconnect("the socket takes no more messages");
    }
    if (operation === "subscribe") this.#options.onSubscribed(socket.replica, instruments);
  }
}
