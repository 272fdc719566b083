import { createHash } from "node:crypto";
import type { WebSocket } from "ws";
import { atLeastReal, type Clock } from "#host";
import { type ReferencePrice, SECOND } from "#model";
import {
  encodePolyBoltAnswer,
  encodePolyBoltSnapshot,
  encodePolyBoltUpdate,
  type PolyBoltAnswer,
  type PolyBoltFilter,
  type PriceSeries,
  parsePolyBoltRequest,
} from "#venue";
import type { EmulatorSource } from "../source.ts";
import type { Outlet } from "./outlet.ts";

/*
 * PolyBolt: prices for who has credentials. Codes and limits of the venue's docs: 64 (channel, filter) pairs and 8 auth
 * frames a connection, a WebSocket ping each 25 s, two missed pongs close with 4002, breaches of policy with 4008.
 */
const PING_EVERY = 25 * SECOND;
/** A client in another process needs its real time to answer, also where the clock runs fast. */
const PING_AT_LEAST_REAL_MILLIS = 2_000;
const MAX_PAIRS = 64;
const MAX_AUTHS = 8;
const POLICY = 4008;
const SLOW = 4002;

interface Client {
  readonly outlet: Outlet;
  readonly pairs: Map<string, PriceSeries>;
  /** Last `seq` given, by channel. */
  readonly seqs: Map<string, number>;
  authed: boolean;
  auths: number;
  /** Pings not answered. */
  missed: number;
}

export class PolyBoltChannel {
  readonly #source: EmulatorSource;
  readonly #clock: Clock;
  readonly #network: Clock;
  readonly #clients = new Set<Client>();

  /** @param network for keepalives, which concern the client's process and not the replay. */
  constructor(source: EmulatorSource, clock: Clock, network: Clock) {
    this.#source = source;
    this.#clock = clock;
    this.#network = network;
  }

  accept(socket: WebSocket, outlet: Outlet): void {
    const client: Client = { outlet, pairs: new Map(), seqs: new Map(), authed: false, auths: 0, missed: 0 };
    this.#clients.add(client);
    const stop = this.#network.every(atLeastReal(this.#network, PING_EVERY, PING_AT_LEAST_REAL_MILLIS), () => {
      if (client.missed >= 2) return outlet.end(SLOW, "pong");
      client.missed++;
      socket.ping();
    });
    socket.on("pong", () => {
      client.missed = 0;
    });
    socket.on("message", (data) => this.#serve(client, String(data)));
    socket.on("close", () => {
      stop();
      this.#clients.delete(client);
    });
  }

  deliver(price: ReferencePrice): void {
    for (const client of this.#clients) {
      if (client.pairs.has(pairOf(price))) client.outlet.send(encodePolyBoltUpdate(price, nextSeq(client, price)));
    }
  }

  /** A recorded frame, to whoever subscribed to anything. */
  deliverRecorded(bytes: Uint8Array): void {
    for (const client of this.#clients) if (client.pairs.size > 0) client.outlet.send(bytes);
  }

  #serve(client: Client, text: string): void {
    const request = parsePolyBoltRequest(text);
    const answer = (message: PolyBoltAnswer) => client.outlet.answer(encodePolyBoltAnswer(message));
    switch (request.kind) {
      case "auth": {
        const { rid, credentials } = request;
        if (++client.auths > MAX_AUTHS) {
          answer({ op: "error", code: "auth_attempts", rid });
          return client.outlet.end(POLICY, "auth_attempts");
        }
        client.authed = credentials !== undefined;
        return answer(client.authed ? { op: "authed", rid } : { op: "error", code: "auth_invalid", rid });
      }
      case "subscribe":
        for (const filter of request.filters) this.#subscribe(client, filter, request.rid, answer);
        return;
      case "unsubscribe":
        for (const filter of request.filters) {
          const series = seriesOf(filter);
          if (series) client.pairs.delete(pairOf(series));
          answer({ op: "unsubscribed", channel: filter.channel, rid: request.rid });
        }
        return;
      case "ping":
        return answer({ op: "pong", rid: request.rid });
      case "challenge":
        return answer({ op: "challenge", nonce: nonceOf(client), rid: request.rid });
      case "invalid":
        return answer({ op: "error", code: "bad_op", rid: undefined });
    }
  }

  #subscribe(
    client: Client,
    filter: PolyBoltFilter,
    rid: string | undefined,
    answer: (message: PolyBoltAnswer) => void,
  ): void {
    const { channel } = filter;
    const refuse = (code: string) => answer({ op: "error", code, channel, rid });
    if (!CHANNELS.has(channel)) return refuse("bad_channel");
    if (!client.authed) return refuse("auth_required");
    const series = seriesOf(filter);
    if (!series) return refuse("bad_filter");
    const pair = pairOf(series);
    const isNew = !client.pairs.has(pair);
    if (isNew && client.pairs.size >= MAX_PAIRS) {
      refuse("sub_limit");
      return client.outlet.end(POLICY, "sub_limit");
    }
    answer({ op: "subscribed", channel, rid, provider: series.provider });
    // A repeated subscription is acknowledged and no more.
    if (!isNew) return;
    client.pairs.set(pair, series);
    const points = this.#source.references().filter((point) => pairOf(point) === pair);
    const position = { seq: nextSeq(client, series), sentAt: this.#clock.now() };
    client.outlet.send(encodePolyBoltSnapshot(series, points, position));
  }
}

const CHANNELS: ReadonlySet<string> = new Set(["price.crypto", "price.crypto.twap"]);

function seriesOf({ channel, symbol, provider, windowSeconds }: PolyBoltFilter): PriceSeries | undefined {
  if (symbol === undefined || !/^[a-z]+usd$/.test(symbol)) return undefined;
  if (channel === "price.crypto")
    return { symbol, provider: provider ?? "chainlink", measure: "spot", windowSeconds: null };
  // Only the 60 s average carries data.
  return windowSeconds === 60 ? { symbol, provider: "chainlink", measure: "twap", windowSeconds } : undefined;
}

function pairOf({ measure, symbol, provider }: PriceSeries): string {
  return `${measure}/${symbol}/${provider}`;
}

function nextSeq(client: Client, { measure }: PriceSeries): number {
  const seq = (client.seqs.get(measure) ?? 0) + 1;
  client.seqs.set(measure, seq);
  return seq;
}

/** Looks like a uuid; nothing here is secret. */
function nonceOf({ outlet, auths }: Client): string {
  const hex = createHash("sha256").update(`${outlet.index}/${auths}`).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
}
