import { isDeepStrictEqual } from "node:util";
import type { Digest, InstrumentId, PriceMicros, VenueEvent } from "#model";
import { VERDICTS } from "#model";
import type {
  ChunkFrame,
  ChunkInput,
  ChunkMessage,
  EncodedChunk,
  InstrumentCheckpoint,
  MarketCheckpoint,
} from "../chunk.ts";
import { writeBests } from "./best-columns.ts";
import { writeOpening } from "./checkpoint.ts";
import { DigestRuns, type Run, type RunBook, replaceLevels } from "./digest-runs.ts";
import { type Columns, EventWriter, NotColumnar, newColumns } from "./event-writer.ts";
import { connectionsOf, readFrames, writeFrames, writeMessageTimes } from "./frame-columns.ts";
import { COLUMNS, KIND } from "./layout.ts";
import { MAX_SLOTS, openBooks, openColumns, slotsOf } from "./opened.ts";
import { encodePlain, instrumentsOf } from "./plain-chunk.ts";
import { readMessages } from "./read-messages.ts";
import { isSameMessage } from "./same-message.ts";
import { FORM, joinColumns, Sections } from "./sections.ts";
import { SettleWriter } from "./settle-writer.ts";
import { PRICE_UNITS, type SlotBook } from "./slot-book.ts";
import { SpellingWriter } from "./spelling-columns.ts";

/**
 * Packs a stretch of one market's messages. What comes out is read again and held against the input before it is
 * returned; an input that the columns cannot give back exactly is stored in plain form, whole, and counted as raw.
 * @throws RangeError where the input itself cannot be stored: more than 256 MiB of one kind.
 */
export function encodeChunk(input: ChunkInput): EncodedChunk {
  try {
    return new ChunkEncoding(input).encode();
  } catch (error) {
    if (error instanceof NotColumnar || error instanceof RangeError) return encodePlain(input);
    throw error;
  }
}

class ChunkEncoding {
  readonly #input: ChunkInput;
  readonly #columns: Columns = newColumns();
  readonly #instruments: readonly InstrumentId[];
  readonly #unit: number;
  readonly #books: readonly SlotBook[];
  readonly #events: EventWriter;
  readonly #runs: DigestRuns;
  readonly #settling: SettleWriter;
  readonly #spelling: SpellingWriter;
  /** In the order in which runs were settled. */
  readonly #settled: Digest[] = [];
  #message = -1;

