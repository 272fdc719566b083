import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { type Clock, type Log, silentLog, systemClock } from "#host";
import type { InstrumentId } from "#model";
import type { VenueConfig, VenueEndpoints } from "#venue";
import type { BookAnswer, EmulatedItem, EmulatorSource } from "../source.ts";
import { answerClob } from "./clob.ts";
import { answerCryptoPrice } from "./crypto-price.ts";
import { FaultDesk } from "./fault-desk.ts";
import { answerGamma } from "./gamma.ts";
import { type HttpAnswer, json } from "./http-answer.ts";
import type { Injection, InjectionRecord, SocketSurface } from "./injections.ts";
import { MarketChannel } from "./market-channel.ts";
import { Outlet } from "./outlet.ts";
import { play } from "./pacer.ts";
import { PolyBoltChannel } from "./polybolt-channel.ts";
import { RtdsChannel } from "./rtds-channel.ts";

export interface EmulatorOptions {
  readonly source: EmulatorSource;
  /** Paces everything; may run faster than real time. */
  readonly clock: Clock;
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

const SURFACES: Readonly<Record<string, SocketSurface>> = {
  "/ws/market": "market",
  "/polybolt/ws": "polybolt",
  "/rtds": "rtds",
};
const MAX_BODY_BYTES = 1_048_576;
const MAX_BUFFERED_BYTES = 16 * 1_048_576;
const NOT_FOUND = json({ error: "not found" }, 404);
const TOO_LARGE = json({ error: "request too large" }, 413);

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
  readonly #http: Server;
  readonly #sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  readonly #outlets = new Map<Outlet, WebSocket>();
  readonly #opened: Record<SocketSurface, number> = { market: 0, polybolt: 0, rtds: 0 };
  readonly #market: MarketChannel;
  readonly #polybolt: PolyBoltChannel;
  readonly #rtds: RtdsChannel;
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
    this.#market = new MarketChannel({
      source,
      book,
      tokenLimit: options.tokenLimit === undefined ? 500 : options.tokenLimit,
    });
    this.#polybolt = new PolyBoltChannel(source, clock);
    this.#rtds = new RtdsChannel(source, clock);
    this.#http = createServer((request, response) => void this.#serve(request, response));
    this.#http.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
  }

  async listen(port: number): Promise<void> {
    // Steps that are due already happened before anyone could connect.
    while ((this.#source.nextAt() ?? Number.POSITIVE_INFINITY) <= this.#clock.now()) this.#source.step();
    await new Promise<void>((resolve, reject) => {
      this.#http.once("error", reject);
      this.#http.listen(port, "127.0.0.1", () => resolve());
    });
    for (const injection of this.#options.faults ?? []) this.inject(injection);
    this.#finished = play(this.#source, this.#clock, (item) => this.#deliver(item), this.#ending.signal);
    // Whoever awaits `finished` gets the error; for the others it is in the log, and the sockets fall silent.
    this.#finished.catch((error: unknown) => this.#log.error({ error: String(error) }, "the emulator's source failed"));
  }

  get finished(): Promise<void> {
    return this.#finished;
  }

  get endpoints(): VenueEndpoints {
    const address = this.#http.address() as AddressInfo;
    const host = `127.0.0.1:${address.port}`;
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
        const seen = this.#market.cross(injection.instrument, injection.socket);
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
    for (const socket of this.#outlets.values()) socket.terminate();
    this.#sockets.close();
    this.#http.closeAllConnections();
    await new Promise<void>((resolve) => this.#http.close(() => resolve()));
    await this.#finished.catch(() => undefined);
    await this.#source.close();
  }

  #deliver(item: EmulatedItem): void {
    switch (item.kind) {
      case "market":
        return this.#market.deliver(item);
      case "reference":
        this.#polybolt.deliver(item.price);
        return this.#rtds.deliver(item.price);
      case "recorded":
        return (item.surface === "polybolt" ? this.#polybolt : this.#rtds).deliverRecorded(item.bytes);
    }
  }

  #book(instrument: InstrumentId): BookAnswer {
    return this.#stale.get(instrument) ?? this.#source.book(instrument);
  }

  #disconnect(injection: Extract<Injection, { kind: "disconnect" }>): void {
    const { surface = "market", socket, code } = injection;
    const hit = [...this.#outlets.keys()].filter(
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

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const surface = SURFACES[new URL(request.url ?? "/", "http://localhost").pathname];
    const refused = surface === undefined ? 404 : this.#faults.refusalOf("upgrade");
    if (refused !== null || surface === undefined) {
      socket.end(`HTTP/1.1 ${refused} Refused\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    this.#sockets.handleUpgrade(request, socket, head, (opened) => this.#accept(surface, opened));
  }

  #accept(surface: SocketSurface, socket: WebSocket): void {
    const outlet = new Outlet(socket, {
      surface,
      index: this.#opened[surface]++,
      clock: this.#clock,
      faults: this.#faults,
      maxBufferedBytes: this.#options.maxBufferedBytes ?? MAX_BUFFERED_BYTES,
    });
    this.#outlets.set(outlet, socket);
    socket.on("close", () => this.#outlets.delete(outlet));
    socket.on("error", (error) => this.#log.debug({ surface, error: error.message }, "a client's socket failed"));
    const channel = { market: this.#market, polybolt: this.#polybolt, rtds: this.#rtds }[surface];
    channel.accept(socket, outlet);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const answer = await this.#answer(request);
      response.writeHead(answer.status, {
        "content-type": answer.contentType,
        "content-length": answer.body.length,
        ...(answer.status === 429 || answer.status === 503 ? { "retry-after": "1" } : {}),
      });
      response.end(answer.body);
    } catch (error) {
      // The client went away while it was still talking.
      this.#log.debug({ error: String(error) }, "a request broke off");
      response.destroy();
    }
  }

  async #answer(request: IncomingMessage): Promise<HttpAnswer> {
    const body = await readBody(request);
    if (body === null) return TOO_LARGE;
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
    const [, service, rest] = /^\/(gamma|clob)(\/.*)?$/.exec(pathname) ?? [];
    const refused = this.#faults.refusalOf(service === "clob" ? "clob" : "gamma");
    if (refused !== null) return json({ error: "refused by a fault on order" }, refused);
    if (pathname === "/api/crypto/crypto-price")
      return answerCryptoPrice(searchParams, this.#source, this.#clock.now());
    if (service === "gamma") return answerGamma(rest ?? "/", searchParams, this.#source.markets()) ?? NOT_FOUND;
    if (service !== "clob") return NOT_FOUND;
    const sight = {
      now: this.#clock.now(),
      book: (instrument: InstrumentId) => this.#book(instrument),
      markets: () => this.#source.markets(),
    };
    return answerClob(rest ?? "/", searchParams, body, sight) ?? NOT_FOUND;
  }
}

/** null where it is too long. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request) {
    length += part.length;
    if (length > MAX_BODY_BYTES) return null;
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}
