import { ONE } from "#model";

/*
 * Numbers and levels as the venue's digest has them, written straight into bytes: a digest is wanted after almost every
 * change, and what it hashes must cost less to write than to hash. No strings are made, and arithmetic stays in 32 bits
 * wherever the value does: that is worth a factor of three.
 */

const ZERO = 48;
const POINT = 46;
const QUOTE = 34;
const INT32 = 0x7fff_ffff;

export const ascii = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

const BEFORE_PRICE = ascii('{"price":"');
const BEFORE_SIZE = ascii('","size":"');
/** The longest level: 25 bytes around the numbers, 8 of price, 17 of size. */
export const MAX_LEVEL_BYTES = 64;

/** Writes `{"price":"0.48","size":"219.217767"},` and returns where it ended. The caller has made room. */
export function writeLevel(into: Uint8Array, at: number, price: number, size: number): number {
  let end = writeBytes(into, at, BEFORE_PRICE);
  end = writeMicros(into, end, price);
  end = writeBytes(into, end, BEFORE_SIZE);
  end = writeMicros(into, end, size);
  into[end] = QUOTE;
  into[end + 1] = 125; // }
  into[end + 2] = 44; // ,
  return end + 3;
}

export function writeBytes(into: Uint8Array, at: number, bytes: Uint8Array): number {
  for (let index = 0; index < bytes.length; index++) into[at + index] = bytes[index] as number;
  return at + bytes.length;
}

/** The shortest plain decimal, as formatMicros makes it. */
export function writeMicros(into: Uint8Array, at: number, micros: number): number {
  const whole = Math.floor(micros / ONE);
  const end = writeWhole(into, at, whole);
  const fraction = (micros - whole * ONE) | 0;
  if (fraction === 0) return end;
  into[end] = POINT;
  const thousandths = (fraction / 1_000) | 0;
  let last = writeThree(into, end + 1, thousandths);
  const rest = fraction - thousandths * 1_000;
  if (rest !== 0) last = writeThree(into, last, rest);
  while (into[last - 1] === ZERO) last--;
  return last;
}

/** Three decimals, cut and not rounded: (480000) -> "0.480". */
export function writeThousandths(into: Uint8Array, at: number, micros: number): number {
  const whole = Math.floor(micros / ONE);
  const end = writeWhole(into, at, whole);
  into[end] = POINT;
  return writeThree(into, end + 1, ((micros - whole * ONE) / 1_000) | 0);
}

/** A whole number of at most 9e15. */
export function writeWhole(into: Uint8Array, at: number, whole: number): number {
  if (whole >= 1_000) {
    // Only above 32 bits does a division have to be one of doubles.
    const high = whole > INT32 ? Math.floor(whole / 1_000) : ((whole | 0) / 1_000) | 0;
    return writeThree(into, writeWhole(into, at, high), whole - high * 1_000);
  }
  const small = whole | 0;
  const tens = (small / 10) | 0;
  if (small < 10) {
    into[at] = ZERO + small;
    return at + 1;
  }
  if (small < 100) {
    into[at] = ZERO + tens;
    into[at + 1] = ZERO + small - tens * 10;
    return at + 2;
  }
  return writeThree(into, at, small);
}

/** All three digits of a number below 1,000. */
function writeThree(into: Uint8Array, at: number, number: number): number {
  const small = number | 0;
  const tens = (small / 10) | 0;
  const hundreds = (tens / 10) | 0;
  into[at] = ZERO + hundreds;
  into[at + 1] = ZERO + tens - hundreds * 10;
  into[at + 2] = ZERO + small - tens * 10;
  return at + 3;
}
