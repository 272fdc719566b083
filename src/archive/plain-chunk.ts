import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { Ladder } from "#book";
import {
  type Digest,
  type Frame,
  type InstrumentId,
  type Level,
  type MarketId,
  ONE,
  type PriceMicros,
  type Seq,
  type SizeMicros,
  type UnixMicros,
  type VenueEvent,
} from "#model";
import type {
  Chunk,
  ChunkInput,
  ChunkMessage,
  ChunkScan,
  EncodedChunk,
  InstrumentCheckpoint,
  MarketCheckpoint,
} from "./chunk.ts";

/*
 * The contract of chunk.ts in its simplest form: JSON, zstd, and books walked event by event. Large and slow, and so plain
 * that it can be held against the real codec.
 */

export function encodePlainChunk(input: ChunkInput): EncodedChunk {
  const messages = input.messages.map(({ bytes, ...message }) => ({
    ...message,
    bytes: bytes && Buffer.from(bytes).toString("base64"),
  }));
  const books = new Books(input.opening);
  let levelChanges = 0;
  for (const message of input.messages) {
    for (const event of message.events) {
      books.apply(event, message);
      if (event.kind === "price_change") levelChanges += event.changes.length;
      if (event.kind === "book") levelChanges += event.bids.length + event.asks.length;
    }
  }
  return {
    bytes: zstdCompressSync(JSON.stringify({ ...input, opening: asJson(input.opening), messages })),
    closing: books.checkpoint(),
    rawMessages: messages.filter(({ bytes }) => bytes !== null).length,
    rawDigests: 0,
    messages: messages.length,
    levelChanges,
  };
}

/** @throws RangeError where the bytes are no chunk. */
export function openPlainChunk(bytes: Uint8Array): Chunk {
  return new PlainChunk(read(bytes));
}

function read(bytes: Uint8Array): ChunkInput {
  try {
    const stored = JSON.parse(zstdDecompressSync(bytes).toString()) as {
      opening: MarketCheckpoint;
      messages: (Omit<ChunkMessage, "bytes"> & { bytes: string | null })[];
    } & Omit<ChunkInput, "messages">;
    const messages = stored.messages.map((message) => ({
      ...message,
      bytes: message.bytes === null ? null : Buffer.from(message.bytes, "base64"),
    }));
    return { ...stored, opening: fromJson(stored.opening), messages };
  } catch (cause) {
    throw new RangeError("no plain chunk", { cause });
  }
}

class PlainChunk implements Chunk {
  readonly market: MarketId;
  readonly instruments: readonly InstrumentId[];
  readonly opening: MarketCheckpoint;
  readonly #input: ChunkInput;

  constructor(input: ChunkInput) {
    const named = input.messages.flatMap(({ events }) => events.flatMap(instrumentsOf));
    this.market = input.opening.market;
    this.instruments = [...new Set([...input.opening.instruments.map(({ instrument }) => instrument), ...named])];
    this.opening = input.opening;
    this.#input = input;
  }

  frames(): readonly Frame[] {
    return this.#input.frames.map(({ message, ...frame }) => {
      return { ...frame, kind: "received", bytes: this.#input.messages[message]!.bytes! };
    });
  }

  messages(): readonly ChunkMessage[] {
    return this.#input.messages;
  }

  verdicts() {
    return this.#input.verdicts;
  }

  scan(scan: ChunkScan, until = Number.MAX_SAFE_INTEGER as UnixMicros): void {
    for (const { knownAt, seq, events } of this.#input.messages) {
      if (knownAt > until) return;
      const [first] = events;
      scan.message?.(knownAt, first && "sentAt" in first ? first.sentAt : knownAt, seq);
      for (const event of events) this.#tell(scan, event);
    }
  }

  stateAt(at: UnixMicros): MarketCheckpoint {
    const books = new Books(this.opening);
    for (const message of this.#input.messages) {
      if (message.knownAt > at) break;
      for (const event of message.events) books.apply(event, message);
    }
    return books.checkpoint();
  }

  #tell(scan: ChunkScan, event: VenueEvent): void {
    const place = (instrument: InstrumentId): number => this.instruments.indexOf(instrument);
    if (event.kind === "book") {
      scan.clear(place(event.instrument));
      for (const { price, size } of event.bids) scan.level(place(event.instrument), "bid", price, size);
      for (const { price, size } of event.asks) scan.level(place(event.instrument), "ask", price, size);
    } else if (event.kind === "price_change") {
      for (const { instrument, side, price, size } of event.changes) scan.level(place(instrument), side, price, size);
    } else if (event.kind === "trade") {
      scan.trade?.(place(event.instrument), event.price, event.size, event.takerSide);
    } else if (event.kind === "tick_size_change") scan.tick?.(place(event.instrument), event.tickSize);
  }
}

