import type { WebSocket } from "ws";
import type { Clock } from "#host";
import type { ReferencePrice } from "#model";
import {
  encodeRtdsHistory,
  encodeRtdsRefusal,
  encodeRtdsUpdate,
  type PriceSeries,
  parseRtdsRequest,
  type RtdsFilter,
  rtdsSymbolOf,
  rtdsTopicOf,
} from "#venue";
import type { EmulatorSource } from "../source.ts";
import type { Outlet } from "./outlet.ts";

/*
 * RTDS, the older price service, with its traps: the first frame is empty; one unknown topic silences the whole
 * subscription; a filter with a space gives the history and then nothing; PING gets no answer.
 */
const TOPICS: ReadonlySet<string> = new Set([
  "crypto_prices",
  "crypto_prices_chainlink",
  "crypto_prices_twap_thirty",
  "crypto_prices_twap_sixty",
]);
/** A history holds about a minute. */
const HISTORY_POINTS = 60;
const EMPTY = Buffer.alloc(0);

interface Client {
  readonly outlet: Outlet;
  filters: readonly RtdsFilter[];
}

export class RtdsChannel {
  readonly #source: EmulatorSource;
  readonly #clock: Clock;
  readonly #clients = new Set<Client>();

  constructor(source: EmulatorSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  accept(socket: WebSocket, outlet: Outlet): void {
    const client: Client = { outlet, filters: [] };
    this.#clients.add(client);
    socket.on("message", (data) => this.#serve(client, String(data)));
    socket.on("close", () => this.#clients.delete(client));
    outlet.answer(EMPTY);
  }

  deliver(price: ReferencePrice): void {
    for (const { filters, outlet } of this.#clients) {
      if (filters.some((filter) => !filter.spaced && wants(filter, price))) {
        outlet.send(encodeRtdsUpdate(price, `emulated-${outlet.index}`));
      }
    }
  }

  /** A recorded frame, to whoever subscribed to anything. */
  deliverRecorded(bytes: Uint8Array): void {
    for (const { filters, outlet } of this.#clients) if (filters.length > 0) outlet.send(bytes);
  }

  #serve(client: Client, text: string): void {
    const request = parseRtdsRequest(text);
    if (request.kind === "unsubscribe") {
      client.filters = client.filters.filter((held) => !request.filters.some((gone) => isSame(held, gone)));
    }
    if (request.kind !== "subscribe") return;
    const unknown = request.filters.find(({ topic }) => !TOPICS.has(topic));
    if (unknown) return client.outlet.answer(encodeRtdsRefusal(unknown.topic));
    const added = request.filters.filter((filter) => !client.filters.some((held) => isSame(held, filter)));
    client.filters = [...client.filters, ...added];
    for (const filter of added) this.#sendHistories(client, filter);
  }

  #sendHistories({ outlet }: Client, filter: RtdsFilter): void {
    const bySymbol = new Map<string, ReferencePrice[]>();
    for (const point of this.#source.references()) {
      if (!wants(filter, point)) continue;
      const points = bySymbol.get(point.symbol) ?? [];
      points.push(point);
      bySymbol.set(point.symbol, points);
    }
    for (const points of bySymbol.values()) {
      const series: PriceSeries = points[0]!;
      outlet.send(encodeRtdsHistory(series, points.slice(-HISTORY_POINTS), this.#clock.now()));
    }
  }
}

function wants({ topic, symbol }: RtdsFilter, price: ReferencePrice): boolean {
  return rtdsTopicOf(price) === topic && (symbol === undefined || rtdsSymbolOf(price) === symbol);
}

function isSame(a: RtdsFilter, b: RtdsFilter): boolean {
  return a.topic === b.topic && a.symbol === b.symbol;
}
