import { createHash } from "node:crypto";
import type { WebSocket } from "ws";
import { atLeastReal, type Clock } from "#host";
import { type BestPrices, type InstrumentId, type ReferencePrice, SECOND } from "#model";
import {
  encodePolyBoltAnswer,
  encodePolyBoltBestPrices,
  encodePolyBoltSnapshot,
  encodePolyBoltUpdate,
  type PolyBoltAnswer,
  type PolyBoltFilter,
  type PriceSeries,
  parsePolyBoltRequest,
} from "#venue";
import type { MarketFrame, RecordedReference } from "../source.ts";
import type { Outlet } from "./outlet.ts";
import type { PartContext } from "./parts.ts";

/*
 * PolyBolt: prices for who has credentials, best prices of a token for anybody. Codes and limits of the venue's docs: 64
 * (channel, filter) pairs, 20 (un)subscribe frames a second, 64 KB a frame and 8 auth frames a connection; a WebSocket ping
 * each 25 s, two missed pongs close with 4002, breaches of policy with 4008. That a frame too long is one is assumed.
 */
const PING_EVERY = 25 * SECOND;
/** A client in another process needs its real time to answer, also where the clock runs fast. */
const PING_AT_LEAST_REAL_MILLIS = 2_000;
const MAX_PAIRS = 64;
const MAX_AUTHS = 8;
const MAX_FRAME_BYTES = 65_536;
const MAX_SUBSCRIBES_A_SECOND = 20;
const POLICY = 4008;
const SLOW = 4002;

/** What a pair of channel and filter asks for; without a provider, of any. */
type Wish =
  | {
      readonly kind: "price";
      readonly series: Omit<PriceSeries, "provider"> & { readonly provider: string | undefined };
    }
  | { readonly kind: "best"; readonly instrument: InstrumentId };

interface Client {
  readonly outlet: Outlet;
  readonly pairs: Map<string, Wish>;
  /** Last `seq` given, by channel. */
  readonly seqs: Map<string, number>;
  /** The last best prices shown of a token: only changes are sent. */
  readonly shown: Map<InstrumentId, string>;
  authed: boolean;
  auths: number;
  /** Pings not answered. */
  missed: number;
  /** (Un)subscribe frames in the second that began then, by the network's clock. */
  second: number;
  requests: number;
}

export class PolyBoltChannel {
  readonly #context: PartContext;
  readonly #network: Clock;
  readonly #clients = new Set<Client>();

  constructor(context: PartContext) {
    this.#context = context;
    this.#network = context.network;
  }

  accept(socket: WebSocket, outlet: Outlet): void {
    const client: Client = {
      ...{ outlet, pairs: new Map(), seqs: new Map(), shown: new Map() },
      ...{ authed: false, auths: 0, missed: 0, second: 0, requests: 0 },
    };
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
      if (wants(client, price)) client.outlet.send(encodePolyBoltUpdate(price, nextSeq(client, channelOf(price))));
    }
  }

  /** A recorded frame as it came, but for the place that it has on this client's own channel. */
  deliverRecorded({ bytes, prices }: RecordedReference): void {
    const [price] = prices;
    if (!price) return;
    for (const client of this.#clients) {
      if (!wants(client, price)) continue;
      const seq = nextSeq(client, channelOf(price));
      const text = Buffer.from(bytes).toString("utf8");
      client.outlet.send(Buffer.from(text.replace(/"seq":\s?\d+/, `"seq":${seq}`)));
    }
  }

  /** Books moved: whoever follows one of their best prices hears of it. */
  deliverBooks({ instruments }: MarketFrame): void {
    for (const client of this.#clients) {
      for (const instrument of instruments) if (client.shown.has(instrument)) this.#sendBest(client, instrument, false);
    }
  }

  /** The source was moved: each pair begins again, on the same count. */
  moved(): void {
    for (const client of this.#clients) for (const wish of client.pairs.values()) this.#sendSnapshot(client, wish);
  }

  #serve(client: Client, text: string): void {
    const request = parsePolyBoltRequest(text);
    const answer = (message: PolyBoltAnswer) => client.outlet.answer(encodePolyBoltAnswer(message));
    if (text.length > MAX_FRAME_BYTES) return client.outlet.end(POLICY, "frame too long");
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
      case "unsubscribe": {
        if (this.#isTooFast(client)) {
          answer({ op: "error", code: "rate_limited", rid: request.rid });
          return client.outlet.end(POLICY, "rate_limited");
        }
        const act = request.kind === "subscribe" ? subscribe : unsubscribe;
        for (const filter of request.filters) {
          const added = act(client, filter, request.rid, answer);
          if (added) this.#sendSnapshot(client, added);
        }
        client.outlet.subscriptions = client.pairs.size;
        return;
      }
      case "ping":
        return answer({ op: "pong", rid: request.rid });
      case "challenge":
        return answer({ op: "challenge", nonce: nonceOf(client), rid: request.rid });
      case "invalid":
        return answer({ op: "error", code: "bad_op", rid: undefined });
    }
  }

  #isTooFast(client: Client): boolean {
    const second = Math.floor(this.#network.monotonic() / SECOND);
    client.requests = client.second === second ? client.requests + 1 : 1;
    client.second = second;
    return client.requests > MAX_SUBSCRIBES_A_SECOND;
  }

  #sendSnapshot(client: Client, wish: Wish): void {
    if (wish.kind === "best") return this.#sendBest(client, wish.instrument, true);
    const points = this.#context.source.references().filter((point) => isMeant(wish, point));
    const series = { ...wish.series, provider: points[0]?.provider ?? wish.series.provider ?? "chainlink" };
    const position = { seq: nextSeq(client, channelOf(series)), sentAt: this.#context.clock.now() };
    const ofOne = points.filter(({ provider }) => provider === series.provider);
    client.outlet.send(encodePolyBoltSnapshot(series, ofOne, position));
  }

  #sendBest(client: Client, instrument: InstrumentId, snapshot: boolean): void {
    const answer = this.#context.book(instrument);
    // Of a book that is yet to come there is nothing to say; it is followed all the same.
    if (answer.kind !== "open") return void client.shown.set(instrument, client.shown.get(instrument) ?? "");
    const { market, sentAt, bids, asks, digest } = answer.book;
    const [bestBid, bestAsk] = [bids[0]?.price ?? null, asks[0]?.price ?? null];
    const best: BestPrices = { kind: "best_prices", market, instrument, sentAt, bestBid, bestAsk };
    const shown = `${bestBid}/${bestAsk}`;
    if (!snapshot && client.shown.get(instrument) === shown) return;
    client.shown.set(instrument, shown);
    const position = { seq: nextSeq(client, BEST_CHANNEL), sentAt: this.#context.clock.now() };
    client.outlet.send(encodePolyBoltBestPrices(best, position, { snapshot, digest: digest.slice(0, 8) }));
  }
}

