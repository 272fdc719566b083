import type {
  Digest,
  ExactPrice,
  Fault,
  FaultReason,
  InstrumentId,
  MarketId,
  PriceMicros,
  SizeMicros,
  UnixMicros,
} from "#model";
import { fromMillis, ONE, parsePrice, parseSize } from "#model";

/** A JSON object whose members nobody has vouched for. */
export type Members = Readonly<Record<string, unknown>>;

export function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What a message decoder throws and the frame decoder turns into a Fault; it never leaves this room. */
export class Unreadable extends Error {
  readonly reason: FaultReason;

  constructor(reason: FaultReason, detail: string) {
    super(detail);
    this.reason = reason;
  }
}

export function faultOf(error: unknown): Fault {
  if (error instanceof Unreadable) return { kind: "fault", reason: error.reason, detail: error.message };
  throw error;
}

export function text(from: Members, key: string): string {
  const value = from[key];
  if (typeof value === "string") return value;
  throw new Unreadable("bad_shape", `${key} is ${describe(value)}, expected text`);
}

export function optionalText(from: Members, key: string): string | undefined {
  const value = from[key];
  return typeof value === "string" && value !== "" ? value : undefined;
}

export function list(from: Members, key: string): readonly unknown[] {
  const value = from[key];
  if (Array.isArray(value)) return value;
  throw new Unreadable("bad_shape", `${key} is ${describe(value)}, expected a list`);
}

export function marketId(from: Members): MarketId {
  return text(from, "market") as MarketId;
}

export function instrumentId(from: Members): InstrumentId {
  return text(from, "asset_id") as InstrumentId;
}

export function digest(from: Members): Digest {
  const value = from.hash;
  return (typeof value === "string" ? value : "") as Digest;
}

/** Venue time: Unix milliseconds as text on the market channel, as a number elsewhere. */
export function venueTime(from: Members, key = "timestamp"): UnixMicros {
  const value = from[key];
  const at = typeof value === "string" || typeof value === "number" ? fromMillis(value) : undefined;
  if (at !== undefined) return at;
  throw new Unreadable("bad_number", `${key} is ${describe(value)}, expected Unix milliseconds`);
}

/** An outcome price in 0..1 dollar. */
export function outcomePrice(value: unknown, key: string): PriceMicros {
  const price = typeof value === "string" ? parsePrice(value) : undefined;
  if (price !== undefined && price <= ONE) return price;
  throw new Unreadable("bad_number", `${key} is ${describe(value)}, expected a price from 0 to 1`);
}

export function shares(value: unknown, key: string): SizeMicros {
  const size = typeof value === "string" ? parseSize(value) : undefined;
  if (size !== undefined) return size;
  throw new Unreadable("bad_number", `${key} is ${describe(value)}, expected a size`);
}

/** "", "0" (and for asks "1") say that a side is empty; an absent member says nothing. */
export function bestPrice(from: Members, key: "best_bid" | "best_ask"): PriceMicros | null | undefined {
  const value = from[key];
  if (value === undefined || value === null) return undefined;
  if (value === "") return null;
  const price = outcomePrice(value, key);
  return price === 0 || (key === "best_ask" && price === ONE) ? null : price;
}

/**
 * A reference price in dollars, a JSON number or decimal text, with all its digits; micros are cut, not rounded. JSON
 * numbers keep 17 digits, more than the venue sends.
 */
export function exactPrice(value: unknown, key: string): ExactPrice {
  const exact = typeof value === "number" ? String(value) : value;
  // Up to nine digits before the point stay within the safe integers as micros.
  const parts = typeof exact === "string" ? /^(\d{1,9})(?:\.(\d+))?$/.exec(exact) : null;
  if (!parts) throw new Unreadable("bad_number", `${key} is ${describe(value)}, expected a price`);
  const micros = Number(parts[1]) * ONE + Number((parts[2] ?? "").padEnd(6, "0").slice(0, 6));
  return { price: micros as PriceMicros, exact: parts[0] };
}

/** A JSON number, or one as text; NaN for everything else. */
export function numberOf(value: unknown): number {
  return typeof value === "number" || (typeof value === "string" && value !== "") ? Number(value) : Number.NaN;
}

/** For a fault's detail: never more than a line, and no walk into a value of any depth. */
export function describe(value: unknown): string {
  switch (typeof value) {
    case "undefined":
      return "missing";
    case "string":
      return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
    case "object":
      return value === null ? "null" : Array.isArray(value) ? "a list" : "an object";
    default:
      return String(value);
  }
}
