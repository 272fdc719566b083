import type { WebSocket } from "ws";
import { atLeastReal } from "#host";
import { type ReferencePrice, SECOND } from "#model";
import {
  encodeRtdsHistory,
  encodeRtdsInvalid,
  encodeRtdsRefusal,
  encodeRtdsUpdate,
  type PriceSeries,
  parseRtdsRequest,
  type RtdsFilter,
  rtdsSymbolOf,
  rtdsTopicOf,
} from "#venue";
import type { RecordedReference } from "../source.ts";
import type { Outlet } from "./outlet.ts";
import type { PartContext } from "./parts.ts";

/*
 * RTDS, the older price service, with its traps: the first frame is empty; one unknown topic silences the whole
 * subscription; a filter with a space gives the history and then nothing; a filter that is no text is refused; PING, in
 * capitals or not, gets no answer. It pings by protocol and never minds a missing pong: the official client sends a text
 * instead of one. How often it pings is assumed.
 */
const TOPICS: ReadonlySet<string> = new Set([
  "crypto_prices",
  "crypto_prices_chainlink",
  "crypto_prices_twap_thirty",
  "crypto_prices_twap_sixty",
  // Known to the venue, and silent here: nothing of them is recorded.
  "equity_prices",
  "comments",
  "activity",
  "clob_user",
  "clob_market",
  "rfq",
]);
/** A history holds about a minute. */
const HISTORY_POINTS = 60;
const PING_EVERY = 25 * SECOND;
const PING_AT_LEAST_REAL_MILLIS = 2_000;
/** More than the venue has series of prices. */
const MOST_FILTERS = 1_000;
const EMPTY = Buffer.alloc(0);

interface Client {
  readonly outlet: Outlet;
  filters: readonly RtdsFilter[];
}

export class RtdsChannel {
  readonly #context: PartContext;
  readonly #clients = new Set<Client>();

  constructor(context: PartContext) {
    this.#context = context;
  }

  accept(socket: WebSocket, outlet: Outlet): void {
    const { network } = this.#context;
    const client: Client = { outlet, filters: [] };
    this.#clients.add(client);
    const stop = network.every(atLeastReal(network, PING_EVERY, PING_AT_LEAST_REAL_MILLIS), () => socket.ping());
    socket.on("message", (data) => this.#serve(client, String(data)));
    socket.on("close", () => {
      stop();
      this.#clients.delete(client);
    });
    outlet.answer(EMPTY);
  }

  deliver(price: ReferencePrice): void {
    for (const { filters, outlet } of this.#clients) {
      if (isWanted(filters, price)) outlet.send(encodeRtdsUpdate(price, `emulated-${outlet.index}`));
    }
  }

  /** A recorded frame as it came, to whom its price concerns. */
  deliverRecorded({ bytes, prices }: RecordedReference): void {
    for (const { filters, outlet } of this.#clients) {
      if (prices.some((price) => isWanted(filters, price))) outlet.send(bytes);
    }
  }

  /** The source was moved: the histories of the new moment, as for a new subscription. */
  moved(): void {
    for (const client of this.#clients) for (const filter of client.filters) this.#sendHistories(client, filter);
  }

  #serve(client: Client, text: string): void {
    const request = parseRtdsRequest(text);
    if (request.kind === "unsubscribe") {
      client.filters = client.filters.filter((held) => !request.filters.some((gone) => isSame(held, gone)));
    }
    client.outlet.subscriptions = client.filters.length;
    if (request.kind !== "subscribe") return;
    if (request.filters.some(({ unreadable }) => unreadable)) return client.outlet.answer(encodeRtdsInvalid());
    const unknown = request.filters.find(({ topic }) => !TOPICS.has(topic));
    if (unknown) return client.outlet.answer(encodeRtdsRefusal(unknown.topic));
    const added = request.filters.filter((filter) => !client.filters.some((held) => isSame(held, filter)));
    if (client.filters.length + added.length > MOST_FILTERS) return client.outlet.end(1008, "too many subscriptions");
    client.filters = [...client.filters, ...added];
    client.outlet.subscriptions = client.filters.length;
    for (const filter of added) this.#sendHistories(client, filter);
  }

  #sendHistories({ outlet }: Client, filter: RtdsFilter): void {
    const bySymbol = new Map<string, ReferencePrice[]>();
    for (const point of this.#context.source.references()) {
      if (!wants(filter, point)) continue;
      const points = bySymbol.get(point.symbol) ?? [];
      points.push(point);
      bySymbol.set(point.symbol, points);
    }
    for (const points of bySymbol.values()) {
      const series: PriceSeries = points[0]!;
      outlet.send(encodeRtdsHistory(series, points.slice(-HISTORY_POINTS), this.#context.clock.now()));
    }
  }
}

function isWanted(filters: readonly RtdsFilter[], price: ReferencePrice): boolean {
  return filters.some((filter) => !filter.spaced && wants(filter, price));
}

function wants({ topic, symbols }: RtdsFilter, price: ReferencePrice): boolean {
  return rtdsTopicOf(price) === topic && (symbols === undefined || symbols.includes(rtdsSymbolOf(price)));
}

function isSame(a: RtdsFilter, b: RtdsFilter): boolean {
  return a.topic === b.topic && a.symbols?.join() === b.symbols?.join();
}
