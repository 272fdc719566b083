import type {
  BestPrices,
  BookSnapshot,
  InstrumentId,
  Level,
  PriceChange,
  TickSizeChange,
  Trade,
  VenueEvent,
} from "#model";
import { MILLISECOND, ONE } from "#model";
import { ChangeWriter } from "./change-codec.ts";
import { ColumnWriter, fold } from "./column.ts";
import { BOOK_HAS, COLUMNS, type ColumnName, FAR_INSTRUMENT, IS_LAST, KIND, OTHER } from "./layout.ts";
import { writeNearPrice } from "./near-price.ts";
import { SentClock } from "./sent-clock.ts";
import { ASK, BID, type SlotBook } from "./slot-book.ts";

export type Columns = Readonly<Record<ColumnName, ColumnWriter>>;

export function newColumns(): Columns {
  return Object.fromEntries(COLUMNS.map((name) => [name, new ColumnWriter()])) as Record<ColumnName, ColumnWriter>;
}

export interface NotedChanges {
  count: number;
  readonly places: number[];
  readonly bids: number[];
  readonly asks: number[];
}

/** An event that the columns cannot give back: the chunk is then stored plain. */
export class NotColumnar extends Error {}

/** Writes events, and makes their changes in the codec's books. */
export class EventWriter {
  readonly #columns: Columns;
  readonly #books: readonly SlotBook[];
  readonly #places: ReadonlyMap<InstrumentId, number>;
  readonly #changes: ChangeWriter;
  readonly #clock = new SentClock();
  levelChanges = 0;
  /** The last event's changes: whose book, and the slots of its best bid and ask right after. */
  readonly noted: NotedChanges = { count: 0, places: [], bids: [], asks: [] };

  constructor(columns: Columns, books: readonly SlotBook[], places: ReadonlyMap<InstrumentId, number>) {
    this.#columns = columns;
    this.#books = books;
    this.#places = places;
    this.#changes = new ChangeWriter(columns);
  }

  /** A message begins; `none` or its events follow. */
  begin(knownAt: number): void {
    this.#clock.begin(knownAt);
  }

  none(): void {
    this.#columns.shape.byte(KIND.none | IS_LAST);
  }

  /** @returns the event's kind. @throws NotColumnar */
  write(event: VenueEvent, isLast: boolean): number {
    this.noted.count = 0;
    switch (event.kind) {
      case "price_change":
        return this.#writeChanges(event, isLast);
      case "book":
        return this.#writeBook(event, isLast);
      case "trade":
        return this.#writeTrade(event, isLast);
      case "tick_size_change":
        return this.#writeTick(event, isLast);
      case "best_prices":
        return this.#writeBest(event, isLast);
      default:
        this.#shape(KIND.other, 0, isLast);
        this.#columns.extra.byte(OTHER.json);
        this.#columns.extra.text(JSON.stringify(event));
        return KIND.other;
    }
  }

  placeOf(instrument: InstrumentId): number {
    return this.#places.get(instrument) as number;
  }

