import { bookDigest, type DigestFields, Ladder } from "#book";
import {
  type BookSnapshot,
  type Digest,
  type InstrumentId,
  type Level,
  type MarketId,
  ONE,
  type PriceMicros,
  type SizeMicros,
  type UnixMicros,
  type VenueEvent,
} from "#model";

const USUAL_TICK = 10_000 as PriceMicros;
const USUAL_MIN_ORDER_SIZE = 5_000_000 as SizeMicros;

interface MarketState {
  /** undefined: no frame has said. */
  lastTradePrice: PriceMicros | null | undefined;
  previousLastTradePrice: PriceMicros | null | undefined;
  /** The recording has its trades. */
  traded: boolean;
}

/** What only a catalog knows of a book; the digest covers it. */
export interface BookFacts {
  readonly minOrderSize: SizeMicros;
  readonly negRisk: boolean;
}

interface RecordedBook {
  readonly market: MarketId;
  readonly ladder: Ladder;
  tickSize: PriceMicros;
  /** undefined: no frame has said. */
  minOrderSize: SizeMicros | undefined;
  negRisk: boolean | undefined;
  sentAt: UnixMicros;
  digest: Digest;
  /** False until a whole book came. */
  opened: boolean;
}

/** The books of a recording as far as it was played, for those who subscribe in the middle of it. */
export class RecordedBooks {
  readonly #books = new Map<InstrumentId, RecordedBook>();
  readonly #markets = new Map<MarketId, MarketState>();
  readonly #facts: (market: MarketId) => BookFacts | undefined;

  constructor(facts: (market: MarketId) => BookFacts | undefined = () => undefined) {
    this.#facts = facts;
  }

  apply(event: VenueEvent): void {
    switch (event.kind) {
      case "book":
        return this.#replace(event);
      case "price_change":
        for (const change of event.changes) {
          const book = this.#bookOf(change.instrument, event.market);
          book.sentAt = event.sentAt;
          book.digest = change.digest;
          // A level that cannot be is left out; the digest then tells that the book is not the venue's.
          if (book.opened && isLevel(change)) book.ladder.set(change.side, change.price, change.size);
        }
        return;
      case "trade":
        return this.#learnLastTrade(event.market, event.price, true);
      case "tick_size_change": {
        if (!isTick(event.tickSize)) return;
        const book = this.#bookOf(event.instrument, event.market);
        book.tickSize = event.tickSize;
        return book.ladder.regrid(event.tickSize);
      }
      case "market_resolved":
        for (const [instrument, { market }] of this.#books) if (market === event.market) this.#books.delete(instrument);
        this.#markets.delete(event.market);
        return;
      case "best_prices":
      case "market_created":
      case "reference_price":
      case "notice":
      case "unknown":
      case "fault":
        return;
    }
  }

  /** True where a subscriber could be shown the whole book, with the last trade price it was sent with. */
  isWhole(instrument: InstrumentId): boolean {
    const book = this.#books.get(instrument);
    return book?.opened === true && this.#markets.get(book.market)?.lastTradePrice !== undefined;
  }

  /** undefined where the book is not known or has an empty side. */
  bestPrices(instrument: InstrumentId): { readonly bid: PriceMicros; readonly ask: PriceMicros } | undefined {
    const book = this.#books.get(instrument);
    const [bid, ask] = [book?.ladder.bestBid() ?? null, book?.ladder.bestAsk() ?? null];
    return book?.opened && bid !== null && ask !== null ? { bid, ask } : undefined;
  }

  /** The tick that frames have shown last; undefined where none has. */
  tickSize(instrument: InstrumentId): PriceMicros | undefined {
    const book = this.#books.get(instrument);
    return book?.opened ? book.tickSize : undefined;
  }

  /** Frees the books of a market that is over. */
  forget(instrument: InstrumentId): void {
    const market = this.#books.get(instrument)?.market;
    this.#books.delete(instrument);
    if (market !== undefined) this.#markets.delete(market);
  }

  /** Instruments that frames were about since the start, opened or not. */
  instruments(): Iterable<InstrumentId> {
    return this.#books.keys();
  }

  /** Puts in a book that was rebuilt elsewhere. Where it does not say the last trade price, the digest tells it. */
  seed(snapshot: BookSnapshot): void {
    this.#replace(snapshot);
    const book = this.#books.get(snapshot.instrument)!;
    const market = this.#markets.get(snapshot.market);
    if (market?.lastTradePrice !== undefined || book.digest === "") return;
    const found = lastTradeBehind(book, this.#fieldsOf(book, snapshot.instrument));
    if (found !== undefined) this.#learnLastTrade(snapshot.market, found);
  }

  /** The book as it stands; undefined before its first snapshot and after its market was resolved. */
  snapshot(instrument: InstrumentId): BookSnapshot | undefined {
    const book = this.#books.get(instrument);
    if (!book?.opened) return undefined;
    const { market, ladder } = book;
    const fields = this.#fieldsOf(book, instrument);
    const { lastTradePrice, previousLastTradePrice, traded } = this.#markets.get(market) ?? {};
    const agreeing = [lastTradePrice, previousLastTradePrice].find(
      (price) => price !== undefined && bookDigest(ladder, { ...fields, lastTradePrice: price }) === book.digest,
    );
    // None agrees in the middle of a batch, whose messages carry the digest of its end; or else because the recording lacks
    // the trade that the digest knows of, and then the price is left out rather than said wrong.
    const known = agreeing === undefined && traded ? lastTradePrice : agreeing;
    return {
      kind: "book",
      ...fields,
      digest: book.digest || bookDigest(ladder, { ...fields, lastTradePrice: lastTradePrice ?? null }),
      bids: ladder.levels("bid"),
      asks: ladder.levels("ask"),
      ...(known === undefined ? {} : { lastTradePrice: known }),
    };
  }

  #fieldsOf({ market, sentAt, minOrderSize, tickSize, negRisk }: RecordedBook, instrument: InstrumentId) {
    const facts = this.#facts(market);
    return {
      market,
      instrument,
      sentAt,
      minOrderSize: minOrderSize ?? facts?.minOrderSize ?? USUAL_MIN_ORDER_SIZE,
      tickSize,
      negRisk: negRisk ?? facts?.negRisk ?? false,
    };
  }

  #replace(snapshot: BookSnapshot): void {
    const { instrument, market, tickSize, minOrderSize, negRisk, lastTradePrice } = snapshot;
    const book = this.#bookOf(instrument, market);
    if (minOrderSize !== undefined) book.minOrderSize = minOrderSize;
    if (negRisk !== undefined) book.negRisk = negRisk;
    if (lastTradePrice !== undefined) this.#learnLastTrade(market, lastTradePrice);
    if (tickSize !== undefined && isTick(tickSize) && tickSize !== book.tickSize) {
      book.tickSize = tickSize;
      book.ladder.regrid(tickSize);
    }
    book.ladder.replace(snapshot.bids.filter(isLevel), snapshot.asks.filter(isLevel));
    book.sentAt = snapshot.sentAt;
    book.digest = snapshot.digest;
    book.opened = true;
  }

