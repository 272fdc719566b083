const QUOTE = 34;
const BACKSLASH = 92;

const WORDS_IN_ROW = 10;
/** An id fits its row together with the quote after it: a token id has at most 78 digits, a condition id 66 characters. */
const LONGEST = WORDS_IN_ROW * 8 - 2;
/** The hash reads this far, so shorter ids (which the venue does not have) are left to JSON.parse. */
const SHORTEST = 12;
const FIRST_ROWS = 256;
const PLACES_PER_ROW = 4;
/** Ids come from outside: at this many (some 40 MB) all are forgotten and it begins anew. */
const MOST_IDS = 200_000;

/**
 * Ids met before, found by their bytes. A token id is 77 digits: making a string of it for each change would cost more
 * than the rest of the change, so equal ids come out as the one string that was made first.
 *
 * An open-addressed hash table of rows. A row holds the bytes of an id and the quote after it as 64-bit words; the last
 * word overlaps the one before, so that comparing words compares every byte and nothing else. The words are read as
 * doubles, the only 64-bit load there is without a BigInt: of eight ASCII bytes none makes a NaN or a zero, so two are
 * equal as numbers exactly where their bytes are.
 */
export class FastIds {
  #rows = new Float64Array(FIRST_ROWS * WORDS_IN_ROW);
  #lengths = new Uint8Array(FIRST_ROWS);
  #hashes = new Int32Array(FIRST_ROWS);
  /** Row + 1; 0 where free. */
  #places = new Int32Array(FIRST_ROWS * PLACES_PER_ROW);
  #texts: string[] = [];

  /** Row of the id from `at` to the next quote; -1 where no plain id stands there. Reads up to 80 bytes from `at`. */
  find(view: DataView, at: number): number {
    const hash = hashOf(view, at);
    const places = this.#places;
    const mask = places.length - 1;
    for (let place = hash & mask; ; place = (place + 1) & mask) {
      const row = places[place]! - 1;
      if (row < 0) return this.#add(view, at, hash);
      if (this.#matches(row, view, at)) return row;
    }
  }

  text(row: number): string {
    return this.#texts[row]!;
  }

  length(row: number): number {
    return this.#lengths[row]!;
  }

  #matches(row: number, view: DataView, at: number): boolean {
    const rows = this.#rows;
    const length = this.#lengths[row]!;
    let word = row * WORDS_IN_ROW;
    const last = word + ((length + 1) >> 3);
    for (let from = at; word < last; word++, from += 8) if (view.getFloat64(from, true) !== rows[word]) return false;
    return view.getFloat64(at + length - 7, true) === rows[last];
  }

  #add(view: DataView, at: number, hash: number): number {
    const codes: number[] = [];
    while (codes.length <= LONGEST && isPlain(view.getUint8(at + codes.length))) {
      codes.push(view.getUint8(at + codes.length));
    }
    const length = codes.length;
    if (length < SHORTEST || length > LONGEST || view.getUint8(at + length) !== QUOTE) return -1;
    if (this.#texts.length === MOST_IDS) this.#forget();
    if (this.#texts.length === this.#lengths.length) this.#grow();
    const row = this.#texts.length;
    const whole = (length + 1) >> 3;
    for (let word = 0; word < whole; word++) {
      this.#rows[row * WORDS_IN_ROW + word] = view.getFloat64(at + word * 8, true);
    }
    this.#rows[row * WORDS_IN_ROW + whole] = view.getFloat64(at + length - 7, true);
    this.#lengths[row] = length;
    this.#hashes[row] = hash;
    this.#texts.push(String.fromCharCode(...codes));
    this.#place(row);
    return row;
  }

  #place(row: number): void {
    const places = this.#places;
    const mask = places.length - 1;
    let place = this.#hashes[row]! & mask;
    while (places[place] !== 0) place = (place + 1) & mask;
    places[place] = row + 1;
  }

  #grow(): void {
    const count = this.#lengths.length * 2;
    const [rows, lengths, hashes] = [this.#rows, this.#lengths, this.#hashes];
    this.#rows = new Float64Array(count * WORDS_IN_ROW);
    this.#rows.set(rows);
    this.#lengths = new Uint8Array(count);
    this.#lengths.set(lengths);
    this.#hashes = new Int32Array(count);
    this.#hashes.set(hashes);
    this.#places = new Int32Array(count * PLACES_PER_ROW);
    for (let row = 0; row < this.#texts.length; row++) this.#place(row);
  }

  #forget(): void {
    this.#places.fill(0);
    this.#texts = [];
  }
}

/** Condition ids all begin "0x", so the first word is left out; the others are uniform digits. */
function hashOf(view: DataView, at: number): number {
  const mixed = Math.imul(view.getInt32(at + 4, true) ^ Math.imul(view.getInt32(at + 8, true), 0x9e3779b1), 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}

/** Printable ASCII that JSON writes as it is. */
function isPlain(byte: number): boolean {
  return byte > 32 && byte < 127 && byte !== QUOTE && byte !== BACKSLASH;
}
