import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import type { Clock, Log } from "#host";
import { MILLISECOND, SECOND } from "#model";
import type { FaultDesk } from "./fault-desk.ts";
import { type HttpAnswer, json } from "./http-answer.ts";
import type { SocketSurface } from "./injections.ts";
import { Outlet } from "./outlet.ts";
import type { Route, SocketDoor, VenueRequest } from "./parts.ts";

export interface ListenerOptions {
  readonly doors: readonly SocketDoor[];
  /** Asked in order; the first answer counts. */
  readonly routes: readonly Route[];
  readonly faults: FaultDesk;
  readonly clock: Clock;
  /** Real time, for waiting on readers. */
  readonly network: Clock;
  readonly log: Log;
  /** What may pile up for a reader before it is disconnected. */
  readonly maxBufferedBytes: number;
  /** Sockets open at once; more are refused with 429. */
  readonly maxSockets: number;
  /** Sockets opened within a second; more are refused with 429, as the venue does with bursts. null: any number. */
  readonly connectsASecond: number | null;
}

const MAX_BODY_BYTES = 1_048_576;
/** Below this a reader keeps up. */
const HIGH_WATER = 1_048_576;
/** How long a reader may read nothing before the others are no longer held up for it. */
const PATIENCE = SECOND;
const NOT_FOUND = json({ error: "not found" }, 404);
const TOO_LARGE = json({ error: "request too large" }, 413);

/** A client that subscribes its tokens one by one sends hundreds at once; nobody sends more. That the venue minds is assumed. */
const MESSAGES_A_SECOND = 2_000;
const POLICY = 1008;