const BEST_CHANNEL = "price.polymarket";
const CHANNELS: ReadonlySet<string> = new Set([BEST_CHANNEL, "price.crypto", "price.crypto.twap"]);

/** Gives what was added, or nothing where it was held already or refused. */
function subscribe(
  client: Client,
  filter: PolyBoltFilter,
  rid: string | undefined,
  answer: (message: PolyBoltAnswer) => void,
): Wish | null {
  const { channel } = filter;
  const refuse = (code: string): null => {
    answer({ op: "error", code, channel, rid });
    return null;
  };
  if (!CHANNELS.has(channel)) return refuse("bad_channel");
  if (!client.authed && channel !== BEST_CHANNEL) return refuse("auth_required");
  const wish = wishOf(filter);
  if (!wish) return refuse("bad_filter");
  const pair = pairOf(wish);
  const isNew = !client.pairs.has(pair);
  if (isNew && client.pairs.size >= MAX_PAIRS) {
    refuse("sub_limit");
    client.outlet.end(POLICY, "sub_limit");
    return null;
  }
  const provider = wish.kind === "price" ? { provider: wish.series.provider ?? "chainlink" } : {};
  answer({ op: "subscribed", channel, rid, ...provider });
  // A repeated subscription is acknowledged and no more.
  if (!isNew) return null;
  client.pairs.set(pair, wish);
  return wish;
}

function unsubscribe(
  client: Client,
  filter: PolyBoltFilter,
  rid: string | undefined,
  answer: (message: PolyBoltAnswer) => void,
): null {
  const wish = wishOf(filter);
  if (wish) client.pairs.delete(pairOf(wish));
  if (wish?.kind === "best") client.shown.delete(wish.instrument);
  answer({ op: "unsubscribed", channel: filter.channel, rid });
  return null;
}

function wishOf({ channel, instrument, symbol, provider, windowSeconds }: PolyBoltFilter): Wish | undefined {
  if (channel === BEST_CHANNEL) {
    return instrument !== undefined && /^\d{1,78}$/.test(instrument) ? { kind: "best", instrument } : undefined;
  }
  if (symbol === undefined || !/^[a-z]+usd$/.test(symbol)) return undefined;
  if (channel === "price.crypto")
    return { kind: "price", series: { symbol, provider, measure: "spot", windowSeconds: null } };
  // Only the 60 s average carries data.
  return windowSeconds === 60
    ? { kind: "price", series: { symbol, provider: "chainlink", measure: "twap", windowSeconds } }
    : undefined;
}

function pairOf(wish: Wish): string {
  if (wish.kind === "best") return `best/${wish.instrument}`;
  const { measure, symbol, provider } = wish.series;
  return `${measure}/${symbol}/${provider ?? ""}`;
}

function isMeant(wish: Wish, { measure, symbol, provider, windowSeconds }: PriceSeries): boolean {
  if (wish.kind !== "price") return false;
  const { series } = wish;
  const isSame = series.measure === measure && series.symbol === symbol && series.windowSeconds === windowSeconds;
  return isSame && (series.provider ?? provider) === provider;
}

function wants(client: Client, price: PriceSeries): boolean {
  for (const wish of client.pairs.values()) if (isMeant(wish, price)) return true;
  return false;
}

function channelOf({ measure }: Pick<PriceSeries, "measure">): string {
  return measure === "twap" ? "price.crypto.twap" : "price.crypto";
}

function nextSeq(client: Client, channel: string): number {
  const seq = (client.seqs.get(channel) ?? 0) + 1;
  client.seqs.set(channel, seq);
  return seq;
}

/** Looks like a uuid; nothing here is secret. */
function nonceOf({ outlet, auths }: Client): string {
  const hex = createHash("sha256").update(`${outlet.index}/${auths}`).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
}