  /** @throws NotColumnar */
  constructor(input: ChunkInput) {
    this.#input = input;
    this.#instruments = instrumentsOf(input);
    this.#unit = unitOf(input, this.#instruments.length);
    this.#books = openBooks(input.opening, this.#instruments, this.#unit);
    const places = new Map(this.#instruments.map((instrument, place) => [instrument, place]));
    this.#events = new EventWriter(this.#columns, this.#books, places);
    this.#settling = new SettleWriter(this.#columns, this.#books);
    this.#runs = new DigestRuns(input.opening, this.#instruments, (book, run) => {
      this.#settling.settle(this.#runs, book, run);
      this.#settled.push(run.digest as Digest);
    });
    this.#spelling = new SpellingWriter(this.#columns);
  }

  encode(): EncodedChunk {
    const { messages, frames } = this.#input;
    this.#writeHead();
    for (const message of messages) this.#write(message);
    this.#settling.isAtEnd = true;
    for (const book of this.#runs.books) this.#runs.settle(book);
    this.#spelling.finish();
    const receivedAts = writeMessageTimes(this.#columns, messages, frames);
    writeFrames(this.#columns, frames, messages, receivedAts, connectionsOf(frames));
    this.#writeVerdicts();
    const columns = this.#columns;
    const bytes = joinColumns(
      FORM.columns,
      COLUMNS.map((name) => columns[name]),
    );
    this.#check(bytes);
    return {
      bytes,
      closing: this.#closing(receivedAts),
      rawMessages: this.#spelling.rawMessages,
      rawDigests: this.#settling.rawDigests,
      messages: messages.length,
      levelChanges: this.#events.levelChanges,
    };
  }

  #writeHead(): void {
    const { head } = this.#columns;
    const { opening, frames } = this.#input;
    writeOpening(head, opening, this.#instruments, this.#unit);
    const connections = connectionsOf(frames);
    head.unsigned(connections.length);
    for (const connection of connections) head.text(connection);
  }

  #write({ knownAt, bytes, events }: ChunkMessage): void {
    this.#message++;
    this.#events.begin(knownAt);
    if (events.length === 0) this.#events.none();
    events.forEach((event, index) => {
      if ("market" in event && typeof event.market === "string" && event.market !== this.#input.opening.market)
        throw new NotColumnar("an event of another market");
      const kind = this.#events.write(event, index === events.length - 1);
      this.#follow(event, kind);
    });
    this.#spelling.write(bytes, events);
  }

  /** Runs and ladders go after the event, as they will at reading. */
  #follow(event: VenueEvent, kind: number): void {
    switch (event.kind) {
      case "price_change": {
        writeBests(this.#columns.best, event.changes, this.#events.noted, this.#books);
        const entered = new Set<number>();
        for (const { instrument, side, price, size, digest } of event.changes) {
          const place = this.#events.placeOf(instrument);
          const book = this.#runs.at(place);
          if (kind === KIND.mixed || !entered.has(place)) this.#enter(book, event.sentAt, digest);
          entered.add(place);
          book.set(side, price, size);
        }
        return;
      }
      case "book": {
        const book = this.#runs.at(this.#events.placeOf(event.instrument));
        if (event.tickSize !== undefined) book.showTick(event.tickSize);
        if (event.minOrderSize !== undefined) book.minOrderSize = event.minOrderSize;
        if (event.negRisk !== undefined) book.negRisk = event.negRisk;
        if (event.lastTradePrice !== undefined) this.#runs.showTrade(event.lastTradePrice);
        this.#enter(book, event.sentAt, event.digest);
        return replaceLevels(book, event.bids, event.asks);
      }
      case "trade":
        return this.#runs.showTrade(event.price);
      case "tick_size_change":
        return this.#runs.at(this.#events.placeOf(event.instrument)).showTick(event.tickSize);
      default:
        return;
    }
  }

  #enter(book: RunBook, sentAt: number, digest: Digest): Run {
    const { run } = book;
    if (run !== null && run.sentAt === sentAt) {
      this.#columns.runs.byte(run.digest === digest ? 0 : 1);
      if (run.digest === digest) return this.#runs.goOn(run, this.#message);
    }
    return this.#runs.begin(book, sentAt, digest, this.#message);
  }

  #writeVerdicts(): void {
    const column = this.#columns.verdicts;
    let seqBefore = 0;
    for (const { instrument, seq, verdict } of this.#input.verdicts) {
      const place = this.#instruments.indexOf(instrument);
      if (place < 0) throw new NotColumnar("a verdict on an instrument of no message");
      column.unsigned(place * VERDICTS.length + VERDICTS.indexOf(verdict));
      column.signed(seq - seqBefore);
      seqBefore = seq;
    }
  }

  /**
   * Reads everything again but the digests themselves: those were made from the same ladders a moment ago, and once the
   * events are the same, so are they. @throws NotColumnar where anything differs.
   */
  #check(bytes: Uint8Array): void {
    const opened = openColumns(new Sections(bytes));
    let next = 0;
    const read = readMessages(opened, () => this.#settled[next++] as Digest);
    const { messages, frames, opening } = this.#input;
    if (!isDeepStrictEqual(opened.opening, opening)) throw new NotColumnar("the opening differs");
    if (read.length !== messages.length) throw new NotColumnar("the number of messages differs");
    read.forEach((message, index) => {
      if (!isSameMessage(message, messages[index] as ChunkMessage)) throw new NotColumnar(`message ${index} differs`);
    });
    const shown = readFrames(opened.column, read, opened.connections);
    if (shown.length !== frames.length || !shown.every((frame, index) => isSameFrame(frame, frames[index])))
      throw new NotColumnar("the frames differ");
  }

  #closing(receivedAts: readonly number[]): MarketCheckpoint {
    const { opening, messages } = this.#input;
    const instruments = this.#runs.books.filter(({ open }) => open);
    return {
      market: opening.market,
      lastTradePrice: this.#runs.lastTrade,
      instruments: instruments.map((book): InstrumentCheckpoint => {
        const { instrument, ladder, tickSize, minOrderSize, negRisk } = book;
        const run = book.run as Run;
        const before = opening.instruments[book.place];
        const message = run.message < 0 ? before : messages[run.message];
        return {
          instrument,
          bids: ladder.levels("bid"),
          asks: ladder.levels("ask"),
          tickSize,
          minOrderSize,
          negRisk,
          sentAt: run.sentAt as InstrumentCheckpoint["sentAt"],
          digest: run.digest as Digest,
          seq: (message as ChunkMessage).seq,
          receivedAt: (run.message < 0
            ? before?.receivedAt
            : receivedAts[run.message]) as InstrumentCheckpoint["receivedAt"],
        };
      }),
    };
  }
}

function isSameFrame(one: ChunkFrame, other: ChunkFrame | undefined): boolean {
  return (
    one.seq === other?.seq &&
    one.connection === other.connection &&
    one.receivedAt === other.receivedAt &&
    one.monotonicAt === other.monotonicAt &&
    one.message === other.message
  );
}

/** The coarsest unit that divides every price. @throws NotColumnar where there is none, or its books were too large. */
function unitOf({ opening, messages }: ChunkInput, instruments: number): number {
  let index = 0;
  const see = (price: PriceMicros): void => {
    while (price % (PRICE_UNITS[index] as number) !== 0) index++;
  };
  const seeAll = (levels: readonly { readonly price: PriceMicros }[]): void => {
    for (const { price } of levels) {
      if (!Number.isSafeInteger(price)) throw new NotColumnar(`a price of ${price}`);
      see(price);
    }
  };
  for (const { bids, asks } of opening.instruments) for (const levels of [bids, asks]) seeAll(levels);
  for (const { events } of messages)
    for (const event of events) {
      if (event.kind === "price_change") seeAll(event.changes);
      else if (event.kind === "book") for (const levels of [event.bids, event.asks]) seeAll(levels);
    }
  const unit = PRICE_UNITS[index] as number;
  if (slotsOf(instruments, unit) > MAX_SLOTS) throw new NotColumnar("too many books of too fine prices");
  return unit;
}
