import type { PriceMicros, SizeMicros } from "#model";
import { MILLISECOND, ONE } from "#model";
import { ChangeReader } from "./change-codec.ts";
import type { ColumnReader } from "./column.ts";
import { unfold } from "./column.ts";
import { BOOK_HAS, type ColumnName, FAR_INSTRUMENT, IS_LAST, KIND, OTHER } from "./layout.ts";
import { readNearPrice } from "./near-price.ts";
import { SentClock } from "./sent-clock.ts";
import { BID, type SlotBook } from "./slot-book.ts";

export type ColumnOf = (name: ColumnName) => ColumnReader;

/** What an event's changes are, in arrays that are used again for the next one. */
export interface ReadChanges {
  count: number;
  readonly places: number[];
  /** 0 bid, 1 ask. */
  readonly sides: number[];
  readonly prices: number[];
  readonly sizes: number[];
  /** Slots of the best bid and ask of the change's book right after it; only where they were asked for. */
  readonly bids: number[];
  readonly asks: number[];
}

/** Reads one event at a time into its fields, and makes its changes in the codec's books. Allocates nothing for levels. */
export class EventReader {
  readonly #books: readonly SlotBook[];
  readonly #shape: ColumnReader;
  readonly #count: ColumnReader;
  readonly #extra: ColumnReader;
  readonly #trade: ColumnReader;
  readonly #sent: ColumnReader | null;
  readonly #change: ChangeReader;
  readonly #isDetailed: boolean;
  readonly #clock = new SentClock();
  readonly changes: ReadChanges = { count: 0, places: [], sides: [], prices: [], sizes: [], bids: [], asks: [] };
  kind: number = KIND.none;
  isLast = true;
  place = 0;
  sentAt = 0;
  /** Of a book: its levels were unknown before. */
  isFirst = false;
  /** Of a book or a tick change; undefined: not said. */
  tickSize: PriceMicros | undefined;
  minOrderSize: SizeMicros | undefined;
  negRisk: boolean | undefined;
  lastTradePrice: PriceMicros | null | undefined;
  previousTick: PriceMicros | null = null;
  tradeSize: SizeMicros | null = null;
  /** 0 not said, 1 buy, 2 sell. */
  takerSide = 0;
  other: number = OTHER.json;
  json = "";
  bestBid: PriceMicros | null = null;
  bestAsk: PriceMicros | null = null;

