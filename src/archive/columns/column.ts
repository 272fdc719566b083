/*
 * A column is a run of bytes that is written and read front to back. Integers are varints: low seven bits first, bit 7 set
 * where another byte follows. Signed ones are folded (0, -1, 1, -2, … become 0, 1, 2, 3, …). Numbers reach 2^53, so what
 * is above 31 bits goes by division.
 */

const SMALL = 0x7fff_ffff;
const utf8 = new TextEncoder();
const text = new TextDecoder();

/** Signed to unsigned: small magnitudes stay small. */
export function fold(value: number): number {
  return value < 0 ? -value * 2 - 1 : value * 2;
}

export function unfold(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

export class ColumnWriter {
  #bytes = new Uint8Array(256);
  length = 0;

  byte(value: number): void {
    if (this.length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.length++] = value;
  }

  /** @throws RangeError where the value is no safe non-negative integer: it could not be read back. */
  unsigned(value: number): void {
    if (!(Number.isSafeInteger(value) && value >= 0)) throw new RangeError(`a column cannot hold ${value}`);
    if (this.length + 8 > this.#bytes.length) this.#grow(8);
    const bytes = this.#bytes;
    let rest = value;
    while (rest > SMALL) {
      bytes[this.length++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest > 0x7f) {
      bytes[this.length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[this.length++] = rest;
  }

  /** @throws RangeError beyond 2^52 in magnitude. */
  signed(value: number): void {
    this.unsigned(fold(value));
  }

  append(source: Uint8Array): void {
    if (this.length + source.length > this.#bytes.length) this.#grow(source.length);
    this.#bytes.set(source, this.length);
    this.length += source.length;
  }

  /** Length in bytes, then UTF-8. */
  text(value: string): void {
    const bytes = utf8.encode(value);
    this.unsigned(bytes.length);
    this.append(bytes);
  }

  /** What was written; valid until the next write. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  #grow(more: number): void {
    const grown = new Uint8Array(Math.max(this.length + more, this.#bytes.length * 2));
    grown.set(this.written);
    this.#bytes = grown;
  }
}

/** Every read throws a RangeError where the column ends early. */
export class ColumnReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#end = bytes.length;
  }

  /** Bytes read so far. */
  get position(): number {
    return this.#at;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#end;
  }

  byte(): number {
    if (this.#at >= this.#end) throw endsEarly();
    return this.#bytes[this.#at++] as number;
  }

  unsigned(): number {
    if (this.#at >= this.#end) throw endsEarly();
    const first = this.#bytes[this.#at++] as number;
    return first < 0x80 ? first : this.#rest(first & 0x7f);
  }

  signed(): number {
    return unfold(this.unsigned());
  }

  take(length: number): Uint8Array {
    if (length > this.#end - this.#at) throw endsEarly();
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  text(): string {
    return text.decode(this.take(this.unsigned()));
  }

  /** What is left, whole. */
  rest(): Uint8Array {
    return this.take(this.#end - this.#at);
  }

  #rest(low: number): number {
    let value = low;
    let scale = 128;
    for (;;) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (value > Number.MAX_SAFE_INTEGER) throw new RangeError("damaged chunk: a number leaves the safe integers");
      if (byte < 0x80) return value;
      scale *= 128;
    }
  }
}

function endsEarly(): RangeError {
  return new RangeError("damaged chunk: a column ends early");
}
