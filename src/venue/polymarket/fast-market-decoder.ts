import type {
  BookSnapshot,
  Digest,
  InstrumentId,
  Level,
  LevelChange,
  MarketId,
  PriceChange,
  PriceMicros,
  Side,
  SizeMicros,
  UnixMicros,
} from "#model";
import { MILLISECOND, ONE } from "#model";
import { InternedIds } from "./interning.ts";
import { type Literal, matches, SPACINGS } from "./literals.ts";
import { bestFirst } from "./market-messages.ts";

/*
 * A byte scanner for the two messages that make up nearly all of the traffic, in the key order the venue writes:
 *
 *   {"market":"0x…", "price_changes":[{"asset_id":"…", "price":"0.27", "size":"200", "side":"BUY", "hash":"…40…",
 *    "best_bid":"0.27", "best_ask":"0.28"}, {…}], "timestamp":"1757908892351", "event_type":"price_change"}
 *   {"market":"0x…", "asset_id":"…", "bids":[{"price":"0.01", "size":"5"}, …], "asks":[…], "hash":"…40…",
 *    "timestamp":"…", "event_type":"book"}
 *
 * with a space or none after each comma and each colon (one choice a message). Whatever else it meets (another order,
 * an escape, a number it cannot read exactly) it gives up, and JSON.parse decides: both paths give the same events.
 */

const QUOTE = 34;
const COMMA = 44;
const POINT = 46;
const ZERO = 48;
const SPACE = 32;
const CLOSE = 93;
const BUY = 66;
const SELL = 83;
const FAILED = -1;
const DIGEST_LENGTH = 40;
const MOST_TIME_DIGITS = 15;

export class FastMarketDecoder {
  readonly #ids = new InternedIds();
  #view: DataView = new DataView(new ArrayBuffer(0));
  #bytes: Uint8Array = new Uint8Array(0);
  /** Where the scan stands, in #bytes. */
  #at = 0;
  #spacing = SPACINGS[0]!;

  /** The event, or undefined where JSON.parse has to decide. */
  decode(frame: Uint8Array): PriceChange | BookSnapshot | undefined {
    // A frame is a view into the socket's buffer; scanning the whole buffer from its offset saves a DataView a frame.
    const { buffer, byteOffset, length } = frame;
    if (this.#view.buffer !== buffer || this.#view.byteLength < byteOffset + length) {
      this.#view = new DataView(buffer);
      this.#bytes = new Uint8Array(buffer);
    }
    const end = byteOffset + length;
    const event = this.#scan(byteOffset, end);
    return event !== undefined && this.#at === end ? event : undefined;
  }

