import type { ColumnReader, ColumnWriter } from "./column.ts";
import { fold, unfold } from "./column.ts";
import { RecentAmounts } from "./recent-amounts.ts";
import type { SlotBook } from "./slot-book.ts";

/*
 * One level change: where, and to what size.
 *
 * price   u8: folded distance × 2 + (side is not the one before); 255: the same in `far`, a varint. The distance is taken
 *         in slots from the change before it on the same side, else from the best level. The first change of an event
 *         counts as one after a bid.
 * size    u8, a token for the new size, seen from the old one at that level. "Amount" is the difference, in hundredths of
 *         a share: 0 level gone; 1 the amount of the change before; 2 that, negative; 3 the level's own last move, undone;
 *         4, 5 plus or minus whole shares (in `whole`); 6 a new size in whole shares (in `whole`); 7, 8 plus or minus
 *         shares (in `whole`) and hundredths (in `cents`); 9 a new size in micros (varint in `exact`); 20 + 2p and
 *         21 + 2p: plus or minus the recent amount at place p.
 * whole   u8 below 250 the number itself; 250..254: the number is 256 × (byte - 250) + the next byte of `high`; 255: 1,280
 *         + the varint in `high`.
 * cents   u8
 */

export const GONE = 0;
const SAME = 1;
const OPPOSITE = 2;
const UNDONE = 3;
const PLUS_WHOLE = 4;
const MINUS_WHOLE = 5;
const WHOLE = 6;
const PLUS = 7;
const MINUS = 8;
const EXACT = 9;
const RECENT = 20;

const HUNDREDTH = 10_000;
const FAR = 255;
const FIRST_HIGH = 250;
const HIGHEST = 255;
const HIGH_LIMIT = 1_280;

export interface ChangeColumns<Column> {
  readonly price: Column;
  readonly far: Column;
  readonly size: Column;
  readonly whole: Column;
  readonly high: Column;
  readonly cents: Column;
  readonly exact: Column;
}

export class ChangeWriter {
  readonly #columns: ChangeColumns<ColumnWriter>;
  readonly #recent = new RecentAmounts(true);
  #side = 0;
  #slot = -1;
  #amount = 0;

  constructor(columns: ChangeColumns<ColumnWriter>) {
    this.#columns = columns;
  }

  /** An event begins, or its changes go over to another instrument. */
  begin(): void {
    this.#side = 0;
    this.#slot = -1;
  }

  /** Writes the change and makes it. The slot is one of the book's. */
  write(book: SlotBook, side: 0 | 1, slot: number, size: number): void {
    const half = book.sides[side];
    const turned = side !== this.#side;
    const distance = turned || this.#slot < 0 ? fold(half.best - slot) : fold(slot - this.#slot);
    const token = distance * 2 + (turned ? 1 : 0);
    if (token < FAR) this.#columns.price.byte(token);
    else {
      this.#columns.price.byte(FAR);
      this.#columns.far.unsigned(token);
    }
    this.#side = side;
    this.#slot = slot;
    const old = half.sizes[slot] as number;
    half.moves[slot] = this.#writeSize(old, size, half.moves[slot] as number);
    half.put(slot, size);
  }

  /** Returns the amount; 0 where it is no whole number of hundredths. */
  #writeSize(old: number, size: number, moved: number): number {
    const { size: tokens, exact } = this.#columns;
    const amount = (size - old) / HUNDREDTH;
    const isWhole = size % HUNDREDTH === 0 && old % HUNDREDTH === 0;
    if (size === 0) tokens.byte(GONE);
    else if (!isWhole) {
      tokens.byte(EXACT);
      exact.unsigned(size);
      return 0;
    } else if (amount === this.#amount) tokens.byte(SAME);
    else if (amount === -this.#amount) tokens.byte(OPPOSITE);
    else if (moved !== 0 && amount === -moved) tokens.byte(UNDONE);
    else this.#writeAmount(amount, size);
    if (isWhole) this.#amount = amount;
    return isWhole ? amount : 0;
  }

  #writeAmount(amount: number, size: number): void {
    const { size: tokens, cents } = this.#columns;
    const magnitude = Math.abs(amount);
    const isMinus = amount < 0 ? 1 : 0;
    const place = this.#recent.placeOf(magnitude);
    if (place !== undefined) {
      tokens.byte(RECENT + place * 2 + isMinus);
      this.#recent.promote(place);
      return;
    }
    this.#recent.add(magnitude);
    if (magnitude % 100 === 0) {
      tokens.byte(PLUS_WHOLE + isMinus);
      this.#writeWhole(magnitude / 100);
    } else if (size % (HUNDREDTH * 100) === 0) {
      tokens.byte(WHOLE);
      this.#writeWhole(size / (HUNDREDTH * 100));
    } else {
      tokens.byte(PLUS + isMinus);
      this.#writeWhole(Math.floor(magnitude / 100));
      cents.byte(magnitude % 100);
    }
  }

