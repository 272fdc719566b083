import type { WebSocket } from "ws";
import { snapshotDigest } from "#book";
import type { BookSnapshot, InstrumentId, LevelChange, PriceChange, PriceMicros, SizeMicros } from "#model";
import { complementOf } from "#model";
import { encodeBookDump, encodePriceChange, type MarketRequest, parseMarketRequest } from "#venue";
import type { BookAnswer, EmulatorSource, MarketFrame } from "../source.ts";
import { mirror } from "../synthetic/mirrored-book.ts";
import { ArrayFrame } from "./array-frame.ts";
import type { Outlet } from "./outlet.ts";

export interface MarketChannelOptions {
  readonly source: EmulatorSource;
  /** What subscribers are shown; differs from the source's books while those are stale. */
  readonly book: (instrument: InstrumentId) => BookAnswer;
  /** A socket with more tokens than this gets nothing at all, without a word; null: no such trap. */
  readonly tokenLimit: number | null;
}

interface Client {
  readonly outlet: Outlet;
  readonly instruments: Set<InstrumentId>;
  customFeatures: boolean;
}

const PONG = Buffer.from("PONG");
/** Far beyond the 500 at which the venue falls silent: a socket that asks for more is out to fill the memory. */
const MOST_INSTRUMENTS = 10_000;
/** "policy violation": that the venue would close with it is assumed. */
const POLICY = 1008;

/** The market channel: subscriptions, opening books, and each frame to whom it concerns. */
export class MarketChannel {
  readonly #options: MarketChannelOptions;
  readonly #clients = new Set<Client>();
  readonly #subscribers = new Map<InstrumentId, Set<Client>>();

  constructor(options: MarketChannelOptions) {
    this.#options = options;
  }

  /** Takes over a socket that was just opened. */
  accept(socket: WebSocket, outlet: Outlet): void {
    const client: Client = { outlet, instruments: new Set(), customFeatures: false };
    this.#clients.add(client);
    socket.on("message", (data) => this.#serve(client, String(data)));
    socket.on("close", () => {
      this.#clients.delete(client);
      for (const instrument of client.instruments) this.#drop(client, instrument);
    });
  }

  deliver({ bytes, instruments, audience, resolution }: MarketFrame): void {
    if (audience === "everyone" || instruments.length === 0) {
      for (const client of this.#clients) {
        if (audience === "everyone" ? client.customFeatures : client.instruments.size > 0) {
          this.#send(client, bytes, instruments, resolution);
        }
      }
      return;
    }
    const list = instruments.length > 1 ? ArrayFrame.of(bytes) : null;
    for (const [place, instrument] of instruments.entries()) {
      for (const client of this.#subscribers.get(instrument) ?? []) {
        if (audience === "custom" && !client.customFeatures) continue;
        // Who subscribed an earlier instrument of the frame has it already.
        if (instruments.slice(0, place).some((earlier) => client.instruments.has(earlier))) continue;
        const part = list ? list.cut((id) => client.instruments.has(id)) : bytes;
        if (part) this.#send(client, part, instruments, resolution);
      }
    }
  }

  /** The source was moved: everybody gets the books of the new moment, as a new subscription would. */
  moved(): void {
    for (const client of this.#clients) this.#sendDump(client, [...client.instruments]);
  }

  /**
   * Shows a crossed book for a moment: a bid one tick above the best ask, then the true book again. Both messages have
   * the right digest of what they lead to. Gives the number of sockets that saw it.
   */
  cross(instrument: InstrumentId, socket: number | undefined): number {
    const frames = this.#crossing(instrument);
    let count = 0;
    for (const client of this.#subscribers.get(instrument) ?? []) {
      if (frames.length === 0 || (socket !== undefined && client.outlet.index !== socket)) continue;
      for (const bytes of frames) this.#send(client, bytes, [instrument], false);
      count++;
    }
    return count;
  }

  #serve(client: Client, text: string): void {
    const request = parseMarketRequest(text);
    switch (request.kind) {
      case "ping":
        return client.outlet.answer(PONG);
      case "unsubscribe":
        for (const instrument of request.instruments) this.#drop(client, instrument);
        return;
      case "subscribe":
        return this.#subscribe(client, request);
      case "invalid":
        // The venue says nothing to what it cannot read.
        return;
    }
  }

  /**
   * What is held already gets no second dump: the venue refuses duplicates, after it took the custom features from the
   * frame (a comment in the official Python SDK says so, py-sdk market_protocol.py @67eda79b).
   */
  #subscribe(client: Client, request: Extract<MarketRequest, { kind: "subscribe" }>): void {
    if (request.customFeatures !== undefined) client.customFeatures = request.customFeatures;
    const added = [...new Set(request.instruments)].filter((instrument) => !client.instruments.has(instrument));
    if (client.instruments.size + added.length > MOST_INSTRUMENTS) return client.outlet.end(POLICY, "too many tokens");
    for (const instrument of added) this.#add(client, instrument);
    if (request.initialDump) this.#sendDump(client, added);
  }

