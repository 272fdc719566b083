import type { UnixMicros } from "#model";

/*
 * A record of hftbacktest's feed, version 2: 64 bytes, little-endian. Source: hftbacktest/types.py.
 *    0 u64 ev: event and flags   8 i64 exch_ts   16 i64 local_ts, both Unix nanoseconds
 *   24 f64 px    32 f64 qty     40 u64 order_id  48 i64 ival   56 f64 fval, all zero here
 */

export const DEPTH_EVENT = 1;
export const TRADE_EVENT = 2;
export const DEPTH_CLEAR_EVENT = 3;
export const DEPTH_SNAPSHOT_EVENT = 4;
/** Bits of `ev`: for the exchange at exch_ts, for us at local_ts; bid side or buying taker, ask side or selling taker. */
export const EXCH = 0x8000_0000;
export const LOCAL = 0x4000_0000;
export const BUY = 0x2000_0000;
export const SELL = 0x1000_0000;

export const RECORD_BYTES = 64;
export const RECORD_DTYPE =
  "[('ev', '<u8'), ('exch_ts', '<i8'), ('local_ts', '<i8'), ('px', '<f8'), ('qty', '<f8'), ('order_id', '<u8'), ('ival', '<i8'), ('fval', '<f8')]";

export interface HftEvent {
  /** Event and side; EXCH and LOCAL come when the order is known. */
  readonly event: number;
  readonly exchAt: UnixMicros;
  readonly localAt: UnixMicros;
  readonly price: number;
  readonly quantity: number;
}

const NANOS = 1_000n;

/** Writes a record. Bits are put together by addition: `|` would make the 32nd one a sign. */
export function putRecord(
  into: DataView,
  at: number,
  { event, exchAt, localAt, price, quantity }: HftEvent,
  flags: number,
): void {
  into.setUint32(at, event + flags, true);
  into.setUint32(at + 4, 0, true);
  into.setBigInt64(at + 8, BigInt(exchAt) * NANOS, true);
  into.setBigInt64(at + 16, BigInt(localAt) * NANOS, true);
  into.setFloat64(at + 24, price, true);
  into.setFloat64(at + 32, quantity, true);
  for (let field = 40; field < RECORD_BYTES; field += 8) into.setFloat64(at + field, 0, true);
}
