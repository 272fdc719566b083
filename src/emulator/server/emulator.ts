import { type Clock, type Log, silentLog, systemClock } from "#host";
import type { InstrumentId, UnixMicros } from "#model";
import type { VenueConfig, VenueEndpoints } from "#venue";
import { controlApi } from "../control/control-api.ts";
import { createControl, type EmulatorControl } from "../control/playback.ts";
import type { EmulatedItem, EmulatorSource } from "../source.ts";
import { createTrading, type TradingOptions } from "../trading/trading.ts";
import { FaultDesk } from "./fault-desk.ts";
import { FaultInjector } from "./fault-injector.ts";
import type { Injection, InjectionRecord } from "./injections.ts";
import { Listener } from "./listener.ts";
import { createMarketData } from "./market-data.ts";
import type { PartContext, VenuePart } from "./parts.ts";
import { isPlayhead, Player } from "./player.ts";

export interface EmulatorOptions {
  readonly source: EmulatorSource;
  /** Paces everything; may run faster than real time. With a Playhead the emulator can be controlled. */
  readonly clock: Clock;
  /** For keepalives and limits of what clients send. Default: the clock, or real time where that is a Playhead. */
  readonly network?: Clock;
  /** 0, the default: any free one. Always on loopback. */
  readonly port?: number;
  /** Injected at the start. */
  readonly faults?: readonly Injection[];
  /** Tokens a market socket may hold before it falls silent: the venue's trap, 500. null: no limit. */
  readonly tokenLimit?: number | null;
  /** What may pile up for a reader before it is disconnected. */
  readonly maxBufferedBytes?: number;
  /** Sockets open at once, 1,000; more are refused with HTTP 429. */
  readonly maxSockets?: number;
  /** Sockets opened within a second before HTTP 429, as the venue answers bursts; null, the default: any number. */
  readonly connectsASecond?: number | null;
  /** Balances, delays and limits of order entry. */
  readonly trading?: TradingOptions;
  readonly log?: Log;
}

export interface Emulator {
  readonly endpoints: VenueEndpoints;
  /** For a recorder, here or in another process: where the venue is, and what time it is there. */
  config(): VenueConfig;
  /** Pause, seek, speed and step; also served over HTTP, under /control. */
  readonly control: EmulatorControl;
  inject(injection: Injection): void;
  /** What was injected, and what it hit so far. */
  injected(): readonly InjectionRecord[];
  /** Resolves when the source has ended and all of it was sent; rejects where it could not be read. */
  readonly finished: Promise<void>;
  close(): Promise<void>;
}

const MAX_BUFFERED_BYTES = 16 * 1_048_576;
const MAX_SOCKETS = 1_000;

/** Opens the venue's sockets and HTTP services on one loopback port, and plays the source through them. */
export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  const emulator = new VenueServer(options);
  await emulator.listen(options.port ?? 0);
  return emulator;
}

class VenueServer implements Emulator {
  readonly control: EmulatorControl;
  readonly #options: EmulatorOptions;
  readonly #source: EmulatorSource;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #faults: FaultDesk;
  readonly #injector: FaultInjector;
  readonly #listener: Listener;
  readonly #player: Player;
  readonly #parts: readonly VenuePart[];
  #running: Promise<void> = Promise.resolve();

  constructor(options: EmulatorOptions) {
    const { source, clock } = options;
    this.#options = options;
    this.#source = source;
    this.#clock = clock;
    this.#log = options.log ?? silentLog();
    this.#faults = new FaultDesk(clock);
    const network = options.network ?? (isPlayhead(clock) ? systemClock() : clock);
    const outlets = () => this.#listener.outlets();
    const book = (instrument: InstrumentId) => this.#injector.book(instrument);
    const context: PartContext = { source, clock, network, book };
    const marketData = createMarketData(context, options.tokenLimit === undefined ? 500 : options.tokenLimit);
    const cross = marketData.market.cross.bind(marketData.market);
    this.#injector = new FaultInjector({ source, clock, desk: this.#faults, outlets, cross });
    this.#player = new Player({
      source,
      clock,
      deliver: (item) => this.#deliver(item),
      moved: (at) => this.#moved(at),
      drained: () => this.#listener.drained(),
    });
    this.control = createControl({ player: this.#player, source, clock, outlets, faults: () => this.injected() });
    this.#parts = [controlApi(this), marketData, createTrading(context, options.trading)];
    this.#listener = new Listener({
      doors: this.#parts.flatMap(({ doors = [] }) => doors),
      routes: this.#parts.flatMap(({ routes = [] }) => routes),
      faults: this.#faults,
      clock,
      network,
      log: this.#log,
      maxBufferedBytes: options.maxBufferedBytes ?? MAX_BUFFERED_BYTES,
      maxSockets: options.maxSockets ?? MAX_SOCKETS,
      connectsASecond: options.connectsASecond ?? null,
    });
  }

  async listen(port: number): Promise<void> {
    // Steps that are due already happened before anyone could connect.
    while ((this.#source.nextAt() ?? Number.POSITIVE_INFINITY) <= this.#clock.now()) this.#source.step();
    await this.#listener.open(port);
    for (const injection of this.#options.faults ?? []) this.inject(injection);
    this.#running = this.#player.run();
    // Whoever awaits `finished` gets the error; for the others it is in the log, and the sockets fall silent.
    this.finished.catch((error: unknown) => this.#log.error({ error: String(error) }, "the emulator's source failed"));
  }

  get finished(): Promise<void> {
    return this.#player.finished;
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
    // A clock without limit cannot be followed by another one.
    const { speed } = this.#clock;
    return {
      endpoints: this.endpoints,
      // Any well-formed ones open PolyBolt here.
      credentials: { apiKey: "emulator", secret: "emulator", passphrase: "emulator" },
      clock: { venueAt: this.#clock.now(), wallAt: systemClock().now(), speed: Number.isFinite(speed) ? speed : 1 },
    };
  }

  inject(injection: Injection): void {
    this.#log.info({ injection }, "fault injected");
    this.#injector.inject(injection);
  }

  injected(): readonly InjectionRecord[] {
    return this.#faults.records;
  }

  async close(): Promise<void> {
    this.#player.close();
    for (const part of this.#parts) part.close?.();
    await this.#listener.close();
    await this.#running;
    await this.#source.close();
  }

  #deliver(item: EmulatedItem): void {
    for (const part of this.#parts) part.deliver?.(item);
  }

  /** What was on its way to a client is of a moment that is no more. */
  #moved(at: UnixMicros): void {
    this.#injector.moved();
    for (const outlet of this.#listener.outlets()) outlet.forget();
    for (const part of this.#parts) part.moved?.(at);
  }
}
