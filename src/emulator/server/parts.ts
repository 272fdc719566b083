import type { IncomingHttpHeaders } from "node:http";
import type { WebSocket } from "ws";
import type { Clock } from "#host";
import type { InstrumentId, UnixMicros } from "#model";
import type { BookAnswer, EmulatedItem, EmulatorSource } from "../source.ts";
import type { HttpAnswer } from "./http-answer.ts";
import type { HttpSurface, SocketSurface } from "./injections.ts";
import type { Outlet } from "./outlet.ts";

/** A request as a service sees it: `path` is what follows the service's prefix, "/" at least. */
export interface VenueRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** "" where there is none. */
  readonly body: string;
}

/** Who answers what lies below a path. Routes are asked in order until one has an answer. */
export interface Route {
  /** "/clob"; "" for every path. */
  readonly prefix: string;
  /** Whose faults on order hit it; null: none do. */
  readonly surface: HttpSurface | null;
  /** null: not mine. */
  answer(request: VenueRequest): HttpAnswer | null | Promise<HttpAnswer | null>;
}

/** Where sockets of a kind are opened, and who serves them. */
export interface SocketDoor {
  readonly surface: SocketSurface;
  /** Without a slash at the end; with one is the same. */
  readonly paths: readonly string[];
  accept(socket: WebSocket, outlet: Outlet): void;
}

/** A part of the venue: what it serves, and what it wants to be told. All parts share the source and the clock. */
export interface VenuePart {
  readonly doors?: readonly SocketDoor[];
  readonly routes?: readonly Route[];
  /** An item is due: sends it to whom it concerns. The parts are told in order, so a later one finds it delivered. */
  deliver?(item: EmulatedItem): void;
  /** The source was moved: everything a client holds is of another moment. Called between two items. */
  moved?(at: UnixMicros): void;
  close?(): void;
}

/** What a part is built on. */
export interface PartContext {
  readonly source: EmulatorSource;
  /** The replay clock, which may be paused, sped up and moved. */
  readonly clock: Clock;
  /** For what concerns the client's own process: keepalives and limits of its requests. Not the replay clock. */
  readonly network: Clock;
  /** A book as REST and dumps show it: differs from the source's while those are stale. */
  book(instrument: InstrumentId): BookAnswer;
}
