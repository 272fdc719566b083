import { formatFixed, formatMicros, MILLISECOND, type PriceMicros, type UnixMicros } from "#model";

/*
 * Two serialisers are at work on the venue: opening dumps and HTTP answers are compact, updates have a space after each
 * comma and none after the colon. Source: recorded frames of 2026-04, byte for byte.
 */

/** A value that JSON can hold; members that are undefined are left out. */
export type Json = string | number | boolean | null | undefined | readonly Json[] | { readonly [key: string]: Json };

export function utf8(text: string): Uint8Array {
  return Buffer.from(text, "utf8");
}

/** JSON with a space after each comma: the update frames' spelling. */
export function spacedJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(spacedJson).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value ?? null);
  const members: string[] = [];
  for (const [key, member] of Object.entries(value)) {
    if (member !== undefined) members.push(`${JSON.stringify(key)}:${spacedJson(member)}`);
  }
  return `{${members.join(", ")}}`;
}

/** Venue time: whole milliseconds, as text. */
export function millisText(at: UnixMicros): string {
  return String(millisOf(at));
}

export function millisOf(at: UnixMicros): number {
  return Math.floor(at / MILLISECOND);
}

// Nearly all prices are whole tenths of a cent: a table is several times as fast as formatting, and a book has 100 of them.
const TENTH_OF_A_CENT = 1_000;
const TENTHS = Array.from({ length: 1_001 }, (_, index) => formatMicros(index * TENTH_OF_A_CENT));

/** An outcome price in its shortest form, "0.48". */
export function priceText(price: PriceMicros): string {
  return (price % TENTH_OF_A_CENT === 0 ? TENTHS[price / TENTH_OF_A_CENT] : undefined) ?? formatMicros(price);
}

/** The last trade price as books spell it: three decimals, "" before the first trade. How finer prices look is not known. */
export function lastTradeText(price: PriceMicros | null): string {
  if (price === null) return "";
  return price % TENTH_OF_A_CENT === 0 ? formatFixed(price, 3) : formatMicros(price);
}
