import { hostname } from "node:os";
import { atLeastReal, type Clock, type Log, readDiskSpace } from "#host";
import type { Journal } from "#journal";
import type { Market, SessionRecord } from "#model";
import { MINUTE, SECOND, type UnixMicros } from "#model";
import { formatTarget, type Target, type VenueConfig } from "#venue";
import { Carriage, type Carried } from "./carriage.ts";
import { CatalogRounds } from "./catalog-rounds.ts";
import { ClockWatch } from "./clock-watch.ts";
import { DurableLag } from "./durable-lag.ts";
import { GapLedger } from "./gap-ledger.ts";
import { Intake } from "./intake.ts";
import { LiveProof } from "./live-proof.ts";
import { LiveQueue } from "./live-queue.ts";
import { LiveView } from "./live-view.ts";
import { MarketRegister } from "./market-register.ts";
import { MarketSockets, marketConnection } from "./market-sockets.ts";
import { assignShards, type PlanOptions } from "./plan.ts";
import { type PreviousSession, REWRITE_EVERY } from "./previous-session.ts";
import { ReferenceBoard } from "./reference-board.ts";
import { ReferenceSockets } from "./reference-sockets.ts";
import type { CaptureStatus } from "./status.ts";
import { takeStatus } from "./take-status.ts";
import type { Remedy } from "./witness.ts";
import { type RoundsOptions, WitnessRounds } from "./witness-rounds.ts";

export interface RecorderOptions {
  readonly journal: Journal;
  /** The journal's folder: its disk is watched. */
  readonly directory: string;
  readonly venue: VenueConfig;
  readonly targets: readonly Target[];
  readonly clock: Clock;
  readonly log: Log;
  /** Of this program, for the session record. */
  readonly version: string;
  readonly replicas: readonly string[];
  readonly plan: PlanOptions;
  readonly witness: RoundsOptions;
  readonly previous: PreviousSession;
}

const DISK_EVERY = 5 * SECOND;
/** Floor of the round in real milliseconds, for a clock that runs faster than the machine. */
const ROUND_FLOOR = 50;
/** How often the end waits for a full journal before it gives up its last records. */
const LAST_TRIES = 10;

/** One recording session: owns the sockets, the live state, and the timers that keep both up to date. */
export class Recorder {
  readonly options: RecorderOptions;
  readonly startedAt: UnixMicros;
  readonly intake: Intake;
  readonly ledger: GapLedger;
  readonly carriage: Carriage;
  readonly register: MarketRegister;
  readonly proof: LiveProof;
  readonly queue: LiveQueue;
  readonly view: LiveView;
  readonly references = new ReferenceBoard();
  readonly sockets: MarketSockets;
  readonly priceSockets: ReferenceSockets;
  readonly catalog: CatalogRounds;
  readonly witness: WitnessRounds;
  readonly lag: DurableLag;
  diskFreeBytes: number | null = null;
  readonly #clockWatch: ClockWatch;
  readonly #done = Promise.withResolvers<void>();
  #cancelRounds: (() => void) | null = null;
  #lastRoundAt: number;
  #rewrittenAt: number;
  #diskAt = Number.NEGATIVE_INFINITY;
  #planned = false;
  #stopping: Promise<void> | null = null;

  constructor(options: RecorderOptions) {
    this.options = options;
    const { journal, clock, log, venue, replicas, plan, targets } = options;
    this.startedAt = clock.now();
    this.#lastRoundAt = clock.monotonic();
    this.#rewrittenAt = clock.monotonic();
    this.#clockWatch = new ClockWatch(clock);
    this.lag = new DurableLag(journal, clock);
    this.register = new MarketRegister(plan);
    this.carriage = new Carriage(replicas);
    this.intake = new Intake({ journal, clock, log, onFrame: (frame) => this.queue.push(frame) });
    this.ledger = new GapLedger((record) => this.intake.record("gap", record));
    this.intake.reportTo(this.ledger);
    this.sockets = new MarketSockets({
      url: venue.endpoints.marketSocket,
      replicas,
      clock,
      log,
      onFrame: (frame) => this.intake.take(frame),
      onSubscribed: (replica, instruments) => {
        for (const each of instruments) this.carriage.subscribed(each, replica, clock.now());
      },
    });
    this.priceSockets = new ReferenceSockets({ venue, clock, log, onFrame: (frame) => this.intake.take(frame) });
    this.catalog = new CatalogRounds({
      venue,
      targets,
      clock,
      log,
      aheadMicros: plan.lead + LOOK_UP_EARLIER,
      patienceMicros: plan.patience,
      onAnswer: (frame) => this.intake.take(frame),
      onMarket: (market, explicit) => this.#learn(market, explicit),
    });
    this.proof = this.#newProof();
    this.view = new LiveView({
      carriage: this.carriage,
      ledger: this.ledger,
      proof: this.proof,
      register: this.register,
      references: this.references,
      thawed: (instrument, replica) => this.witness.thawed(instrument, replica),
      stopping: () => this.#stopping !== null,
    });
    this.queue = new LiveQueue({
      work: (frame) => this.view.work(frame),
      skipped: (connection) => this.view.skipped(connection),
    });
    this.witness = this.#newWitness();
  }