/** The one port on loopback: each socket to its door, each request to the first route that has an answer. */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #doors: ReadonlyMap<string, SocketDoor>;
  readonly #http: Server;
  readonly #sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: MAX_BODY_BYTES });
  readonly #outlets = new Map<Outlet, WebSocket>();
  readonly #opened = new Map<SocketSurface, number>();
  readonly #connects = new EachSecond();
  /** Readers that have stopped reading. */
  readonly #stalled = new Set<Outlet>();

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#doors = new Map(options.doors.flatMap((door) => door.paths.map((path) => [path, door] as const)));
    this.#http = createServer((request, response) => void this.#serve(request, response));
    this.#http.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
  }

  /** @throws Error with the code EADDRINUSE where the port is taken. */
  async open(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#http.once("error", reject);
      this.#http.listen(port, "127.0.0.1", () => resolve());
    });
  }

  /** "127.0.0.1:4711". */
  get host(): string {
    return `127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  outlets(): Iterable<Outlet> {
    return this.#outlets.keys();
  }

  /**
   * Resolves when no reader has much before it. One that has not read for a second is not waited for: it is on its way to
   * being disconnected, and must not hold up the others.
   */
  async drained(): Promise<void> {
    for (const outlet of this.#stalled) if (outlet.bufferedBytes < HIGH_WATER) this.#stalled.delete(outlet);
    const waiting = new Map<Outlet, { bytes: number; since: number }>();
    for (;;) {
      const now = this.#options.network.monotonic();
      let crowded = false;
      for (const outlet of this.#outlets.keys()) {
        const bytes = outlet.bufferedBytes;
        if (bytes < HIGH_WATER || this.#stalled.has(outlet)) continue;
        crowded = true;
        const before = waiting.get(outlet);
        if (!before || bytes < before.bytes) waiting.set(outlet, { bytes, since: now });
        else if (now - before.since > PATIENCE) this.#stalled.add(outlet);
      }
      if (!crowded) return;
      await this.#options.network.sleep(MILLISECOND);
    }
  }

  async close(): Promise<void> {
    for (const socket of this.#outlets.values()) socket.terminate();
    this.#sockets.close();
    this.#http.closeAllConnections();
    await new Promise<void>((resolve) => this.#http.close(() => resolve()));
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Until it is a WebSocket, or where it is refused, nobody else hears that it was reset.
    socket.on("error", (error) => this.#options.log.debug({ error: error.message }, "an upgrade broke off"));
    const door = this.#doors.get(pathOf(request).replace(/(.)\/$/, "$1"));
    const refused = door === undefined ? 404 : (this.#options.faults.refusalOf("upgrade") ?? this.#refusal());
    if (refused !== null || door === undefined) {
      socket.end(`HTTP/1.1 ${refused} Refused\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    this.#sockets.handleUpgrade(request, socket, head, (opened) => this.#accept(door, opened, socket));
  }

  /** 429 for more sockets than there may be; null: come in. */
  #refusal(): number | null {
    const { maxSockets, connectsASecond, network } = this.#options;
    if (this.#outlets.size >= maxSockets) return 429;
    return connectsASecond !== null && !this.#connects.admits(connectsASecond, network) ? 429 : null;
  }

  #accept(door: SocketDoor, socket: WebSocket, wire: Duplex): void {
    const { surface } = door;
    const { clock, faults, maxBufferedBytes, log } = this.#options;
    const index = this.#opened.get(surface) ?? 0;
    this.#opened.set(surface, index + 1);
    const outlet = new Outlet(socket, { surface, index, clock, faults, maxBufferedBytes, wire });
    this.#outlets.set(outlet, socket);
    const messages = new EachSecond();
    socket.on("message", () => {
      if (!messages.admits(MESSAGES_A_SECOND, this.#options.network)) outlet.end(POLICY, "too many messages");
    });
    socket.on("close", () => {
      this.#outlets.delete(outlet);
      this.#stalled.delete(outlet);
    });
    socket.on("error", (error) => log.debug({ surface, error: error.message }, "a client's socket failed"));
    door.accept(socket, outlet);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      respond(response, await this.#answer(request));
    } catch (error) {
      // The client went away while it was still talking, or what it asked for could not be read.
      this.#options.log.debug({ error: String(error) }, "a request failed");
      if (request.destroyed && !request.complete) response.destroy();
      else respond(response, json({ error: `the emulator could not answer: ${(error as Error).message}` }, 500));
    }
  }

  async #answer(request: IncomingMessage): Promise<HttpAnswer> {
    const body = await readBody(request);
    if (body === null) return TOO_LARGE;
    const query = new URLSearchParams(/\?([^#]*)/.exec(request.url ?? "")?.[1] ?? "");
    const whole = pathOf(request);
    const refused = new Set<string>();
    for (const { prefix, surface, answer } of this.#options.routes) {
      if (whole !== prefix && !whole.startsWith(`${prefix}/`)) continue;
      // A request is refused once, however many routes lie on its way.
      if (surface !== null && !refused.has(surface)) {
        refused.add(surface);
        const status = this.#options.faults.refusalOf(surface);
        if (status !== null) return json({ error: "refused by a fault on order" }, status);
      }
      const path = whole.slice(prefix.length) || "/";
      const asked: VenueRequest = { method: request.method ?? "GET", path, query, headers: request.headers, body };
      const found = await answer(asked);
      if (found !== null) return found;
    }
    return NOT_FOUND;
  }
}

/** Counts what happens within a second of a clock. */
class EachSecond {
  #second = -1;
  #count = 0;

  /** False where this one is more than so many. */
  admits(most: number, clock: Clock): boolean {
    const second = Math.floor(clock.monotonic() / SECOND);
    this.#count = second === this.#second ? this.#count + 1 : 1;
    this.#second = second;
    return this.#count <= most;
  }
}

function respond(response: ServerResponse, answer: HttpAnswer): void {
  response.writeHead(answer.status, {
    "content-type": answer.contentType,
    "content-length": answer.body.length,
    ...(answer.status === 429 || answer.status === 503 ? { "retry-after": "1" } : {}),
    ...answer.headers,
  });
  response.end(answer.body);
}

/** Clients join a host that ends with a slash and a path that begins with one. */
function pathOf(request: IncomingMessage): string {
  return (request.url ?? "/").replace(/[?#].*$/, "").replace(/\/{2,}/g, "/");
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