  #scan(start: number, end: number): PriceChange | BookSnapshot | undefined {
    if (end - start < 200) return undefined;
    const bytes = this.#bytes;
    const colonGap = bytes[start + 10] === SPACE ? 1 : 0;
    this.#at = start;
    if (!this.#take(SPACINGS[colonGap]!.market)) return undefined;
    const market = this.#id();
    if (market === undefined) return undefined;
    const commaGap = bytes[this.#at + 2] === SPACE ? 2 : 0;
    this.#spacing = SPACINGS[colonGap + commaGap]!;
    if (this.#take(this.#spacing.priceChanges)) return this.#priceChange(market as MarketId);
    if (this.#take(this.#spacing.assetIdOfBook)) return this.#book(market as MarketId);
    return undefined;
  }

  #priceChange(market: MarketId): PriceChange | undefined {
    const spacing = this.#spacing;
    const changes: LevelChange[] = [];
    do {
      const change = this.#change();
      if (change === undefined) return undefined;
      changes.push(change);
    } while (this.#take(spacing.nextChange));
    if (!this.#take(spacing.timestampAfterChanges)) return undefined;
    const sentAt = this.#time();
    if (sentAt === FAILED || !this.#take(spacing.endOfPriceChange)) return undefined;
    return { kind: "price_change", market, sentAt: sentAt as UnixMicros, changes };
  }

  #change(): LevelChange | undefined {
    const spacing = this.#spacing;
    const instrument = this.#id() as InstrumentId | undefined;
    if (instrument === undefined || !this.#take(spacing.price)) return undefined;
    const price = this.#decimal();
    if (price === FAILED || price > ONE || !this.#take(spacing.size)) return undefined;
    const size = this.#decimal();
    if (size === FAILED || !this.#take(spacing.side)) return undefined;
    const side = this.#side();
    if (side === undefined || !this.#take(spacing.hash)) return undefined;
    const digest = this.#digest();
    if (digest === undefined || !this.#take(spacing.bestBid)) return undefined;
    const bestBid = this.#best();
    if (bestBid === FAILED || !this.#take(spacing.bestAsk)) return undefined;
    const bestAsk = this.#best();
    if (bestAsk === FAILED) return undefined;
    return {
      instrument,
      side,
      price: price as PriceMicros,
      size: size as SizeMicros,
      digest,
      bestBid: bestBid === 0 ? null : (bestBid as PriceMicros),
      bestAsk: bestAsk === 0 || bestAsk === ONE ? null : (bestAsk as PriceMicros),
    };
  }

  #book(market: MarketId): BookSnapshot | undefined {
    const spacing = this.#spacing;
    const instrument = this.#id() as InstrumentId | undefined;
    if (instrument === undefined || !this.#take(spacing.bids)) return undefined;
    const bids = this.#levels("bid");
    if (bids === undefined || !this.#take(spacing.asks)) return undefined;
    const asks = this.#levels("ask");
    if (asks === undefined || !this.#take(spacing.hashAfterLevels)) return undefined;
    const digest = this.#digest();
    if (digest === undefined || !this.#take(spacing.timestampAfterHash)) return undefined;
    const sentAt = this.#time();
    if (sentAt === FAILED || !this.#take(spacing.endOfBook)) return undefined;
    return { kind: "book", market, instrument, sentAt: sentAt as UnixMicros, digest, bids, asks };
  }

  /** From behind the opening bracket to behind the closing one. */
  #levels(side: Side): readonly Level[] | undefined {
    const spacing = this.#spacing;
    const levels: Level[] = [];
    if (this.#bytes[this.#at] === CLOSE) {
      this.#at++;
      return levels;
    }
    do {
      if (!this.#take(spacing.levelPrice)) return undefined;
      const price = this.#decimal();
      if (price === FAILED || price > ONE || !this.#take(spacing.size)) return undefined;
      const size = this.#decimal();
      if (size === FAILED || !this.#take(spacing.endOfLevel)) return undefined;
      levels.push({ price: price as PriceMicros, size: size as SizeMicros });
    } while (this.#takeComma());
    if (this.#bytes[this.#at++] !== CLOSE) return undefined;
    return bestFirst(levels, side);
  }

  #take(literal: Literal): boolean {
    if (!matches(literal, this.#view, this.#bytes, this.#at)) return false;
    this.#at += literal.length;
    return true;
  }

  #takeComma(): boolean {
    if (this.#bytes[this.#at] !== COMMA) return false;
    this.#at += 1 + this.#spacing.commaGap;
    return true;
  }

  #id(): string | undefined {
    const id = this.#ids.find(this.#view, this.#bytes, this.#at);
    if (id === undefined) return undefined;
    this.#at += id.length;
    return id.text;
  }

  /** A decimal up to its closing quote, in micros. Integers all the way: 15 digits are exact. */
  #decimal(): number {
    const bytes = this.#bytes;
    let at = this.#at;
    let value = 0;
    let digits = 0;
    let byte = bytes[at] as number;
    for (; byte >= ZERO && byte <= 57; byte = bytes[++at] as number) {
      value = value * 10 + (byte - ZERO);
      digits++;
    }
    let decimals = 0;
    if (byte === POINT) {
      byte = bytes[++at] as number;
      for (; byte >= ZERO && byte <= 57; byte = bytes[++at] as number) {
        value = value * 10 + (byte - ZERO);
        decimals++;
      }
    }
    digits += decimals;
    if (byte !== QUOTE || digits === 0 || digits > 15 || decimals > 6) return FAILED;
    this.#at = at;
    const micros = value * (POWERS[6 - decimals] as number);
    return micros <= Number.MAX_SAFE_INTEGER ? micros : FAILED;
  }

  /** A best price; 0 where the text is empty. */
  #best(): number {
    if (this.#bytes[this.#at] === QUOTE) return 0;
    const price = this.#decimal();
    return price > ONE ? FAILED : price;
  }

  #side(): Side | undefined {
    const bytes = this.#bytes;
    const at = this.#at;
    if (bytes[at] === BUY && bytes[at + 1] === 85 && bytes[at + 2] === 89) {
      this.#at = at + 3;
      return "bid";
    }
    if (bytes[at] === SELL && bytes[at + 1] === 69 && bytes[at + 2] === 76 && bytes[at + 3] === 76) {
      this.#at = at + 4;
      return "ask";
    }
    return undefined;
  }

  #digest(): Digest | undefined {
    const view = this.#view;
    const at = this.#at;
    if (at + DIGEST_LENGTH >= this.#bytes.length) return undefined;
    for (let from = at; from < at + DIGEST_LENGTH; from += 4) if (!isPlainWord(view.getInt32(from))) return undefined;
    this.#at = at + DIGEST_LENGTH;
    return latin1(this.#bytes, at, at + DIGEST_LENGTH) as Digest;
  }

  /** Unix milliseconds up to the closing quote, in micros. */
  #time(): number {
    const bytes = this.#bytes;
    let at = this.#at;
    let millis = 0;
    for (let byte = bytes[at] as number; byte >= ZERO && byte <= 57; byte = bytes[++at] as number) {
      millis = millis * 10 + (byte - ZERO);
    }
    if (bytes[at] !== QUOTE || at === this.#at || at - this.#at > MOST_TIME_DIGITS) return FAILED;
    this.#at = at;
    const micros = millis * MILLISECOND;
    return micros <= Number.MAX_SAFE_INTEGER ? micros : FAILED;
  }
}

const POWERS = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000] as const;

/** No control character, quote, backslash or non-ASCII among the word's four bytes; all in parallel. May also refuse sound ones. */
function isPlainWord(word: number): boolean {
  const below48 = (word - 0x30303030) | word;
  const escaped = word ^ 0x5c5c5c5c;
  const hasBackslash = (escaped - 0x01010101) & ~escaped;
  return ((below48 | hasBackslash) & 0x80808080) === 0;
}

function latin1(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.prototype.latin1Slice.call(bytes, from, to);
}
