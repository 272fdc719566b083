import type { ConnectionClosed, Frame, InstrumentId, UnixMicros, VenueEvent } from "#model";
import { decodeExchange } from "#model";
import { Decoder, surfaceOf } from "#venue";
import type { Carriage } from "./carriage.ts";
import type { GapLedger, Moment } from "./gap-ledger.ts";
import type { LiveProof } from "./live-proof.ts";
import type { MarketRegister } from "./market-register.ts";
import { marketConnection, parseMarketConnection } from "./market-sockets.ts";
import { LatestQuantiles, NamedCounts, RateMeter } from "./meters.ts";
import type { ReferenceBoard } from "./reference-board.ts";

export interface LiveViewOptions {
  readonly carriage: Carriage;
  readonly ledger: GapLedger;
  readonly proof: LiveProof;
  readonly register: MarketRegister;
  readonly references: ReferenceBoard;
  /** A frozen instrument moves again, with deltas that stand on nothing: it needs a new opening book. */
  thawed(instrument: InstrumentId, replica: string): void;
  /** True while the recorder closes its own sockets: that is the end of the recording, no gap in it. */
  stopping(): boolean;
}

/** What one connection has shown. */
export interface ConnectionTally {
  opens: number;
  lastFrameAt: UnixMicros | null;
}

/**
 * Reads the frames that are in the journal, in its order, and keeps the live state by them: who carries what, which
 * states are proven, what is missing. It sees nothing that the journal does not hold.
 */
export class LiveView {
  readonly #options: LiveViewOptions;
  readonly #decoder = new Decoder();
  readonly faults = new NamedCounts();
  readonly unknownMessages = new NamedCounts();
  readonly skew = new LatestQuantiles();
  readonly frames = new RateMeter();
  readonly #rates = new Map<InstrumentId, RateMeter>();
  readonly #tallies = new Map<string, ConnectionTally>();
  dumps = 0;
  dumpsWithoutTick = 0;

  constructor(options: LiveViewOptions) {
    this.#options = options;
  }

  work(frame: Frame): void {
    this.frames.add();
    const tally = this.#tally(frame.connection);
    tally.lastFrameAt = frame.receivedAt;
    switch (frame.kind) {
      case "opened":
        tally.opens++;
        return this.#opened(frame);
      case "closed":
        return this.#closed(frame);
      case "received":
        return this.#received(frame);
      case "answered":
        if (isRefusal(decodeExchange(frame.bytes)?.head.status ?? 0)) this.faults.add(`${frame.connection} refused`);
        return;
      case "sent":
      case "gap":
      case "session":
      case "unreadable":
        return;
    }
  }

  /** Frames of a connection were skipped here (not in the journal): what stands is doubtful until a snapshot. */
  skipped(connection: Frame["connection"]): void {
    const place = parseMarketConnection(connection);
    if (place) this.#invalidate(place.replica, place.shard);
  }

  tallyOf(connection: string): Readonly<ConnectionTally> {
    return this.#tallies.get(connection) ?? { opens: 0, lastFrameAt: null };
  }

  /** Frames a second about an instrument. */
  rateOf(instrument: InstrumentId): number {
    return this.#rates.get(instrument)?.perSecond ?? 0;
  }

  tick(seconds: number): void {
    this.frames.tick(seconds);
    for (const meter of this.#rates.values()) meter.tick(seconds);
  }

  forget(instrument: InstrumentId): void {
    this.#rates.delete(instrument);
  }

  #opened(frame: Frame): void {
    const place = parseMarketConnection(frame.connection);
    if (place) this.#options.carriage.opened(place.replica, place.shard, momentOf(frame));
  }