  get done(): Promise<void> {
    return this.#done.promise;
  }

  start(): void {
    const { clock, previous } = this.options;
    this.intake.record("session", this.#session("started"));
    for (const gap of previous.openGaps) this.ledger.adopt(gap);
    this.#tellProcessDown();
    this.catalog.run().catch(this.#done.reject);
    this.#cancelRounds = clock.every(atLeastReal(clock, SECOND, ROUND_FLOOR), () => this.#round());
  }

  status(): CaptureStatus {
    return takeStatus(this);
  }

  /** Ends the session in order; resolves when its last record is durable. A second call waits for the first. */
  stop(): Promise<void> {
    if (this.#stopping === null) {
      this.#stopping = this.#stop();
      this.#stopping.then(this.#done.resolve, this.#done.reject);
    }
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#cancelRounds?.();
    await Promise.all([this.sockets.close(), this.priceSockets.close(), this.catalog.stop()]);
    this.queue.drain();
    this.proof.flush();
    this.intake.record("session", this.#session("stopped"));
    for (let tries = 0; tries < LAST_TRIES && !this.intake.flush(); tries++) await this.options.journal.flush();
    await this.options.journal.flush();
  }

  #learn(market: Market, explicit: boolean): void {
    const { clock } = this.options;
    this.register.learn(market, explicit, clock.now());
    const known = this.register.known(market.id);
    if (known) this.catalog.follow(known);
  }

  #round(): void {
    const { clock } = this.options;
    const monotonic = clock.monotonic();
    this.view.tick((monotonic - this.#lastRoundAt) / SECOND);
    this.#lastRoundAt = monotonic;
    this.intake.flush();
    this.lag.look();
    this.#lookAtClock();
    this.#plan();
    this.witness.round();
    this.ledger.split(clock.now());
    if (monotonic - this.#rewrittenAt >= REWRITE_EVERY) {
      this.#rewrittenAt = monotonic;
      this.ledger.rewrite();
    }
    if (monotonic - this.#diskAt >= DISK_EVERY) {
      this.#diskAt = monotonic;
      void this.#lookAtDisk();
    }
    if (this.catalog.complete && this.register.size === 0) this.stop().catch(this.#done.reject);
  }

  #plan(): void {
    const { clock, plan } = this.options;
    const now = clock.now();
    for (const { market, winner } of this.register.sweep(now)) {
      if (!winner) this.options.log.warn({ slug: market.slug }, "let go without a resolution");
    }
    const wanted = this.register.wanted(now);
    const before = this.sockets.shards;
    const shards = assignShards(before, wanted, plan.perSocket);
    // Known before it is asked for: the answer may be on its way before this returns.
    for (const market of wanted) {
      if (before.has(market.id)) continue;
      const { number, instruments } = shards.get(market.id)!;
      for (const instrument of instruments) this.carriage.add(instrument, market.id, number);
    }
    this.sockets.follow(shards);
    for (const [market, { instruments }] of before) {
      if (shards.has(market)) continue;
      for (const instrument of instruments) this.#forget(instrument);
    }
    this.priceSockets.need(wanted);
    if (wanted.length > 0 && !this.#planned) this.#firstPlan();
  }

  #forget(instrument: Carried["instrument"]): void {
    this.carriage.remove(instrument);
    this.proof.forget(instrument);
    this.view.forget(instrument);
    this.witness.forget(instrument);
    this.ledger.leave(instrument, this.intake.last ?? { at: this.options.clock.now(), seq: null });
  }

  /** What an earlier session left open waits for the instruments of the first plan; what is not in it is gone. */
  #firstPlan(): void {
    this.#planned = true;
    const instruments = [...this.carriage.all()].map((carried) => carried.instrument);
    const moment = this.intake.last ?? { at: this.options.clock.now(), seq: null };
    for (const gap of this.ledger.open) {
      if (gap.instruments.length === 0 && gap.cause === "process_down") this.ledger.waitFor(gap.id, instruments);
      for (const each of gap.instruments) if (!this.carriage.of(each)) this.ledger.leave(each, moment);
    }
  }

  #tellProcessDown(): void {
    const { last, stopped } = this.options.previous;
    const moment = this.intake.last ?? { at: this.startedAt, seq: null };
    for (const gap of this.ledger.open) {
      if (gap.cause === "overload") this.ledger.end(gap.id, moment, "the recorder was started again");
    }
    const still = this.ledger.open.some((gap) => gap.cause === "process_down" && gap.instruments.length === 0);
    if (last === null || still) return;
    this.ledger.begin({
      cause: "process_down",
      instruments: [],
      connection: null,
      from: { at: last.receivedAt, seq: last.seq },
      evidence: stopped ? "the recorder was stopped" : "the recorder ended without saying so",
    });
  }

  #lookAtClock(): void {
    const jump = this.#clockWatch.look();
    if (!jump) return;
    const { expected, found, micros } = jump;
    const seq = this.intake.last?.seq ?? null;
    const evidence = `the wall clock moved ${(micros / SECOND).toFixed(3)} s against the monotonic one`;
    const from = { at: Math.min(expected, found) as UnixMicros, seq };
    const gap = this.ledger.begin({ cause: "clock_jump", instruments: [], connection: null, from, evidence });
    const to = { at: Math.max(expected, found) as UnixMicros, seq };
    if (gap) this.ledger.end(gap.id, to, "times between are doubtful");
    this.options.log.warn({ micros }, evidence);
  }

