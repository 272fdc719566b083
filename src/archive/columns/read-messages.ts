import type {
  Digest,
  InstrumentId,
  LevelChange,
  PriceMicros,
  Seq,
  Side,
  SizeMicros,
  UnixMicros,
  VenueEvent,
} from "#model";
import type { ChunkMessage } from "../chunk.ts";
import { readBests } from "./best-columns.ts";
import { DigestRuns, type Run, replaceLevels } from "./digest-runs.ts";
import { EventReader } from "./event-reader.ts";
import { type MessageTimes, MessageTimesReader } from "./frame-columns.ts";
import { KIND, OTHER } from "./layout.ts";
import { levelsOf } from "./levels.ts";
import type { Opened } from "./opened.ts";
import { type MakeDigest, SettleReader } from "./settle-reader.ts";
import type { SlotBook } from "./slot-book.ts";
import { SpellingReader } from "./spelling-columns.ts";

export interface ReadMessage extends ChunkMessage, MessageTimes {}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
/** A digest that is known only when its run is over. */
interface Pending {
  readonly target: Mutable<{ digest: Digest }>;
  readonly run: Run;
}

interface Times {
  readonly knownAt: UnixMicros;
  readonly seq: Seq;
  readonly receivedAt: UnixMicros;
  readonly events: VenueEvent[];
}

/** Gives the digests of runs in the order in which they end. */
export type KnownDigests = () => Digest;

/**
 * Reads all messages of a chunk exactly as they were. A check that already has the digests gives them, and then gets no
 * bytes: it compared these before.
 */
export function readMessages(opened: Opened, known?: KnownDigests): ReadMessage[] {
  const pending: Pending[] = [];
  const reading = new ExactReading(opened, pending, known);
  const read: Times[] = [];
  while (!reading.isAtEnd) read.push(reading.read());
  reading.finish();
  for (const { target, run } of pending) {
    if (run.digest === null) throw new RangeError("damaged chunk: a run without an end");
    target.digest = run.digest;
  }
  if (known) return read.map((message) => ({ ...message, bytes: null }));
  const spelling = new SpellingReader(opened.column, opened.column("styles").rest());
  return read.map(({ knownAt, seq, receivedAt, events }) => ({
    seq,
    knownAt,
    bytes: spelling.read(events),
    events,
    receivedAt,
  }));
}

class ExactReading {
  readonly #opened: Opened;
  readonly #pending: Pending[];
  readonly #books: readonly SlotBook[];
  readonly #events: EventReader;
  readonly #times: MessageTimesReader;
  readonly #runs: DigestRuns;
  readonly #runFlags;
  readonly #bests;
  readonly #transactions;
  #message = -1;

  constructor(opened: Opened, pending: Pending[], known: KnownDigests | undefined) {
    this.#opened = opened;
    this.#pending = pending;
    this.#books = opened.books();
    this.#events = new EventReader(opened.column, this.#books, { timed: true, detailed: true });
    this.#times = new MessageTimesReader(opened.column);
    const settling = new SettleReader(opened.column, this.#books);
    const make: MakeDigest = (book, run, lastTrade) => {
      if (!known) run.digest = this.#runs.digestOf(book, run, lastTrade);
    };
    this.#runs = new DigestRuns(opened.opening, opened.instruments, (book, run) => {
      settling.settle(this.#runs, book, run, make);
      const digest = known?.();
      if (digest !== undefined) run.digest ??= digest;
    });
    this.#runFlags = opened.column("runs");
    this.#bests = opened.column("best");
    this.#transactions = opened.column("transactions");
  }

  get isAtEnd(): boolean {
    return this.#events.isAtEnd;
  }