  #learnLastTrade(id: MarketId, price: PriceMicros | null, traded = false): void {
    let market = this.#markets.get(id);
    if (!market) {
      market = { lastTradePrice: price, previousLastTradePrice: undefined, traded };
      this.#markets.set(id, market);
    }
    market.traded ||= traded;
    if (market.lastTradePrice !== price) {
      market.previousLastTradePrice = market.lastTradePrice;
      market.lastTradePrice = price;
    }
  }

  #bookOf(instrument: InstrumentId, market: MarketId): RecordedBook {
    const found = this.#books.get(instrument);
    if (found) return found;
    const book: RecordedBook = {
      market,
      ladder: new Ladder(USUAL_TICK),
      tickSize: USUAL_TICK,
      minOrderSize: undefined,
      negRisk: undefined,
      sentAt: 0 as UnixMicros,
      digest: "" as Digest,
      opened: false,
    };
    this.#books.set(instrument, book);
    return book;
  }
}

const TENTH_OF_A_CENT = 1_000;

/** The last trade price under which the book has its digest: books spell it with three decimals, so it is one of 1,002. */
function lastTradeBehind(
  { ladder, digest }: RecordedBook,
  fields: Omit<DigestFields, "lastTradePrice">,
): PriceMicros | null | undefined {
  const agrees = (price: PriceMicros | null) => bookDigest(ladder, { ...fields, lastTradePrice: price }) === digest;
  if (agrees(null)) return null;
  for (let price = 0; price <= ONE; price += TENTH_OF_A_CENT) {
    if (agrees(price as PriceMicros)) return price as PriceMicros;
  }
  return undefined;
}

function isLevel({ price, size }: Level): boolean {
  return Number.isSafeInteger(price) && price >= 0 && price <= ONE && Number.isSafeInteger(size) && size >= 0;
}

function isTick(size: number): boolean {
  return Number.isSafeInteger(size) && size > 0 && size < ONE;
}
