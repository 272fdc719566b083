import type { PriceMicros, UnixMicros } from "#model";
import type { InstrumentCheckpoint, MarketCheckpoint } from "../chunk.ts";
import { DigestRuns, type Run, replaceLevels } from "./digest-runs.ts";
import { EventReader } from "./event-reader.ts";
import { MessageTimesReader } from "./frame-columns.ts";
import { KIND } from "./layout.ts";
import { levelsOf } from "./levels.ts";
import type { Opened } from "./opened.ts";
import { SettleReader } from "./settle-reader.ts";
import type { SlotBook } from "./slot-book.ts";

/**
 * The books with everything known up to and including `at`. Only the digests of the states that stand then are made: for
 * that, and for nothing else, it reads on to the end of their runs, since all messages of a run carry the digest of its
 * last.
 */
export function readState(opened: Opened, at: UnixMicros): MarketCheckpoint {
  return new StateReading(opened).at(at);
}

interface Position {
  seq: InstrumentCheckpoint["seq"];
  receivedAt: UnixMicros;
}

interface Standing {
  readonly run: Run;
  readonly checkpoint: Omit<InstrumentCheckpoint, "digest">;
}

class StateReading {
  readonly #opened: Opened;
  readonly #books: readonly SlotBook[];
  readonly #events: EventReader;
  readonly #times: MessageTimesReader;
  readonly #runs: DigestRuns;
  readonly #runFlags;
  /** Where the last message of each instrument's run stands. */
  readonly #positions: Position[];
  /** The runs that stand at `at` and wait for their end; null before it is reached. */
  #waiting: Set<Run> | null = null;
  /** The price found for a standing run holds at `at` too: its digest was known by then. */
  #lastTrade: MarketCheckpoint["lastTradePrice"];
  #orderThen = 0;
  #message = -1;

  constructor(opened: Opened) {
    this.#opened = opened;
    this.#books = opened.books();
    this.#events = new EventReader(opened.column, this.#books, { timed: true, detailed: false });
    this.#times = new MessageTimesReader(opened.column);
    this.#runFlags = opened.column("runs");
    this.#positions = opened.instruments.map((_, place) => {
      const { seq, receivedAt } = opened.opening.instruments[place] ?? {
        seq: 0 as Position["seq"],
        receivedAt: 0 as UnixMicros,
      };
      return { seq, receivedAt };
    });
    const settling = new SettleReader(opened.column, this.#books);
    this.#runs = new DigestRuns(opened.opening, opened.instruments, (book, run) => {
      const isWaited = this.#waiting?.delete(run) === true;
      settling.settle(this.#runs, book, run, (_, __, lastTrade) => {
        if (isWaited) run.digest = this.#runs.digestOf(book, run, lastTrade);
        if (isWaited && run.order === this.#orderThen && lastTrade !== run.lastTrade) this.#lastTrade = lastTrade;
      });
    });
  }

  at(at: UnixMicros): MarketCheckpoint {
    let isAhead = false;
    while (!this.#events.isAtEnd) {
      this.#times.read();
      isAhead = this.#times.knownAt > at;
      if (isAhead) break;
      this.#readMessage(false);
    }
    this.#lastTrade = this.#runs.lastTrade;
    this.#orderThen = this.#runs.order;
    const standing = this.#stand();
    const waiting = new Set(
      standing.filter(({ run }) => run.message >= 0 || run.digest === null).map(({ run }) => run),
    );
    this.#waiting = waiting;
    while (waiting.size > 0 && !this.#events.isAtEnd) {
      if (!isAhead) this.#times.read();
      isAhead = false;
      this.#readMessage(true);
    }
    // Settled as the writer did at the end: all of them, in their order.
    if (waiting.size > 0) for (const book of this.#runs.books) this.#runs.settle(book);
    const instruments = standing.map(({ run, checkpoint }): InstrumentCheckpoint => {
      if (run.digest === null) throw new RangeError("damaged chunk: a run without an end");
      const { instrument, bids, asks, tickSize, minOrderSize, negRisk, sentAt, seq, receivedAt } = checkpoint;
      return { instrument, bids, asks, tickSize, minOrderSize, negRisk, sentAt, digest: run.digest, seq, receivedAt };
    });
    return { market: this.#opened.opening.market, lastTradePrice: this.#lastTrade, instruments };
  }

  /** The books as they are now; their ladders are made, because a run's digest will be wanted. */
  #stand(): Standing[] {
    const standing: Standing[] = [];
    for (const book of this.#runs.books) {
      const slots = this.#books[book.place] as SlotBook;
      const { run, instrument, tickSize, minOrderSize, negRisk } = book;
      if (!slots.open || run === null) continue;
      const bids = levelsOf(slots, 0);
      const asks = levelsOf(slots, 1);
      replaceLevels(book, bids, asks);
      const sentAt = run.sentAt as UnixMicros;
      const { seq, receivedAt } = this.#positions[book.place] as Position;
      standing.push({
        run,
        checkpoint: { instrument, bids, asks, tickSize, minOrderSize, negRisk, sentAt, seq, receivedAt },
      });
    }
    return standing;
  }

  #readMessage(withLadders: boolean): void {
    this.#message++;
    this.#events.begin(this.#times.knownAt);
    do {
      this.#events.read();
      this.#follow(withLadders);
    } while (!this.#events.isLast);
  }

  #follow(withLadders: boolean): void {
    const reader = this.#events;
    switch (reader.kind) {
      case KIND.single:
      case KIND.pairs:
      case KIND.mixed:
        return this.#followChanges(withLadders);
      case KIND.book:
        return this.#followBook(withLadders);
      case KIND.trade:
        return this.#runs.showTrade(reader.lastTradePrice ?? null);
      case KIND.tick:
        return this.#runs.at(reader.place).showTick(reader.tickSize as PriceMicros);
      default:
        return;
    }
  }

  #followChanges(withLadders: boolean): void {
    const { kind, changes } = this.#events;
    const entries = kind === KIND.mixed ? changes.count : Math.min(changes.count, kind === KIND.pairs ? 2 : 1);
    for (let index = 0; index < changes.count; index++) {
      const place = changes.places[index] as number;
      if (index < entries) this.#enter(place);
      else if (!withLadders) return;
      const side = changes.sides[index] === 0 ? "bid" : "ask";
      if (withLadders) this.#runs.at(place).set(side, changes.prices[index] as number, changes.sizes[index] as number);
    }
  }

  #followBook(withLadders: boolean): void {
    const { place, tickSize, minOrderSize, negRisk, lastTradePrice } = this.#events;
    const book = this.#runs.at(place);
    if (tickSize !== undefined) book.showTick(tickSize);
    if (minOrderSize !== undefined) book.minOrderSize = minOrderSize;
    if (negRisk !== undefined) book.negRisk = negRisk;
    if (lastTradePrice !== undefined) this.#runs.showTrade(lastTradePrice);
    this.#enter(place);
    const slots = this.#books[place] as SlotBook;
    book.open = true;
    if (withLadders) replaceLevels(book, levelsOf(slots, 0), levelsOf(slots, 1));
  }

  #enter(place: number): void {
    const book = this.#runs.at(place);
    const { run } = book;
    const { sentAt } = this.#events;
    if (run !== null && run.sentAt === sentAt && this.#runFlags.byte() === 0) this.#runs.goOn(run, this.#message);
    else this.#runs.begin(book, sentAt, null, this.#message);
    const position = this.#positions[place] as Position;
    position.seq = this.#times.seq;
    position.receivedAt = this.#times.receivedAt;
  }
}