  async #lookAtDisk(): Promise<void> {
    try {
      this.diskFreeBytes = (await readDiskSpace(this.options.directory)).freeBytes;
    } catch {
      // The journal itself says when the disk is gone; an unknown figure is shown as such.
      this.diskFreeBytes = null;
    }
  }

  #newProof(): LiveProof {
    return new LiveProof({
      replicas: this.options.replicas,
      ledger: this.ledger,
      facts: (instrument) => this.register.of(instrument)?.market,
      carries: (instrument, replica) =>
        this.carriage.of(instrument)?.legs.some((leg) => leg.replica === replica && leg.carries) ?? false,
      redrive: (instrument, replica) => {
        const carried = this.carriage.of(instrument);
        if (carried && this.sockets.redrive(instrument, replica, carried.shard)) this.witness.counts.redrives++;
      },
    });
  }

  #newWitness(): WitnessRounds {
    const { clock, log, witness } = this.options;
    return new WitnessRounds(
      this.carriage,
      {
        now: () => clock.now(),
        phaseOf: ({ market }) => {
          const recorded = this.register.get(market);
          return recorded ? this.register.phaseOf(recorded, clock.now()) : "done";
        },
        ours: (instrument) => {
          const book = this.proof.book(instrument)?.state;
          if (!book) return null;
          const { sentAt, digest, ladder } = book;
          return { sentAt, digest, bids: ladder.levels("bid"), asks: ladder.levels("ask") };
        },
        ask: (instrument) => this.catalog.ask(instrument),
        remedy: (remedy, carried, replica) => this.#remedy(remedy, carried, replica),
        frozen: (carried, evidence) => this.#frozen(carried, evidence),
        noted: ({ instrument }, { finding, evidence }) => {
          if (finding !== "quiet") log.warn({ instrument, finding }, evidence);
        },
      },
      witness,
    );
  }

  #remedy(remedy: Remedy, { instrument, shard, market }: Carried, replica: string): boolean {
    const slug = this.register.get(market)?.market.slug;
    this.options.log.warn({ instrument, slug, connection: marketConnection(replica, shard) }, `frozen: ${remedy}`);
    if (remedy === "redrive") return this.sockets.redrive(instrument, replica, shard);
    // A new socket must not tear a hole into books that are well and that it alone carries; with one replica it has to.
    const alone = this.carriage.carriedOnlyBy(replica, shard).filter((each) => !this.ledger.has("silence", each));
    if (alone.length > 0 && this.options.replicas.length > 1) return false;
    return this.sockets.reconnect(replica, shard, `instrument ${instrument} is frozen on it`);
  }

  #frozen({ instrument, last, legs }: Carried, evidence: string): void {
    const since = legs.map((leg) => leg.subscribedAt ?? this.startedAt);
    const from = last ?? { at: Math.min(...since) as UnixMicros, seq: null };
    this.ledger.begin({ cause: "silence", instruments: [instrument], connection: null, from, evidence });
    // What was lost in the silence is this gap's; the books that disagree after it are no further one.
    for (const { replica } of legs) this.proof.invalidate(instrument, replica);
  }

  #session(phase: SessionRecord["phase"]): SessionRecord {
    const { version, targets, previous } = this.options;
    const previousFrameAt = phase === "started" ? (previous.last?.receivedAt ?? null) : null;
    return { phase, version, pid: process.pid, host: hostname(), targets: targets.map(formatTarget), previousFrameAt };
  }
}

/** The catalog is asked for a window this much earlier than it is subscribed: Gamma may be slow to list it. */
const LOOK_UP_EARLIER = 5 * MINUTE;