  #writeWhole(shares: number): void {
    const { whole, high } = this.#columns;
    if (shares < FIRST_HIGH) whole.byte(shares);
    else if (shares < HIGH_LIMIT) {
      whole.byte(FIRST_HIGH + (shares >> 8));
      high.byte(shares & 0xff);
    } else {
      whole.byte(HIGHEST);
      high.unsigned(shares - HIGH_LIMIT);
    }
  }
}

/** Reads one change at a time into its fields, and makes it. */
export class ChangeReader {
  readonly #columns: ChangeColumns<ColumnReader>;
  readonly #recent = new RecentAmounts(false);
  #slotBefore = -1;
  #amount = 0;
  side: 0 | 1 = 0;
  slot = -1;
  size = 0;

  constructor(columns: ChangeColumns<ColumnReader>) {
    this.#columns = columns;
  }

  begin(): void {
    this.side = 0;
    this.#slotBefore = -1;
  }

  /** @throws RangeError where the change is none that a writer makes. */
  read(book: SlotBook): void {
    let token = this.#columns.price.byte();
    if (token === FAR) token = this.#columns.far.unsigned();
    const turned = token % 2 === 1;
    if (turned) this.side = this.side === 0 ? 1 : 0;
    const half = book.sides[this.side];
    const distance = unfold((token - (turned ? 1 : 0)) / 2);
    const slot = turned || this.#slotBefore < 0 ? half.best - distance : this.#slotBefore + distance;
    if (!(slot >= 0 && slot <= book.top)) throw new RangeError("damaged chunk: a price outside 0..1");
    this.slot = slot;
    this.#slotBefore = slot;
    const size = this.#readSize(half.sizes[slot] as number, half.moves, slot);
    if (!(size >= 0 && size <= Number.MAX_SAFE_INTEGER)) throw new RangeError("damaged chunk: an impossible size");
    this.size = size;
    half.put(slot, size);
  }

  #readSize(old: number, moves: Float64Array, slot: number): number {
    const token = this.#columns.size.byte();
    let amount: number;
    if (token >= RECENT) {
      const place = (token - RECENT) >> 1;
      amount = this.#recent.at(place);
      this.#recent.promote(place);
      if ((token & 1) === 1) amount = -amount;
    } else if (token === SAME) amount = this.#amount;
    else if (token === OPPOSITE) amount = -this.#amount;
    else if (token === UNDONE) amount = -(moves[slot] as number);
    else if (token === EXACT) {
      moves[slot] = 0;
      return this.#columns.exact.unsigned();
    } else if (token === GONE) {
      amount = old % HUNDREDTH === 0 ? -old / HUNDREDTH : 0;
      if (old % HUNDREDTH === 0) this.#amount = amount;
      moves[slot] = amount;
      return 0;
    } else amount = this.#readAmount(token, old);
    this.#amount = amount;
    moves[slot] = amount;
    return old + amount * HUNDREDTH;
  }

  #readAmount(token: number, old: number): number {
    const shares = this.#readWhole();
    let amount: number;
    if (token === PLUS_WHOLE) amount = shares * 100;
    else if (token === MINUS_WHOLE) amount = -shares * 100;
    else if (token === WHOLE) amount = shares * 100 - old / HUNDREDTH;
    else if (token === PLUS) amount = shares * 100 + this.#columns.cents.byte();
    else if (token === MINUS) amount = -shares * 100 - this.#columns.cents.byte();
    else throw new RangeError(`damaged chunk: unknown size token ${token}`);
    this.#recent.add(Math.abs(amount));
    return amount;
  }

  #readWhole(): number {
    const byte = this.#columns.whole.byte();
    if (byte < FIRST_HIGH) return byte;
    if (byte < HIGHEST) return 256 * (byte - FIRST_HIGH) + this.#columns.high.byte();
    return HIGH_LIMIT + this.#columns.high.unsigned();
  }
}