  /** `timed` false leaves `sentAt` alone; `detailed` fills bids and asks of the changes. */
  constructor(
    column: ColumnOf,
    books: readonly SlotBook[],
    { timed, detailed }: { timed: boolean; detailed: boolean },
  ) {
    this.#books = books;
    this.#shape = column("shape");
    this.#count = column("count");
    this.#extra = column("extra");
    this.#trade = column("trade");
    this.#sent = timed ? column("sent") : null;
    this.#isDetailed = detailed;
    this.#change = new ChangeReader({
      price: column("price"),
      far: column("far"),
      size: column("size"),
      whole: column("whole"),
      high: column("high"),
      cents: column("cents"),
      exact: column("exact"),
    });
  }

  get isAtEnd(): boolean {
    return this.#shape.isAtEnd;
  }

  /** A message begins; its events follow. Only where `timed`. */
  begin(knownAt: number): void {
    this.#clock.begin(knownAt);
  }

  /** @throws RangeError where the columns are damaged. */
  read(): void {
    const shape = this.#shape.byte();
    this.kind = shape & 7;
    this.isLast = (shape & IS_LAST) !== 0;
    this.place = shape >> 4;
    this.changes.count = 0;
    if (this.place === FAR_INSTRUMENT) this.place = this.#extra.unsigned();
    switch (this.kind) {
      case KIND.single:
      case KIND.pairs:
        this.#readSent();
        return this.#readChanges(this.kind === KIND.pairs);
      case KIND.mixed:
        this.#readSent();
        return this.#readMixed();
      case KIND.book:
        this.#readSent();
        return this.#readBook();
      case KIND.trade:
        this.#readSent();
        return this.#readTrade();
      case KIND.tick:
        this.#readSent();
        this.tickSize = this.#extra.unsigned() as PriceMicros;
        this.previousTick = this.#readOptional();
        return;
      case KIND.other:
        return this.#readOther();
    }
  }

  bookAt(place: number): SlotBook {
    const book = this.#books[place];
    if (book === undefined) throw new RangeError("damaged chunk: an instrument that it does not name");
    return book;
  }

  #readSent(): void {
    if (this.#sent === null) return;
    const word = this.#sent.unsigned();
    const step = word % 2 === 0 ? unfold(word / 2) * MILLISECOND : unfold((word - 1) / 2);
    this.sentAt = this.#clock.expected + step;
    this.#clock.set(this.sentAt);
  }

  #readChanges(isMirrored: boolean): void {
    const { place } = this;
    const count = this.#count.unsigned();
    if (count === 0) return;
    const book = this.bookAt(place);
    const change = this.#change;
    change.begin();
    if (isMirrored && this.#books.length !== 2) throw new RangeError("damaged chunk: a mirror without a complement");
    for (let index = 0; index < count; index++) {
      change.read(book);
      const { side, slot, size } = change;
      this.#note(book, place, side, slot, size);
      if (!isMirrored) continue;
      // Both books have the same unit, so the mirror's slot on the other side is the same.
      const other = this.#books[1 - place] as SlotBook;
      const mirrored = side === 0 ? 1 : 0;
      other.sides[mirrored].put(slot, size);
      this.#note(other, 1 - place, mirrored, slot, size);
    }
  }

  #readMixed(): void {
    const count = this.#count.unsigned();
    for (let index = 0; index < count; index++) {
      const place = this.#extra.unsigned();
      const book = this.bookAt(place);
      this.#change.begin();
      this.#change.read(book);
      this.#note(book, place, this.#change.side, this.#change.slot, this.#change.size);
    }
  }

  #note(book: SlotBook, place: number, side: 0 | 1, slot: number, size: number): void {
    const { changes } = this;
    const at = changes.count++;
    const rank = slot * book.unit;
    changes.places[at] = place;
    changes.sides[at] = side;
    changes.prices[at] = side === BID ? rank : ONE - rank;
    changes.sizes[at] = size;
    if (!this.#isDetailed) return;
    changes.bids[at] = book.sides[0].best;
    changes.asks[at] = book.sides[1].best;
  }

  #readBook(): void {
    const extra = this.#extra;
    const book = this.bookAt(this.place);
    const has = extra.byte();
    this.tickSize = has & BOOK_HAS.tickSize ? (extra.unsigned() as PriceMicros) : undefined;
    this.minOrderSize = has & BOOK_HAS.minOrderSize ? (extra.unsigned() as SizeMicros) : undefined;
    this.negRisk = has & BOOK_HAS.negRisk ? (has & BOOK_HAS.isNegRisk) !== 0 : undefined;
    this.lastTradePrice = undefined;
    if (has & BOOK_HAS.lastTradePrice)
      this.lastTradePrice = has & BOOK_HAS.noTradeYet ? null : (extra.unsigned() as PriceMicros);
    this.isFirst = !book.open;
    if (!book.open) book.clear();
    book.open = true;
    this.#readChanges(false);
  }

  #readTrade(): void {
    const trade = this.#trade;
    this.lastTradePrice = readNearPrice(trade, this.bookAt(this.place).bestPrice(BID));
    const flags = trade.byte();
    this.takerSide = flags >> 1;
    this.tradeSize = null;
    if ((flags & 1) === 0) return;
    const word = trade.unsigned();
    this.tradeSize = (word % 2 === 0 ? word * 5_000 : (word - 1) / 2) as SizeMicros;
  }

  #readOther(): void {
    const extra = this.#extra;
    this.other = extra.byte();
    if (this.other === OTHER.json) {
      this.json = extra.text();
      return;
    }
    this.#readSent();
    const book = this.bookAt(this.place);
    const isInBook = this.other === OTHER.bestAsInBook;
    this.bestBid = isInBook ? book.bestPrice(0) : this.#readOptional();
    this.bestAsk = isInBook ? book.bestPrice(1) : this.#readOptional();
  }

  #readOptional(): PriceMicros | null {
    const word = this.#extra.unsigned();
    return word === 0 ? null : ((word - 1) as PriceMicros);
  }
}
