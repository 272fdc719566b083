import type { IncomingMessage } from "node:http";
import { WebSocket } from "ws";
import {
  atLeastReal,
  type BackoffBounds,
  type Clock,
  type Log,
  parseRetryAfter,
  type Random,
  systemRandom,
} from "#host";
import type { ConnectionClosed, ConnectionId, ConnectionOpened, FrameKind, UnnumberedFrame } from "#model";
import { SECOND } from "#model";
import { FEED_BACKOFF, type FeedEnding, planRetry } from "./feed-retry.ts";
import { type FeedAction, type FeedEvent, type FeedState, feedStep } from "./feed-states.ts";
import type { Surface } from "./surface.ts";

export type { FeedState } from "./feed-states.ts";

export interface FeedOptions {
  readonly surface: Surface;
  readonly connection: ConnectionId;
  readonly url: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly random?: Random;
  /**
   * Every received, sent, opened and closed frame, stamped before anything else was done with it. It is called inside
   * the socket's handler: what it throws is nobody's to catch and ends the process.
   */
  onFrame(frame: UnnumberedFrame): void;
  onState?(state: FeedState): void;
  /** What to send when a connection has opened: asked anew each time, so that it says what is wanted by then. */
  greeting(): readonly string[];
  /** What to send because of a message that came; PolyBolt takes subscriptions only after it accepted the credentials. */
  reply?(bytes: Uint8Array): readonly string[];
  readonly heartbeat?: { readonly text: string; readonly everyMicros: number };
  /** A connection without a sign of life for this long is given up. */
  readonly staleAfterMicros: number;
  /** What counts as life: anything that arrives, or only messages that say something (not PONG, not "[]"). */
  readonly liveness: "any" | "data";
  readonly backoff?: BackoffBounds;
  /** What the journal may see of a sent message: credentials are taken out here. */
  redact?(text: string): string;
}

type TimerName = "connect" | "heartbeat" | "silence" | "retry" | "hang_up";

const CONNECT_TIMEOUT = 10 * SECOND;
const HANG_UP_TIMEOUT = 2 * SECOND;
/** Floors in real milliseconds for a clock that runs faster than the network. */
const CONNECT_FLOOR = 5_000;
const SILENCE_FLOOR = 2_000;
/** A dump of 250 books of 100 levels a side is 2 MB; more than this is no message of the venue's. */
const MAX_PAYLOAD_BYTES = 16 * 1_024 * 1_024;
/** What may wait in a socket that does not take our messages; further ones are refused. */
const MAX_SEND_BACKLOG_BYTES = 1_024 * 1_024;
/** "PONG", "[]\n", "": the longest message that says nothing. */
const LONGEST_EMPTY = 4;
/** A connection that lived this long with data was no failure; a shorter one must not reset the backoff. */
const USEFUL_AFTER = 5 * SECOND;
const NORMAL_CLOSURE = 1000;

/** One connection, kept alive: when its socket ends, another is dialled, for ever, until `close`. */
export class Feed {
  readonly #options: FeedOptions;
  readonly #timers = new Map<TimerName, () => void>();
  readonly #finished = Promise.withResolvers<void>();
  readonly #events: FeedEvent[] = [];
  #stepping = false;
  #state: FeedState = "idle";
  #socket: WebSocket | null = null;
  /** Tries since a connection last proved useful. */
  #attempt = 0;
  #opens = 0;
  #openedAt = 0;
  #lifeAt = 0;
  #sawData = false;
  #abandonedFor: string | null = null;
  #refusal: FeedEnding | null = null;
  #error: Error | null = null;
  #ending: FeedEnding = { kind: "abandoned", reason: "" };

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  get state(): FeedState {
    return this.#state;
  }

  /** @throws Error when started twice. */
  start(): void {
    this.#step("start");
  }

