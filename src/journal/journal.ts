import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { Worker } from "node:worker_threads";
import { type Clock, type Log, silentLog } from "#host";
import { type ConnectionId, FRAME_KINDS, type FrameKind, HOUR, type Seq, type UnnumberedFrame } from "#model";
import { Budget, type JournalBudget, type SegmentInfo } from "./budget.ts";
import type { CommitNews, CommitPlan } from "./commit-loop.ts";
import { JournalClosed, JournalOverloaded, JournalStalled } from "./errors.ts";
import { MAX_FRAME_BYTES } from "./layout.ts";
import { type JournalLock, lockJournal } from "./lock.ts";
import { type JournalRecovery, recoverJournal } from "./recover.ts";
import { CLOSE, createRing, LABEL, RingProducer, ROLL, recordBytes } from "./ring.ts";
import { Waiters } from "./waiters.ts";

export interface JournalOptions {
  readonly directory: string;
  readonly clock: Clock;
  readonly log?: Log;
  /** A segment is sealed before it grows beyond this. Default 64 MiB. */
  readonly maxSegmentBytes?: number;
  /** A segment is sealed when it is this old, in micros of the clock. Default one hour. */
  readonly maxSegmentAge?: number;
  /** How much may wait to be durable. Default 64 MiB. Counted with 24 bytes a frame, padded to 8. */
  readonly maxBacklogBytes?: number;
  /** Nothing is ever deleted without one. */
  readonly budget?: JournalBudget;
}

export interface JournalHealth {
  readonly state: "writing" | "stalled";
  /** What the disk said; null while writing. */
  readonly cause: string | null;
}

export interface Journal {
  /**
   * Queues a frame and gives it its place. The bytes are copied before this returns. It is durable once `durable`
   * reaches the returned seq.
   * @throws JournalOverloaded where the backlog is full, RangeError where the frame is larger than 16 MiB or its times
   *   are no non-negative safe integers, JournalClosed. Nothing was queued then.
   */
  append(frame: UnnumberedFrame): Seq;
  /** Rejects with JournalStalled or JournalClosed where that can no longer happen. */
  whenDurable(seq: Seq): Promise<void>;
  /** The last durable frame; -1 where there is none. */
  readonly durable: Seq | -1;
  /** What the next append will return. */
  readonly next: Seq;
  readonly backlog: { readonly frames: number; readonly bytes: number };
  readonly health: JournalHealth;
  onHealth(listener: (health: JournalHealth) => void): () => void;
  readonly recovery: JournalRecovery;
  /** Deletes what the budget says and the budget's `mayDelete` allows; also done by itself. Returns what went. */
  enforceBudget(): Promise<readonly SegmentInfo[]>;
  /** Resolves when all that was appended is durable. */
  flush(): Promise<void>;
  /** Makes everything durable, seals, lets go of the lock. Rejects with JournalStalled where the disk refuses. */
  close(): Promise<void>;
}

const MEBIBYTE = 1024 * 1024;
const DEFAULT_SEGMENT_BYTES = 64 * MEBIBYTE;
const DEFAULT_BACKLOG_BYTES = 64 * MEBIBYTE;

/**
 * Opens a journal for writing, creating it where there is none, and recovers it from whatever ended its last writer.
 * @throws JournalLocked where somebody else writes it; Node's error where the directory cannot be read or written.
 */
export function openJournal(options: JournalOptions): Promise<Journal> {
  return openJournalWith(options, new URL("./commit-worker.ts", import.meta.url));
}