  read(): Times {
    this.#message++;
    const events: VenueEvent[] = [];
    const reader = this.#events;
    this.#times.read();
    reader.begin(this.#times.knownAt);
    do {
      reader.read();
      if (reader.kind !== KIND.none) events.push(this.#event());
    } while (!reader.isLast);
    const { knownAt, seq, receivedAt } = this.#times;
    return { knownAt, seq, receivedAt, events };
  }

  /** The runs that no message ends. */
  finish(): void {
    for (const book of this.#runs.books) this.#runs.settle(book);
  }

  #event(): VenueEvent {
    const reader = this.#events;
    const { market } = this.#opened.opening;
    const sentAt = reader.sentAt as UnixMicros;
    switch (reader.kind) {
      case KIND.book:
        return this.#book();
      case KIND.trade: {
        const price = reader.lastTradePrice as PriceMicros;
        this.#runs.showTrade(price);
        const takerSide = reader.takerSide === 0 ? null : reader.takerSide === 1 ? "buy" : "sell";
        const transaction = this.#transactions.text();
        return {
          kind: "trade",
          market,
          instrument: this.#instrument(reader.place),
          sentAt,
          price,
          size: reader.tradeSize,
          takerSide,
          transaction: transaction === "" ? null : transaction.slice(1),
        };
      }
      case KIND.tick: {
        const tickSize = reader.tickSize as PriceMicros;
        this.#runs.at(reader.place).showTick(tickSize);
        const instrument = this.#instrument(reader.place);
        return { kind: "tick_size_change", market, instrument, sentAt, tickSize, previous: reader.previousTick };
      }
      case KIND.other: {
        if (reader.other === OTHER.json) return JSON.parse(reader.json) as VenueEvent;
        const { bestBid, bestAsk } = reader;
        return { kind: "best_prices", market, instrument: this.#instrument(reader.place), sentAt, bestBid, bestAsk };
      }
      default:
        return this.#changes();
    }
  }

  #changes(): VenueEvent {
    const reader = this.#events;
    const { count, places, sides, prices, sizes } = reader.changes;
    const bests = readBests(this.#bests, reader.changes, this.#books);
    const made: Mutable<LevelChange>[] = [];
    // Those of one event share a run for each instrument, unless the event says each.
    const entered = new Map<number, Run>();
    for (let index = 0; index < count; index++) {
      const place = places[index] as number;
      const isNew = reader.kind === KIND.mixed || !entered.has(place);
      const run = isNew ? this.#enter(place) : (entered.get(place) as Run);
      entered.set(place, run);
      const side: Side = sides[index] === 0 ? "bid" : "ask";
      this.#runs.at(place).set(side, prices[index] as number, sizes[index] as number);
      const change: Mutable<LevelChange> = {
        instrument: this.#instrument(place),
        side,
        price: prices[index] as PriceMicros,
        size: sizes[index] as SizeMicros,
        digest: "" as Digest,
        bestBid: bests[index]?.bestBid,
        bestAsk: bests[index]?.bestAsk,
      };
      made.push(change);
      this.#pending.push({ target: change, run });
    }
    const { market } = this.#opened.opening;
    return { kind: "price_change", market, sentAt: reader.sentAt as UnixMicros, changes: made };
  }

  #book(): VenueEvent {
    const reader = this.#events;
    const { tickSize, minOrderSize, negRisk, lastTradePrice } = reader;
    const runs = this.#runs.at(reader.place);
    if (tickSize !== undefined) runs.showTick(tickSize);
    if (minOrderSize !== undefined) runs.minOrderSize = minOrderSize;
    if (negRisk !== undefined) runs.negRisk = negRisk;
    if (lastTradePrice !== undefined) this.#runs.showTrade(lastTradePrice);
    const run = this.#enter(reader.place);
    const slots = this.#books[reader.place] as SlotBook;
    const bids = levelsOf(slots, 0);
    const asks = levelsOf(slots, 1);
    replaceLevels(runs, bids, asks);
    const book = {
      kind: "book" as const,
      market: this.#opened.opening.market,
      instrument: this.#instrument(reader.place),
      sentAt: reader.sentAt as UnixMicros,
      digest: "" as Digest,
      bids,
      asks,
      ...(tickSize === undefined ? {} : { tickSize }),
      ...(minOrderSize === undefined ? {} : { minOrderSize }),
      ...(negRisk === undefined ? {} : { negRisk }),
      ...(lastTradePrice === undefined ? {} : { lastTradePrice }),
    };
    this.#pending.push({ target: book, run });
    return book;
  }

  #enter(place: number): Run {
    const book = this.#runs.at(place);
    const { run } = book;
    const { sentAt } = this.#events;
    const goesOn = run !== null && run.sentAt === sentAt && this.#runFlags.byte() === 0;
    return goesOn ? this.#runs.goOn(run, this.#message) : this.#runs.begin(book, sentAt, null, this.#message);
  }

  #instrument(place: number): InstrumentId {
    const instrument = this.#opened.instruments[place];
    if (instrument === undefined) throw new RangeError("damaged chunk: an instrument that it does not name");
    return instrument;
  }
}