function instrumentsOf(event: VenueEvent): InstrumentId[] {
  if (event.kind === "price_change") return event.changes.map(({ instrument }) => instrument);
  return "instrument" in event ? [event.instrument] : [];
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Book = Mutable<Omit<InstrumentCheckpoint, "bids" | "asks">> & { readonly ladder: Ladder };

const GRID = 1_000 as PriceMicros;

class Books {
  readonly #market: MarketId;
  readonly #books = new Map<InstrumentId, Book>();
  /** Ticks told before there was a book. */
  readonly #ticks = new Map<InstrumentId, PriceMicros>();
  #lastTradePrice: PriceMicros | null | undefined;

  constructor({ market, lastTradePrice, instruments }: MarketCheckpoint) {
    this.#market = market;
    this.#lastTradePrice = lastTradePrice;
    for (const { bids, asks, ...fields } of instruments) {
      const ladder = new Ladder(GRID);
      ladder.replace(bids, asks);
      this.#books.set(fields.instrument, { ...fields, ladder });
    }
  }

  apply(event: VenueEvent, { seq, knownAt }: ChunkMessage): void {
    const position = { seq, receivedAt: knownAt };
    if (event.kind === "trade") this.#lastTradePrice = event.price;
    else if (event.kind === "tick_size_change") {
      this.#ticks.set(event.instrument, event.tickSize);
      const book = this.#books.get(event.instrument);
      if (book) book.tickSize = event.tickSize;
    } else if (event.kind === "book") {
      const book = this.#books.get(event.instrument) ?? this.#newBook(event.instrument);
      const { sentAt, digest } = event;
      Object.assign(book, position, { sentAt, digest });
      if (event.tickSize !== undefined) book.tickSize = event.tickSize;
      if (event.minOrderSize !== undefined) book.minOrderSize = event.minOrderSize;
      if (event.negRisk !== undefined) book.negRisk = event.negRisk;
      if (event.lastTradePrice !== undefined) this.#lastTradePrice = event.lastTradePrice;
      book.ladder.replace(event.bids.filter(isLevel), event.asks.filter(isLevel));
    } else if (event.kind === "price_change") {
      for (const { instrument, side, price, size, digest } of event.changes) {
        const book = this.#books.get(instrument);
        if (!book) continue;
        Object.assign(book, position, { sentAt: event.sentAt, digest });
        if (isLevel({ price, size })) book.ladder.set(side, price, size);
      }
    }
  }

  checkpoint(): MarketCheckpoint {
    return {
      market: this.#market,
      lastTradePrice: this.#lastTradePrice,
      instruments: [...this.#books.values()].map(({ ladder, ...fields }) => ({
        ...fields,
        bids: ladder.levels("bid"),
        asks: ladder.levels("ask"),
      })),
    };
  }

  #newBook(instrument: InstrumentId): Book {
    const book: Book = {
      instrument,
      ladder: new Ladder(GRID),
      tickSize: this.#ticks.get(instrument) ?? null,
      minOrderSize: null as SizeMicros | null,
      negRisk: null,
      sentAt: 0 as UnixMicros,
      digest: "" as Digest,
      seq: 0 as Seq,
      receivedAt: 0 as UnixMicros,
    };
    this.#books.set(instrument, book);
    return book;
  }
}

/** What cannot be a level is left out, as the prover does it. */
function isLevel({ price, size }: Level): boolean {
  return price >= 0 && price <= ONE && Number.isSafeInteger(price) && Number.isSafeInteger(size) && size >= 0;
}

/** JSON has no undefined: a last trade price that was never known is left out. */
function asJson({ market, lastTradePrice, instruments }: MarketCheckpoint): object {
  return { market, instruments, ...(lastTradePrice === undefined ? {} : { lastTradePrice }) };
}

function fromJson({ market, lastTradePrice, instruments }: MarketCheckpoint): MarketCheckpoint {
  return { market, instruments, lastTradePrice };
}