/** As openJournal, with a committing thread of the caller's; for tests of a disk that fails. */
export async function openJournalWith(options: JournalOptions, worker: URL): Promise<Journal> {
  const { directory, log = silentLog() } = options;
  await mkdir(directory, { recursive: true });
  const lock = lockJournal(directory, process.pid);
  try {
    const recovered = await recoverJournal(directory);
    if (recovered.truncatedBytes > 0) log.warn({ bytes: recovered.truncatedBytes }, "journal: cut a torn tail");
    for (const damage of recovered.damage) log.error({ damage }, "journal: damaged");
    const ring = createRing((options.maxBacklogBytes ?? DEFAULT_BACKLOG_BYTES) + 2 * recordBytes(MAX_FRAME_BYTES));
    const plan: CommitPlan = {
      ring,
      directory,
      maxSegmentBytes: options.maxSegmentBytes ?? DEFAULT_SEGMENT_BYTES,
      nextSeq: recovered.nextSeq,
      follows: recovered.follows,
      empty: recovered.empty,
    };
    const thread = new Worker(worker, { workerData: plan, name: "journal" });
    // Its start takes a tenth of a second, and the first frames should not wait for that.
    await once(thread, "message");
    return new RunningJournal(options, { lock, recovered, producer: new RingProducer(ring), thread });
  } catch (cause) {
    lock.release();
    throw cause;
  }
}

interface Running {
  readonly lock: JournalLock;
  readonly recovered: JournalRecovery & { readonly nextSeq: Seq };
  readonly producer: RingProducer;
  readonly thread: Worker;
}

const KIND_NUMBERS = new Map<FrameKind, number>(FRAME_KINDS.map((kind, index) => [kind, index]));

class RunningJournal implements Journal {
  readonly recovery: JournalRecovery;
  readonly #log: Log;
  readonly #lock: JournalLock;
  readonly #producer: RingProducer;
  readonly #thread: Worker;
  readonly #budget: Budget;
  readonly #maxBacklogBytes: number;
  readonly #connections = new Map<ConnectionId, number>();
  readonly #listeners = new Set<(health: JournalHealth) => void>();
  readonly #waiters = new Waiters();
  readonly #cancelTimers: (() => void)[];
  readonly #ended = Promise.withResolvers<void>();
  #health: JournalHealth = { state: "writing", cause: null };
  #next: Seq;
  #durableNext: Seq;
  /** Sums since opening; the ring counts them modulo 2^32. */
  #queuedBytes = 0;
  #ackedBytes = 0;
  readonly #firstSeq: Seq;
  /** Why append is refused; set once. */
  #closed: Error | undefined;
  #closing: Promise<void> | undefined;
  /** Why what is not durable by now never will be. */
  #failed: Error | undefined;