  #closed(frame: Frame): void {
    const place = parseMarketConnection(frame.connection);
    if (!place) return;
    const { carriage, ledger, stopping } = this.#options;
    this.#invalidate(place.replica, place.shard);
    const { lost, from } = carriage.closed(place.replica, place.shard);
    if (lost.length === 0 || stopping()) return;
    ledger.begin({
      cause: "disconnect",
      instruments: lost,
      connection: marketConnection(place.replica, place.shard),
      from: from ?? momentOf(frame),
      evidence: `${closing(frame)}; no other connection carried these ${lost.length} instruments`,
    });
  }

  #invalidate(replica: string, shard: number): void {
    const { carriage, proof } = this.#options;
    for (const carried of carriage.all()) {
      if (carried.shard === shard) proof.invalidate(carried.instrument, replica);
    }
  }

  #received(frame: Frame): void {
    const place = parseMarketConnection(frame.connection);
    if (place) this.#options.carriage.heard(place.replica, place.shard, momentOf(frame));
    for (const event of this.#decoder.decode(surfaceOf(frame.connection), frame.bytes)) {
      if (event.kind === "fault") this.faults.add(event.reason);
      else if (event.kind === "unknown") this.unknownMessages.add(event.type);
      else if (event.kind === "reference_price") {
        this.#options.references.put(event, frame.receivedAt);
        this.#options.register.observe(event);
      } else if (place) this.#market(event, place.replica, frame);
    }
  }

  #market(event: VenueEvent, replica: string, frame: Frame): void {
    const { carriage, proof, register } = this.#options;
    switch (event.kind) {
      case "book":
        return this.#book(event, replica, frame);
      case "price_change": {
        let known = false;
        for (const { instrument, digest } of event.changes) {
          if (this.#saw(instrument, replica, { frame, sentAt: event.sentAt, digest, snapshot: false })) known = true;
        }
        // A change of what was let go has no book here to go to.
        if (!known) return;
        this.skew.add(frame.receivedAt - event.sentAt);
        return proof.apply(replica, event, frame);
      }
      case "trade":
      case "tick_size_change":
      case "best_prices":
        if (carriage.of(event.instrument)) proof.apply(replica, event, frame);
        return;
      case "market_resolved":
        return register.resolve(event.market, event.winner, "socket", frame.receivedAt);
      case "market_created":
      case "notice":
      case "reference_price":
      case "unknown":
      case "fault":
        return;
    }
  }

  #book(event: Extract<VenueEvent, { kind: "book" }>, replica: string, frame: Frame): void {
    const { instrument, sentAt, digest } = event;
    const leg = this.#options.carriage.of(instrument)?.legs.find((each) => each.replica === replica);
    const isDump = leg?.subscribedAt != null && leg.lastFrameAt === null;
    if (!this.#saw(instrument, replica, { frame, sentAt, digest, snapshot: true })) return;
    if (isDump) {
      this.dumps++;
      if (event.tickSize === undefined) this.dumpsWithoutTick++;
    }
    this.#options.proof.apply(replica, event, frame);
  }

  #saw(
    instrument: InstrumentId,
    replica: string,
    seen: {
      frame: Frame;
      sentAt: UnixMicros;
      digest: Extract<VenueEvent, { kind: "book" }>["digest"];
      snapshot: boolean;
    },
  ): boolean {
    const { carriage, ledger } = this.#options;
    const { frame, sentAt, digest, snapshot } = seen;
    const moment = momentOf(frame);
    if (!carriage.saw(instrument, replica, { moment, sentAt, digest, snapshot })) return false;
    if (snapshot) ledger.recover(instrument, "snapshot", moment);
    else if (ledger.has("silence", instrument)) this.#options.thawed(instrument, replica);
    let meter = this.#rates.get(instrument);
    if (!meter) {
      meter = new RateMeter();
      this.#rates.set(instrument, meter);
    }
    meter.add();
    return true;
  }

  #tally(connection: string): ConnectionTally {
    const tally = this.#tallies.get(connection) ?? { opens: 0, lastFrameAt: null };
    this.#tallies.set(connection, tally);
    return tally;
  }
}

function momentOf(frame: Frame): Moment {
  return { at: frame.receivedAt, seq: frame.seq };
}

function closing(frame: Frame): string {
  const { code, reason, by } = JSON.parse(new TextDecoder().decode(frame.bytes)) as ConnectionClosed;
  const figures = code === null ? "" : ` with code ${code}`;
  return `${frame.connection} was closed by ${by}${figures}${reason === "" ? "" : ` (${reason})`}`;
}

/** 404 is an answer: no window of that name yet, no book of a market that is closed. */
function isRefusal(status: number): boolean {
  return status >= 400 && status !== 404;
}
