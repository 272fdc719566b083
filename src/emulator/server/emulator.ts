import { type Clock, type Log, silentLog, systemClock } from "#host";
import type { InstrumentId } from "#model";
import type { VenueConfig, VenueEndpoints } from "#venue";
import type { BookAnswer, EmulatedItem, EmulatorSource } from "../source.ts";
import { FaultDesk } from "./fault-desk.ts";
import type { Injection, InjectionRecord } from "./injections.ts";
import { Listener } from "./listener.ts";
import { createMarketData, type MarketData } from "./market-data.ts";
import { play } from "./pacer.ts";
import type { PartContext, VenuePart } from "./parts.ts";

export interface EmulatorOptions {
  readonly source: EmulatorSource;
  /** Paces everything; may run faster than real time. */
  readonly clock: Clock;
  /** For keepalives and limits of what clients send; default: the same. Where that one can be paused it must not be. */
  readonly network?: Clock;
  /** 0, the default: any free one. Always on loopback. */
  readonly port?: number;
  /** Injected at the start. */
  readonly faults?: readonly Injection[];
  /** Tokens a market socket may hold before it falls silent: the venue's trap, 500. null: no limit. */
  readonly tokenLimit?: number | null;
  /** What may pile up for a reader before it is disconnected. */
  readonly maxBufferedBytes?: number;
  readonly log?: Log;
}

export interface Emulator {
  readonly endpoints: VenueEndpoints;
  /** For a recorder, here or in another process: where the venue is, and what time it is there. */
  config(): VenueConfig;
  inject(injection: Injection): void;
  /** What was injected, and what it hit so far. */
  injected(): readonly InjectionRecord[];
  /** Resolves when the source has ended and all of it was sent; rejects where it could not be read. */
  readonly finished: Promise<void>;
  close(): Promise<void>;
}

const MAX_BUFFERED_BYTES = 16 * 1_048_576;

/** Opens the venue's sockets and HTTP services on one loopback port, and plays the source through them. */
export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  const emulator = new VenueServer(options);
  await emulator.listen(options.port ?? 0);
  return emulator;
}

class VenueServer implements Emulator {
  readonly #options: EmulatorOptions;
  readonly #source: EmulatorSource;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #faults: FaultDesk;
  readonly #listener: Listener;
  readonly #marketData: MarketData;
  readonly #parts: readonly VenuePart[];
  readonly #ending = new AbortController();
  /** Books that REST and dumps show in place of the true ones, and for how many stale_book faults. */
  readonly #stale = new Map<InstrumentId, BookAnswer>();
  #staleFaults = 0;
  #finished: Promise<void> = Promise.resolve();

  constructor(options: EmulatorOptions) {
    const { source, clock } = options;
    this.#options = options;
    this.#source = source;
    this.#clock = clock;
    this.#log = options.log ?? silentLog();
    this.#faults = new FaultDesk(clock);
    const book = (instrument: InstrumentId) => this.#book(instrument);
    const context: PartContext = { source, clock, network: options.network ?? clock, book };
    this.#marketData = createMarketData(context, options.tokenLimit === undefined ? 500 : options.tokenLimit);
    this.#parts = [this.#marketData];
    this.#listener = new Listener({
      doors: this.#parts.flatMap(({ doors = [] }) => doors),
      routes: this.#parts.flatMap(({ routes = [] }) => routes),
      faults: this.#faults,
      clock,
      log: this.#log,
      maxBufferedBytes: options.maxBufferedBytes ?? MAX_BUFFERED_BYTES,
    });
  }

  async listen(port: number): Promise<void> {
    // Steps that are due already happened before anyone could connect.
    while ((this.#source.nextAt() ?? Number.POSITIVE_INFINITY) <= this.#clock.now()) this.#source.step();
    await this.#listener.open(port);
    for (const injection of this.#options.faults ?? []) this.inject(injection);
    this.#finished = play(this.#source, this.#clock, (item) => this.#deliver(item), this.#ending.signal);
    // Whoever awaits `finished` gets the error; for the others it is in the log, and the sockets fall silent.
    this.#finished.catch((error: unknown) => this.#log.error({ error: String(error) }, "the emulator's source failed"));
  }

  get finished(): Promise<void> {
    return this.#finished;
  }

  get endpoints(): VenueEndpoints {
    const { host } = this.#listener;
    return {
      marketSocket: `ws://${host}/ws/market`,
      polyboltSocket: `ws://${host}/polybolt/ws`,
      rtdsSocket: `ws://${host}/rtds`,
      binanceSocket: null,
      gamma: `http://${host}/gamma`,
      clob: `http://${host}/clob`,
      cryptoPrice: `http://${host}/api/crypto/crypto-price`,
    };
  }

  config(): VenueConfig {
    return {
      endpoints: this.endpoints,
      // Any well-formed ones open PolyBolt here.
      credentials: { apiKey: "emulator", secret: "emulator", passphrase: "emulator" },
      clock: { venueAt: this.#clock.now(), wallAt: systemClock().now(), speed: this.#clock.speed },
    };
  }

  inject(injection: Injection): void {
    this.#log.info({ injection }, "fault injected");
    switch (injection.kind) {
      case "disconnect":
        return this.#disconnect(injection);
      case "cross": {
        const seen = this.#marketData.market.cross(injection.instrument, injection.socket);
        return this.#faults.note(this.#faults.admit(injection, seen > 0), seen);
      }
      case "stale_book":
        return this.#freezeBooks(injection);
      case "clock_skew": {
        const possible = this.#source.skew(injection.byMicros);
        this.#faults.admit(injection, possible);
        if (possible) this.#clock.after(injection.forMicros, () => this.#source.skew(0));
        return;
      }
      default:
        this.#faults.admit(injection);
    }
  }

  injected(): readonly InjectionRecord[] {
    return this.#faults.records;
  }

  async close(): Promise<void> {
    this.#ending.abort();
    for (const part of this.#parts) part.close?.();
    await this.#listener.close();
    await this.#finished.catch(() => undefined);
    await this.#source.close();
  }

  #deliver(item: EmulatedItem): void {
    for (const part of this.#parts) part.deliver?.(item);
  }

  #book(instrument: InstrumentId): BookAnswer {
    return this.#stale.get(instrument) ?? this.#source.book(instrument);
  }

  #disconnect(injection: Extract<Injection, { kind: "disconnect" }>): void {
    const { surface = "market", socket, code } = injection;
    const hit = [...this.#listener.outlets()].filter(
      (outlet) => outlet.surface === surface && (socket === undefined || outlet.index === socket),
    );
    for (const outlet of hit) outlet.end(code);
    this.#faults.note(this.#faults.admit(injection, hit.length > 0), hit.length);
  }

  #freezeBooks(injection: Extract<Injection, { kind: "stale_book" }>): void {
    const instruments =
      injection.instruments ??
      [...this.#source.markets()].flatMap(({ outcomes }) => outcomes.map(({ instrument }) => instrument));
    for (const instrument of instruments) {
      const answer = this.#source.book(instrument);
      if (answer.kind === "open" && !this.#stale.has(instrument)) this.#stale.set(instrument, answer);
    }
    this.#staleFaults++;
    this.#faults.note(this.#faults.admit(injection, this.#stale.size > 0), this.#stale.size);
    this.#clock.after(injection.forMicros, () => {
      if (--this.#staleFaults === 0) this.#stale.clear();
    });
  }
}
