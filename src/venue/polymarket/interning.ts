/**
 * Ids met before, found by their bytes: a token id is 77 digits, and making a string of it for each change would cost
 * more than the rest of the change. Equal ids come out as the same string.
 */
export class InternedIds {
  readonly #byHash = new Map<number, InternedId>();
  #count = 0;

  /** The id whose bytes begin at `at` and end before a quote; undefined where they are no plain id. */
  find(view: DataView, bytes: Uint8Array, at: number): InternedId | undefined {
    const hash = hashOf(view, at, bytes.length);
    for (let entry = this.#byHash.get(hash); entry; entry = entry.next) {
      if (entry.matches(view, bytes, at)) return entry;
    }
    return this.#add(hash, bytes, at);
  }

  #add(hash: number, bytes: Uint8Array, at: number): InternedId | undefined {
    let end = at;
    while (end < bytes.length && isPlain(bytes[end] as number)) end++;
    if (bytes[end] !== QUOTE || end - at < MIN_LENGTH) return undefined;
    // Ids come from outside: a stream of made-up ones must not grow this for ever.
    if (this.#count >= MOST_IDS) {
      this.#byHash.clear();
      this.#count = 0;
    }
    const entry = new InternedId(bytes.slice(at, end), this.#byHash.get(hash));
    this.#byHash.set(hash, entry);
    this.#count++;
    return entry;
  }
}

class InternedId {
  readonly text: string;
  readonly length: number;
  readonly next: InternedId | undefined;
  readonly #words: Int32Array;
  readonly #rest: Uint8Array;

  constructor(bytes: Uint8Array, next: InternedId | undefined) {
    this.text = String.fromCharCode(...bytes);
    this.length = bytes.length;
    this.next = next;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#words = Int32Array.from({ length: bytes.length >> 2 }, (_, index) => view.getInt32(index * 4));
    this.#rest = bytes.subarray(this.#words.length * 4);
  }

  /** True where exactly this id and then a quote stand at `at`. */
  matches(view: DataView, bytes: Uint8Array, at: number): boolean {
    if (bytes[at + this.length] !== QUOTE) return false;
    const words = this.#words;
    let from = at;
    for (let index = 0; index < words.length; index++, from += 4)
      if (view.getInt32(from) !== words[index]) return false;
    const rest = this.#rest;
    for (let index = 0; index < rest.length; index++) if (bytes[from + index] !== rest[index]) return false;
    return true;
  }
}

const QUOTE = 34;
const BACKSLASH = 92;
const MOST_IDS = 200_000;
/** Shorter ids (tests have them) are left to the slow path, so that the hash may read its words unchecked. */
const MIN_LENGTH = 24;

function hashOf(view: DataView, at: number, length: number): number {
  if (at + MIN_LENGTH > length) return 0;
  // Condition ids share "0x", so the first word is left out. Token ids are uniform digits.
  return view.getInt32(at + 4) ^ (view.getInt32(at + 12) << 3) ^ (view.getInt32(at + 20) << 7);
}

function isPlain(byte: number): boolean {
  return byte > 32 && byte < 127 && byte !== QUOTE && byte !== BACKSLASH;
}