  constructor(options: JournalOptions, { lock, recovered, producer, thread }: Running) {
    const { truncatedBytes, lastFrameAt, damage, nextSeq } = recovered;
    this.recovery = { truncatedBytes, lastFrameAt, damage };
    this.#log = options.log ?? silentLog();
    this.#lock = lock;
    this.#producer = producer;
    this.#thread = thread;
    this.#maxBacklogBytes = options.maxBacklogBytes ?? DEFAULT_BACKLOG_BYTES;
    this.#firstSeq = nextSeq;
    this.#next = nextSeq;
    this.#durableNext = nextSeq;
    this.#budget = new Budget(options, this.#log);
    const age = options.maxSegmentAge ?? HOUR;
    this.#cancelTimers = [options.clock.every(age, () => producer.command(ROLL)), this.#budget.start()];
    thread.on("message", (news: CommitNews) => this.#hear(news));
    thread.on("error", (cause) => this.#end(new JournalClosed("the journal's committing thread died", { cause })));
    thread.on("exit", () => this.#end(new JournalClosed("the journal's committing thread ended")));
  }

  append(frame: UnnumberedFrame): Seq {
    if (this.#closed !== undefined) throw this.#closed;
    const { bytes, receivedAt, monotonicAt } = frame;
    if (bytes.length > MAX_FRAME_BYTES) throw new RangeError(`a frame of ${bytes.length} bytes is too large`);
    if (!(isTime(receivedAt) && isTime(monotonicAt))) {
      throw new RangeError(`receivedAt ${receivedAt} or monotonicAt ${monotonicAt} is no time`);
    }
    const size = recordBytes(bytes.length);
    const waiting = this.#queuedBytes - this.#readAcked();
    // A frame larger than the whole allowance may pass alone; otherwise it never could.
    if (waiting > 0 && waiting + size > this.#maxBacklogBytes) throw this.#overloaded();
    const connection = this.#connections.get(frame.connection) ?? this.#introduce(frame.connection);
    if (!this.#producer.push(connection * 16 + KIND_NUMBERS.get(frame.kind)!, receivedAt, monotonicAt, bytes)) {
      throw this.#overloaded();
    }
    this.#queuedBytes += size;
    const seq = this.#next;
    this.#next = (seq + 1) as Seq;
    return seq;
  }

  whenDurable(seq: Seq): Promise<void> {
    if (seq >= this.#next) return Promise.reject(new RangeError(`seq ${seq} was never appended`));
    this.#readAcked();
    if (seq < this.#durableNext) return Promise.resolve();
    if (this.#failed !== undefined) return Promise.reject(this.#failed);
    return this.#waiters.add(seq);
  }

  get durable(): Seq | -1 {
    this.#readAcked();
    return (this.#durableNext - 1) as Seq | -1;
  }

  get next(): Seq {
    return this.#next;
  }

  get backlog(): { frames: number; bytes: number } {
    const bytes = this.#queuedBytes - this.#readAcked();
    return { frames: this.#next - this.#durableNext, bytes };
  }

  get health(): JournalHealth {
    return this.#health;
  }

  onHealth(listener: (health: JournalHealth) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  enforceBudget(): Promise<readonly SegmentInfo[]> {
    return this.#budget.enforce();
  }

  flush(): Promise<void> {
    return this.#next === this.#firstSeq ? Promise.resolve() : this.whenDurable((this.#next - 1) as Seq);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#closed === undefined) {
      this.#closed = new JournalClosed("the journal is closed");
      this.#producer.command(CLOSE);
    }
    for (const cancel of this.#cancelTimers) cancel();
    await this.#budget.stop();
    try {
      await this.#ended.promise;
      await this.#thread.terminate();
    } finally {
      this.#lock.release();
    }
  }

  #introduce(label: ConnectionId): number {
    const connection = this.#connections.size;
    if (!this.#producer.push(connection * 16 + LABEL, 0, 0, new TextEncoder().encode(label))) throw this.#overloaded();
    this.#connections.set(label, connection);
    return connection;
  }

  #overloaded(): JournalOverloaded {
    const { frames, bytes } = this.backlog;
    return new JournalOverloaded(frames, bytes);
  }

  /** Takes over what the committing thread has published; returns the bytes acknowledged so far. */
  #readAcked(): number {
    const acked = this.#producer.acked();
    this.#durableNext = (this.#durableNext + ((acked.frames - (this.#durableNext - this.#firstSeq)) >>> 0)) as Seq;
    this.#ackedBytes += (acked.bytes - this.#ackedBytes) >>> 0;
    return this.#ackedBytes;
  }

  #hear(news: CommitNews): void {
    switch (news.kind) {
      case "ready":
        break;
      case "committed":
        this.#producer.heard();
        this.#settle();
        break;
      case "stalled":
        this.#log.error({ cause: news.cause, ...this.backlog }, "journal: stalled");
        this.#say({ state: "stalled", cause: news.cause });
        break;
      case "writing":
        this.#log.info(this.backlog, "journal: writing again");
        this.#say({ state: "writing", cause: null });
        break;
      case "closed":
        this.#settle();
        this.#end(news.cause === null ? null : new JournalStalled(this.#next - this.#durableNext, news.cause));
        break;
    }
  }

  #settle(): void {
    this.#readAcked();
    this.#waiters.settle(this.#durableNext);
  }

  /** The committing thread is gone; the first word on why counts. */
  #end(cause: Error | null): void {
    this.#closed ??= cause ?? new JournalClosed("the journal is closed");
    if (cause) {
      this.#failed ??= cause;
      this.#waiters.fail(cause);
    }
    if (cause && this.#closing === undefined) this.#say({ state: "stalled", cause: cause.message });
    if (cause) this.#ended.reject(cause);
    else this.#ended.resolve();
    // Whoever closes hears it; without a close, health and the refused appends say it.
    this.#ended.promise.catch(() => undefined);
  }

  #say(health: JournalHealth): void {
    this.#health = health;
    for (const listener of this.#listeners) listener(health);
  }
}

function isTime(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
