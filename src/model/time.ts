import type { Brand } from "./numbers.ts";

/** Wall-clock time in microseconds since 1970-01-01T00:00Z, a safe integer. */
export type UnixMicros = Brand<number, "UnixMicros">;
/** Microseconds of a clock that never jumps, from an arbitrary start; only differences within one process mean anything. */
export type MonotonicMicros = Brand<number, "MonotonicMicros">;

export const MILLISECOND = 1_000;
export const SECOND = 1_000_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** Venue milliseconds (a number or decimal text) as micros; undefined where they are no time. */
export function fromMillis(millis: number | string): UnixMicros | undefined {
  const value = typeof millis === "number" ? millis : /^\d{1,16}$/.test(millis) ? Number(millis) : Number.NaN;
  const micros = Math.round(value * MILLISECOND);
  return Number.isSafeInteger(micros) && micros >= 0 ? (micros as UnixMicros) : undefined;
}

// Below these magnitudes a bare number is read as seconds, millis or micros: each covers the years 1973 to 5138.
const SECONDS_BELOW = 1e11;
const MILLIS_BELOW = 1e14;

/**
 * Reads a moment as people write it: ISO 8601 (UTC where no offset is given; up to 6 decimals of seconds), or Unix
 * seconds, milliseconds or microseconds, told apart by magnitude. Returns undefined where the text is none of these.
 */
export function parseTime(text: string): UnixMicros | undefined {
  const trimmed = text.trim();
  if (/^\d+(\.\d+)?$/.test(trimmed)) {
    const value = Number(trimmed);
    const scale = value < SECONDS_BELOW ? SECOND : value < MILLIS_BELOW ? MILLISECOND : 1;
    const micros = Math.round(value * scale);
    return Number.isSafeInteger(micros) ? (micros as UnixMicros) : undefined;
  }
  const iso =
    /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(?:\.(\d{1,9}))?(Z|[+-]\d{2}:?\d{2}|[+-]\d{2})?)?$/i.exec(
      trimmed,
    );
  if (!iso) return undefined;
  const [, date, clock = "00:00", fraction = "", zone = "Z"] = iso;
  const offset = /^[+-]\d{2}$/.test(zone) ? `${zone}:00` : zone;
  const millis = Date.parse(`${date}T${clock.length === 5 ? `${clock}:00` : clock}${offset}`);
  if (Number.isNaN(millis)) return undefined;
  return (millis * MILLISECOND + Number(fraction.padEnd(6, "0").slice(0, 6))) as UnixMicros;
}

/** ISO 8601 in UTC with microseconds: 2026-04-16T07:10:04.776089Z. Whole milliseconds are written with three decimals. */
export function formatTime(at: UnixMicros): string {
  const millis = Math.floor(at / MILLISECOND);
  const rest = at - millis * MILLISECOND;
  const text = new Date(millis).toISOString();
  return rest === 0 ? text : `${text.slice(0, -1)}${String(rest).padStart(3, "0")}Z`;
}