  /** Sends and journals a message. False where it was refused: not open, or too much waits in the socket already. */
  send(text: string): boolean {
    const { onFrame, redact } = this.#options;
    const stamped = this.#stamp("sent", Buffer.from(redact ? redact(text) : text));
    if (!this.#transmit(text)) return false;
    onFrame(stamped);
    return true;
  }

  /** Gives the present socket up and dials another. Does nothing where none is open. */
  reconnect(reason: string): void {
    if (this.#state === "open") this.#abandonedFor = reason;
    this.#step("reconnect");
  }

  /** Ends the connection for good; resolves when its last frame was handed on. */
  close(): Promise<void> {
    this.#abandonedFor ??= "closed by us";
    this.#step("close");
    return this.#finished.promise;
  }

  /** Runs to completion: an event raised by an action waits until the step that raised it is done. */
  #step(event: FeedEvent): void {
    this.#events.push(event);
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
        const before = this.#state;
        const { to, actions } = feedStep(before, next);
        this.#state = to;
        for (const action of actions) this.#act(action);
        if (to !== before) this.#options.onState?.(to);
      }
    } finally {
      this.#stepping = false;
    }
  }

  #act(action: FeedAction): void {
    switch (action) {
      case "dial":
        return this.#dial();
      case "greet":
        return this.#greet();
      case "rest":
        for (const cancel of this.#timers.values()) cancel();
        return this.#timers.clear();
      case "abandon":
        return this.#socket?.terminate();
      case "hang_up":
        this.#socket?.close(NORMAL_CLOSURE);
        return this.#arm("hang_up", atLeastReal(this.#options.clock, HANG_UP_TIMEOUT, 500), () =>
          this.#socket?.terminate(),
        );
      case "schedule":
        return this.#schedule();
      case "finish":
        return this.#finished.resolve();
    }
  }

  #dial(): void {
    const { clock, url } = this.#options;
    this.#abandonedFor = null;
    this.#refusal = null;
    this.#error = null;
    this.#openedAt = 0;
    this.#sawData = false;
    // skipUTF8Validation: bytes that are no UTF-8 belong in the journal as they came; checking them here would only
    // cost time and close the connection with 1007.
    const socket = new WebSocket(url, {
      perMessageDeflate: true,
      maxPayload: MAX_PAYLOAD_BYTES,
      skipUTF8Validation: true,
    });
    this.#socket = socket;
    socket.on("message", (data) => this.#receive(data as Buffer));
    socket.on("ping", () => {
      if (this.#options.liveness === "any") this.#lifeAt = clock.monotonic();
    });
    socket.on("open", () => this.#opened());
    socket.on("unexpected-response", (_request, response: IncomingMessage) => {
      const retryAfterMicros = parseRetryAfter(response.headers["retry-after"], clock.now());
      this.#refusal = { kind: "refused", status: response.statusCode ?? 0, retryAfterMicros };
      socket.terminate();
    });
    // Always followed by "close", which says the same once more.
    socket.on("error", (error) => {
      this.#error ??= error;
    });
    socket.on("close", (code, reason) => this.#ended(code, reason.toString()));
    this.#arm("connect", atLeastReal(clock, CONNECT_TIMEOUT, CONNECT_FLOOR), () => {
      this.#abandonedFor = "it did not open in time";
      this.#step("late");
    });
  }

  #receive(bytes: Buffer): void {
    const frame = this.#stamp("received", bytes);
    if (bytes.length > LONGEST_EMPTY) {
      this.#sawData = true;
      this.#lifeAt = frame.monotonicAt;
    } else if (this.#options.liveness === "any") this.#lifeAt = frame.monotonicAt;
    this.#options.onFrame(frame);
    if (this.#options.reply) for (const text of this.#options.reply(bytes)) this.send(text);
  }

  #opened(): void {
    const { onFrame, url } = this.#options;
    this.#opens++;
    const body: ConnectionOpened = { url, attempt: this.#opens };
    const frame = this.#stamp("opened", Buffer.from(JSON.stringify(body)));
    this.#openedAt = frame.monotonicAt;
    this.#lifeAt = frame.monotonicAt;
    onFrame(frame);
    this.#step("opened");
  }

  #greet(): void {
    const { greeting, heartbeat, clock } = this.#options;
    for (const text of greeting()) {
      if (!this.send(text)) return this.reconnect("the socket does not take the greeting");
    }
    if (heartbeat) {
      this.#timers.set(
        "heartbeat",
        clock.every(heartbeat.everyMicros, () => this.#transmit(heartbeat.text)),
      );
    }
    this.#watchForSilence();
  }

  #watchForSilence(): void {
    const { clock, staleAfterMicros } = this.#options;
    const limit = atLeastReal(clock, staleAfterMicros, SILENCE_FLOOR);
    const quiet = clock.monotonic() - this.#lifeAt;
    if (quiet < limit) return this.#arm("silence", limit - quiet, () => this.#watchForSilence());
    this.#abandonedFor = `no sign of life for ${Math.round(quiet / SECOND)} s`;
    this.#step("silent");
  }

  #ended(code: number, closeReason: string): void {
    const { onFrame } = this.#options;
    const opened = this.#openedAt > 0;
    const reason = closeReason || (this.#error?.message ?? "");
    this.#ending =
      this.#refusal ??
      (this.#abandonedFor !== null
        ? { kind: "abandoned", reason: this.#abandonedFor }
        : opened
          ? { kind: "dropped", code, reason }
          : { kind: "failed", reason });
    this.#socket = null;
    const body = closedBody(this.#ending, opened ? code : null);
    const frame = this.#stamp("closed", Buffer.from(JSON.stringify(body)));
    if (opened && this.#sawData && frame.monotonicAt - this.#openedAt >= USEFUL_AFTER) this.#attempt = 0;
    onFrame(frame);
    this.#step("ended");
  }

  #schedule(): void {
    const { backoff = FEED_BACKOFF, random = systemRandom(), clock, connection, surface, log } = this.#options;
    const plan = planRetry(this.#ending, this.#attempt, backoff, random);
    log[plan.severity]({ connection, surface, attempt: this.#attempt, waitMicros: plan.waitMicros }, plan.note);
    this.#attempt++;
    // A sleep, not a timer: with the network down nothing else may be left that keeps the process alive.
    const abort = new AbortController();
    this.#timers.set("retry", () => abort.abort());
    void clock.sleep(plan.waitMicros, abort.signal).then(() => {
      if (!abort.signal.aborted) this.#step("retry");
    });
  }

  #transmit(text: string): boolean {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return false;
    if (socket.bufferedAmount + text.length > MAX_SEND_BACKLOG_BYTES) return false;
    socket.send(text);
    return true;
  }

  #stamp(kind: FrameKind, bytes: Uint8Array): UnnumberedFrame {
    const { clock, connection } = this.#options;
    return { receivedAt: clock.now(), monotonicAt: clock.monotonic(), connection, kind, bytes };
  }

  #arm(name: TimerName, micros: number, call: () => void): void {
    this.#timers.get(name)?.();
    this.#timers.set(name, this.#options.clock.after(micros, call));
  }
}

function closedBody(ending: FeedEnding, code: number | null): ConnectionClosed {
  switch (ending.kind) {
    case "abandoned":
      return { code, reason: ending.reason, by: "us" };
    case "refused":
      return { code, reason: `refused with HTTP ${ending.status}`, by: "venue" };
    case "failed":
      return { code, reason: ending.reason, by: "network" };
    case "dropped":
      // 1005 and 1006 are what the socket makes up where no close frame came.
      return { code, reason: ending.reason, by: ending.code === 1006 ? "network" : "venue" };
  }
}