  #writeChanges({ changes, sentAt }: PriceChange, isLast: boolean): number {
    const kind = this.#kindOf(changes);
    const places = changes.map(({ instrument }) => this.placeOf(instrument));
    const step = kind === KIND.pairs ? 2 : 1;
    this.#shape(kind, places[0] ?? 0, isLast);
    this.#sent(sentAt);
    this.#columns.count.unsigned(changes.length / step);
    this.#changes.begin();
    for (let index = 0; index < changes.length; index += step) {
      const change = changes[index] as PriceChange["changes"][number];
      const place = places[index] as number;
      if (kind === KIND.mixed) {
        this.#columns.extra.unsigned(place);
        this.#changes.begin();
      }
      this.#writeChange(place, change.side === "bid" ? BID : ASK, change);
      if (kind === KIND.pairs) this.#mirror(places[index + 1] as number, change);
    }
    return kind;
  }

  #kindOf(changes: PriceChange["changes"]): number {
    const [first, second] = changes;
    if (first === undefined) return KIND.single;
    if (this.#books.length === 2 && second !== undefined && changes.length % 2 === 0) {
      let isMirrored = first.instrument !== second.instrument;
      for (let index = 0; isMirrored && index < changes.length; index += 2) {
        const one = changes[index] as typeof first;
        const other = changes[index + 1] as typeof first;
        const isPair = one.instrument === first.instrument && other.instrument === second.instrument;
        const isSame = one.size === other.size && one.price === ONE - other.price && one.side !== other.side;
        isMirrored = isPair && isSame && one.digest === first.digest && other.digest === second.digest;
      }
      if (isMirrored) return KIND.pairs;
    }
    const isSingle = changes.every(
      ({ instrument, digest }) => instrument === first.instrument && digest === first.digest,
    );
    return isSingle ? KIND.single : KIND.mixed;
  }

  #mirror(place: number, { side, price, size }: PriceChange["changes"][number]): void {
    const book = this.#books[place] as SlotBook;
    const other = side === "bid" ? ASK : BID;
    book.sides[other].put(book.slotOf(other, ONE - price), size);
    this.#note(book, place);
  }

  #writeChange(place: number, side: 0 | 1, { price, size }: Level): void {
    const book = this.#books[place] as SlotBook;
    const slot = book.slotOf(side, price);
    if (slot !== (slot | 0) || slot < 0 || slot > book.top || !Number.isSafeInteger(size) || size < 0)
      throw new NotColumnar(`a level of ${size} at ${price}`);
    this.#changes.write(book, side, slot, size);
    this.#note(book, place);
  }

  #note(book: SlotBook, place: number): void {
    const { noted } = this;
    const at = noted.count++;
    noted.places[at] = place;
    noted.bids[at] = book.sides[BID].best;
    noted.asks[at] = book.sides[ASK].best;
    this.levelChanges++;
  }

  #writeBook(event: BookSnapshot, isLast: boolean): number {
    const place = this.placeOf(event.instrument);
    const book = this.#books[place] as SlotBook;
    this.#shape(KIND.book, place, isLast);
    this.#sent(event.sentAt);
    this.#bookFields(event);
    if (!book.open) book.clear();
    book.open = true;
    const bids = differences(book, BID, event.bids);
    const asks = differences(book, ASK, event.asks);
    this.#columns.count.unsigned(bids.length + asks.length);
    this.#changes.begin();
    for (const level of bids) this.#writeChange(place, BID, level);
    for (const level of asks) this.#writeChange(place, ASK, level);
    return KIND.book;
  }

  #bookFields({ tickSize, minOrderSize, negRisk, lastTradePrice }: BookSnapshot): void {
    const { extra } = this.#columns;
    extra.byte(
      (tickSize === undefined ? 0 : BOOK_HAS.tickSize) |
        (minOrderSize === undefined ? 0 : BOOK_HAS.minOrderSize) |
        (negRisk === undefined ? 0 : BOOK_HAS.negRisk) |
        (negRisk === true ? BOOK_HAS.isNegRisk : 0) |
        (lastTradePrice === undefined ? 0 : BOOK_HAS.lastTradePrice) |
        (lastTradePrice === null ? BOOK_HAS.noTradeYet : 0),
    );
    if (tickSize !== undefined) extra.unsigned(tickSize);
    if (minOrderSize !== undefined) extra.unsigned(minOrderSize);
    if (typeof lastTradePrice === "number") extra.unsigned(lastTradePrice);
  }

  #writeTrade(event: Trade, isLast: boolean): number {
    const { trade, transactions } = this.#columns;
    const place = this.placeOf(event.instrument);
    this.#shape(KIND.trade, place, isLast);
    this.#sent(event.sentAt);
    writeNearPrice(trade, event.price, (this.#books[place] as SlotBook).bestPrice(BID));
    const side = event.takerSide === null ? 0 : event.takerSide === "buy" ? 1 : 2;
    trade.byte(side * 2 + (event.size === null ? 0 : 1));
    if (event.size !== null) trade.unsigned(event.size % 10_000 === 0 ? event.size / 5_000 : event.size * 2 + 1);
    transactions.text(event.transaction === null ? "" : `=${event.transaction}`);
    return KIND.trade;
  }

  #writeTick(event: TickSizeChange, isLast: boolean): number {
    this.#shape(KIND.tick, this.placeOf(event.instrument), isLast);
    this.#sent(event.sentAt);
    this.#columns.extra.unsigned(event.tickSize);
    this.#columns.extra.unsigned(event.previous === null ? 0 : event.previous + 1);
    return KIND.tick;
  }

  #writeBest(event: BestPrices, isLast: boolean): number {
    const { extra } = this.#columns;
    const place = this.placeOf(event.instrument);
    const book = this.#books[place] as SlotBook;
    this.#shape(KIND.other, place, isLast);
    const agrees = event.bestBid === book.bestPrice(BID) && event.bestAsk === book.bestPrice(ASK);
    extra.byte(agrees ? OTHER.bestAsInBook : OTHER.best);
    this.#sent(event.sentAt);
    if (!agrees) for (const price of [event.bestBid, event.bestAsk]) extra.unsigned(price === null ? 0 : price + 1);
    return KIND.other;
  }

  #shape(kind: number, place: number, isLast: boolean): void {
    const isFar = place >= FAR_INSTRUMENT;
    this.#columns.shape.byte(kind | (isLast ? IS_LAST : 0) | ((isFar ? FAR_INSTRUMENT : place) << 4));
    if (isFar) this.#columns.extra.unsigned(place);
  }

  #sent(sentAt: number): void {
    const step = sentAt - this.#clock.expected;
    const isWhole = step % MILLISECOND === 0;
    this.#columns.sent.unsigned(isWhole ? fold(step / MILLISECOND) * 2 : fold(step) * 2 + 1);
    this.#clock.set(sentAt);
  }
}

/** What turns the book's side into the levels, worst first. @throws NotColumnar where no book can be those levels. */
function differences(book: SlotBook, side: 0 | 1, levels: readonly Level[]): Level[] {
  const { sizes, best } = book.sides[side];
  const made: Level[] = [];
  let standing = 0;
  const gone = (until: number): void => {
    for (; standing < until; standing++)
      if (sizes[standing] !== 0) made.push({ price: book.priceAt(side, standing), size: 0 } as Level);
  };
  for (let index = levels.length - 1; index >= 0; index--) {
    const level = levels[index] as Level;
    const slot = book.slotOf(side, level.price);
    if (!(slot >= standing && slot <= book.top) || level.size <= 0) throw new NotColumnar("levels out of order");
    gone(Math.min(slot, best + 1));
    if (sizes[slot] !== level.size) made.push(level);
    standing = slot + 1;
  }
  gone(best + 1);
  return made;
}
