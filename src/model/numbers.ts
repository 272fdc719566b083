/** A number or string that carries its meaning in its type; the tag exists only while compiling. */
export type Brand<T, Name extends string> = T & { readonly [tag]: Name };
declare const tag: unique symbol;

/** A price in millionths of a dollar, a safe integer. Outcome prices lie in [0, 1_000_000]; reference prices are larger. */
export type PriceMicros = Brand<number, "PriceMicros">;
/** A number of shares in millionths, a safe integer. */
export type SizeMicros = Brand<number, "SizeMicros">;
/** Money in millionths of a dollar, a safe integer. */
export type CashMicros = Brand<number, "CashMicros">;

/** One whole unit (a dollar, a share) in micros. */
export const ONE = 1_000_000;

const ZERO = 48;
const POINT = 46;

/**
 * Parses a plain decimal ("0.48", ".48", "5", "219.217767") into micros.
 * Returns undefined where the text is no such number, is negative, has digits beyond the sixth decimal other than
 * zeros, or leaves the safe integers: a silent rounding would break the digest of the book it belongs to.
 */
export function parseMicros(text: string): number | undefined {
  let whole = 0;
  let fraction = 0;
  let scale = ONE;
  let index = 0;
  let digits = 0;
  for (; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === POINT) break;
    const digit = code - ZERO;
    if (digit < 0 || digit > 9) return undefined;
    whole = whole * 10 + digit;
    digits++;
  }
  for (index++; index < text.length; index++) {
    const digit = text.charCodeAt(index) - ZERO;
    if (digit < 0 || digit > 9) return undefined;
    digits++;
    if (scale > 1) {
      scale /= 10;
      fraction += digit * scale;
    } else if (digit !== 0) return undefined;
  }
  const micros = whole * ONE + fraction;
  return digits > 0 && Number.isSafeInteger(micros) ? micros : undefined;
}

export function parsePrice(text: string): PriceMicros | undefined {
  return parseMicros(text) as PriceMicros | undefined;
}

export function parseSize(text: string): SizeMicros | undefined {
  return parseMicros(text) as SizeMicros | undefined;
}

/** Micros as the shortest plain decimal: 480000 -> "0.48", 5000000 -> "5". The venue writes prices and sizes this way. */
export function formatMicros(micros: number): string {
  const sign = micros < 0 ? "-" : "";
  const magnitude = Math.abs(micros);
  const whole = Math.floor(magnitude / ONE);
  let fraction = magnitude - whole * ONE;
  if (fraction === 0) return `${sign}${whole}`;
  let width = 6;
  while (fraction % 10 === 0) {
    fraction /= 10;
    width--;
  }
  return `${sign}${whole}.${String(fraction).padStart(width, "0")}`;
}

/** Micros with a fixed number of decimals (at most 6), cut and not rounded: (480000, 3) -> "0.480". */
export function formatFixed(micros: number, decimals: number): string {
  const sign = micros < 0 ? "-" : "";
  const magnitude = Math.abs(micros);
  const whole = Math.floor(magnitude / ONE);
  const fraction = String(magnitude - whole * ONE).padStart(6, "0");
  return decimals === 0 ? `${sign}${whole}` : `${sign}${whole}.${fraction.slice(0, decimals)}`;
}

/** Where an amount that is no whole number of micros goes. Nobody but the caller knows whom a rounding may favour. */
export type Rounding = "down" | "up" | "nearest";

/**
 * price x size in cash, exactly. The plain product leaves the safe integers at 9,007 shares at $1, so the size is split
 * into whole shares and the rest; no intermediate value exceeds 1e15.
 * @throws RangeError where the arguments are no safe non-negative integers or the result would not be one.
 */
export function notional(price: PriceMicros, size: SizeMicros, rounding: Rounding): CashMicros {
  if (!(Number.isSafeInteger(price) && Number.isSafeInteger(size)) || price < 0 || size < 0) {
    throw new RangeError(`notional needs non-negative safe integers, got price ${price}, size ${size}`);
  }
  const wholeShares = Math.floor(size / ONE);
  const rest = size - wholeShares * ONE;
  const wholeDollars = Math.floor(price / ONE);
  const cents = price - wholeDollars * ONE;
  // price * rest = wholeDollars * rest (whole micros) + cents * rest (micros of micros, below 1e12)
  const fine = cents * rest;
  const fineWhole = Math.floor(fine / ONE);
  const remainder = fine - fineWhole * ONE;
  const carry = rounding === "up" ? remainder > 0 : rounding === "nearest" && remainder * 2 >= ONE;
  const cash = price * wholeShares + wholeDollars * rest + fineWhole + (carry ? 1 : 0);
  if (!Number.isSafeInteger(cash)) throw new RangeError(`notional of ${price} x ${size} leaves the safe integers`);
  return cash as CashMicros;
}
