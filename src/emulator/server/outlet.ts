import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { Clock } from "#host";
import type { InstrumentId } from "#model";
import type { FaultDesk } from "./fault-desk.ts";
import type { SocketSurface } from "./injections.ts";

export interface OutletOptions {
  readonly surface: SocketSurface;
  /** The n-th socket opened on its surface. */
  readonly index: number;
  readonly clock: Clock;
  readonly faults: FaultDesk;
  /** A reader that lets more than this pile up is disconnected. */
  readonly maxBufferedBytes: number;
  /** Under the WebSocket: what is sent in one turn goes out in one write. */
  readonly wire: Duplex;
}

const NO_INSTRUMENTS: readonly InstrumentId[] = [];
const NETWORK_SLOWNESS = 1_000;

/**
 * What a service closes with when a reader is too slow. PolyBolt's is documented; that the CLOB's channels and RTDS use
 * "try again later" is assumed: nobody has published what they do.
 */
const TOO_SLOW: Readonly<Record<SocketSurface, number>> = { polybolt: 4002, market: 1013, user: 1013, rtds: 1013 };

/** The way out to one client: in order, through the faults in force, and never further behind than its bound. */
export class Outlet {
  readonly surface: SocketSurface;
  readonly index: number;
  /** What its client holds, for those who look after the emulator; kept by its channel. */
  subscriptions = 0;
  readonly #socket: WebSocket;
  readonly #options: OutletOptions;
  #corked = false;
  /** `dueAt` by the monotonic clock. */
  #delayed: { readonly dueAt: number; readonly bytes: Uint8Array }[] = [];
  #delayedBytes = 0;

  constructor(socket: WebSocket, options: OutletOptions) {
    this.#socket = socket;
    this.#options = options;
    this.surface = options.surface;
    this.index = options.index;
  }

  /** What waits to be read by the client. */
  get bufferedBytes(): number {
    return this.#socket.bufferedAmount + this.#delayedBytes;
  }

  /** A message of the stream. */
  send(bytes: Uint8Array, instruments = NO_INSTRUMENTS, resolution = false): void {
    const { faults, surface, index } = this.#options;
    if (!faults.busy && this.#delayed.length === 0) return this.#write(bytes);
    const copies = faults.copiesOf({ surface, socket: index, instruments, resolution });
    for (let copy = 0; copy < copies; copy++) this.#enqueue(bytes, faults.delayOf(surface, index));
  }

  /** PONG and other words about the connection itself: a frozen stream does not stop them. */
  answer(bytes: Uint8Array): void {
    this.#enqueue(bytes, this.#options.faults.delayOf(this.surface, this.index));
  }

  /** Ends the connection; without a code it is cut off, as by a network. */
  end(code?: number, reason = ""): void {
    this.forget();
    if (code === undefined) this.#socket.terminate();
    else this.#socket.close(code, reason);
  }

  /** Drops what was delayed: it is of a moment that is no more. */
  forget(): void {
    this.#delayed = [];
    this.#delayedBytes = 0;
  }

  #enqueue(bytes: Uint8Array, delayMicros: number): void {
    const { clock } = this.#options;
    // What is delayed must not be overtaken.
    if (delayMicros === 0 && this.#delayed.length === 0) return this.#write(bytes);
    this.#delayed.push({ dueAt: clock.monotonic() + delayMicros, bytes });
    this.#delayedBytes += bytes.length;
    if (this.#delayedBytes > this.#options.maxBufferedBytes) return this.#giveUp();
    if (this.#delayed.length === 1) clock.after(Math.max(delayMicros, NETWORK_SLOWNESS), () => this.#writeDue());
  }

  #writeDue(): void {
    const { clock } = this.#options;
    const now = clock.monotonic();
    const later = this.#delayed.findIndex(({ dueAt }) => dueAt > now);
    const due = this.#delayed.splice(0, later < 0 ? this.#delayed.length : later);
    for (const { bytes } of due) {
      this.#delayedBytes -= bytes.length;
      this.#write(bytes);
    }
    const next = this.#delayed[0];
    if (next) clock.after(Math.max(next.dueAt - now, NETWORK_SLOWNESS), () => this.#writeDue());
  }

  #write(bytes: Uint8Array): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#cork();
    this.#socket.send(bytes, { binary: false });
    if (this.#socket.bufferedAmount > this.#options.maxBufferedBytes) this.#giveUp();
  }

  /** A write for each frame costs more than all the rest: those of one turn of the event loop go together. */
  #cork(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#options.wire.cork();
    queueMicrotask(() => {
      this.#corked = false;
      this.#options.wire.uncork();
    });
  }

  #giveUp(): void {
    this.end(TOO_SLOW[this.surface], "slow");
  }
}