  #sendDump(client: Client, instruments: readonly InstrumentId[]): void {
    const answers = instruments.map((instrument) => this.#options.book(instrument));
    const books = answers.flatMap((answer) => (answer.kind === "open" ? [answer.book] : []));
    // A book that is yet to come is announced by itself, when it comes.
    if (instruments.length === 0 || (books.length === 0 && answers.some(({ kind }) => kind === "later"))) return;
    this.#send(client, encodeBookDump(books), instruments, false);
  }

  #send(client: Client, bytes: Uint8Array, instruments: readonly InstrumentId[], resolution: boolean): void {
    const { tokenLimit } = this.#options;
    if (tokenLimit !== null && client.instruments.size > tokenLimit) return;
    client.outlet.send(bytes, instruments, resolution);
  }

  #add(client: Client, instrument: InstrumentId): void {
    client.instruments.add(instrument);
    client.outlet.subscriptions = client.instruments.size;
    const subscribers = this.#subscribers.get(instrument);
    if (subscribers) subscribers.add(client);
    else this.#subscribers.set(instrument, new Set([client]));
  }

  #drop(client: Client, instrument: InstrumentId): void {
    client.instruments.delete(instrument);
    client.outlet.subscriptions = client.instruments.size;
    const subscribers = this.#subscribers.get(instrument);
    subscribers?.delete(client);
    if (subscribers?.size === 0) this.#subscribers.delete(instrument);
  }

  #crossing(instrument: InstrumentId): Uint8Array[] {
    const { source } = this.#options;
    const answer = source.book(instrument);
    const ask = answer.kind === "open" ? answer.book.asks[0] : undefined;
    if (answer.kind !== "open" || !ask) return [];
    const price = (ask.price + (answer.book.tickSize ?? 10_000)) as PriceMicros;
    if (price >= 1_000_000) return [];
    const size = 5_000_000 as SizeMicros;
    for (const market of source.markets()) {
      const other = complementOf(market, instrument);
      const mirrored = other === undefined ? undefined : source.book(other);
      if (mirrored?.kind !== "open") continue;
      const crossed = [
        digested({ ...answer.book, bids: [{ price, size }, ...answer.book.bids] }),
        digested({ ...mirrored.book, asks: [{ price: mirror(price), size }, ...mirrored.book.asks] }),
      ] as const;
      return [changeTo(crossed, price, size), changeTo([answer.book, mirrored.book], price, 0 as SizeMicros)];
    }
    return [];
  }
}

function digested(book: BookSnapshot): BookSnapshot {
  const { market, instrument, sentAt, minOrderSize, tickSize, negRisk, lastTradePrice } = book;
  const fields = {
    market,
    instrument,
    sentAt,
    minOrderSize: minOrderSize ?? (5_000_000 as SizeMicros),
    tickSize: tickSize ?? (10_000 as PriceMicros),
    negRisk: negRisk ?? false,
    lastTradePrice: lastTradePrice ?? null,
  };
  return { ...book, digest: snapshotDigest(book.bids, book.asks, fields) };
}

/** The message that leads to these two books by one level. */
function changeTo([book, mirrored]: readonly [BookSnapshot, BookSnapshot], price: PriceMicros, size: SizeMicros) {
  const entry = (of: BookSnapshot, side: "bid" | "ask", at: PriceMicros): LevelChange => ({
    instrument: of.instrument,
    side,
    price: at,
    size,
    digest: of.digest,
    bestBid: of.bids[0]?.price ?? null,
    bestAsk: of.asks[0]?.price ?? null,
  });
  const event: PriceChange = {
    kind: "price_change",
    market: book.market,
    sentAt: book.sentAt,
    changes: [entry(book, "bid", price), entry(mirrored, "ask", mirror(price))],
  };
  return encodePriceChange(event);
}
