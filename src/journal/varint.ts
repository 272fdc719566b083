// Variable-length integers, low bits first, bit 7 set where another byte follows. Numbers reach 2^53, so anything above
// 31 bits is split by division; shifts are for the common small ones.

const SMALL = 0x7fff_ffff;

/** A growing byte buffer. `bytes` past `length` is scratch. */
export class ByteWriter {
  bytes: Uint8Array<ArrayBuffer>;
  length = 0;

  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity);
  }

  reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  append(source: Uint8Array): void {
    this.reserve(source.length);
    this.bytes.set(source, this.length);
    this.length += source.length;
  }

  /** A non-negative safe integer. */
  unsigned(value: number): void {
    this.reserve(8);
    this.#groups(value);
  }

  /** A safe integer: the sign is bit 0 of the first byte, bits 1 to 6 the lowest six of the magnitude. */
  signed(value: number): void {
    this.reserve(9);
    const sign = value < 0 ? 1 : 0;
    const magnitude = Math.abs(value);
    const low = magnitude <= SMALL ? magnitude & 0x3f : magnitude % 64;
    const rest = magnitude <= SMALL ? magnitude >>> 6 : Math.floor(magnitude / 64);
    this.bytes[this.length++] = sign | (low << 1) | (rest > 0 ? 0x80 : 0);
    if (rest > 0) this.#groups(rest);
  }

  #groups(value: number): void {
    let rest = value;
    while (rest > SMALL) {
      this.bytes[this.length++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest > 0x7f) {
      this.bytes[this.length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.bytes[this.length++] = rest;
  }
}

/** @throws RangeError where the bytes end early or a number leaves the safe integers. */
export class ByteReader {
  readonly bytes: Uint8Array;
  position: number;
  readonly end: number;

  constructor(bytes: Uint8Array, from: number, to: number) {
    this.bytes = bytes;
    this.position = from;
    this.end = to;
  }

  unsigned(): number {
    const first = this.#byte();
    return first < 0x80 ? first : this.#rest(first & 0x7f, 128);
  }

  signed(): number {
    const first = this.#byte();
    const low = (first >> 1) & 0x3f;
    const magnitude = first < 0x80 ? low : this.#rest(low, 64);
    return first & 1 ? -magnitude : magnitude;
  }

  take(length: number): Uint8Array {
    if (length > this.end - this.position) throw new RangeError("bytes end early");
    this.position += length;
    return this.bytes.subarray(this.position - length, this.position);
  }

  #rest(low: number, firstScale: number): number {
    let value = low;
    let scale = firstScale;
    for (;;) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (value > Number.MAX_SAFE_INTEGER) throw new RangeError("number leaves the safe integers");
      if (byte < 0x80) return value;
      scale *= 128;
    }
  }

  #byte(): number {
    if (this.position >= this.end) throw new RangeError("bytes end early");
    return this.bytes[this.position++]!;
  }
}
