import type { Digest, InstrumentId, MarketId } from "#model";
import type { ColumnReader, ColumnWriter } from "./column.ts";

/*
 * Ids and digests as bytes: a condition is 0x and 64 hex digits, a token a decimal number below 2^256. The first byte says
 * how: 0 text, 1 hex of 32 bytes behind 0x, 2 decimal of 32 bytes.
 */

const TEXT = 0;
const HEX = 1;
const DECIMAL = 2;
const CONDITION = /^0x[0-9a-f]{64}$/;
const TOKEN = /^(0|[1-9]\d{0,77})$/;
const DIGEST = /^[0-9a-f]{40}$/;
const ID_BYTES = 32;
export const DIGEST_BYTES = 20;

export function writeId(column: ColumnWriter, id: MarketId | InstrumentId): void {
  if (CONDITION.test(id)) {
    column.byte(HEX);
    column.append(Buffer.from(id.slice(2), "hex"));
    return;
  }
  const hex = TOKEN.test(id)
    ? BigInt(id)
        .toString(16)
        .padStart(ID_BYTES * 2, "0")
    : "";
  if (hex.length === ID_BYTES * 2) {
    column.byte(DECIMAL);
    column.append(Buffer.from(hex, "hex"));
  } else {
    column.byte(TEXT);
    column.text(id);
  }
}

export function readId(column: ColumnReader): string {
  const how = column.byte();
  if (how === HEX) return `0x${Buffer.from(column.take(ID_BYTES)).toString("hex")}`;
  if (how === DECIMAL) return BigInt(`0x${Buffer.from(column.take(ID_BYTES)).toString("hex")}`).toString();
  if (how === TEXT) return column.text();
  throw new RangeError(`damaged chunk: unknown spelling ${how} of an id`);
}

export function isHexDigest(digest: string): boolean {
  return DIGEST.test(digest);
}

/** A byte for the length (20, or 0 for none, or 255 and a text), then the digest. */
export function writeDigest(column: ColumnWriter, digest: Digest): void {
  if (digest === "") column.byte(0);
  else if (isHexDigest(digest)) {
    column.byte(DIGEST_BYTES);
    column.append(Buffer.from(digest, "hex"));
  } else {
    column.byte(255);
    column.text(digest);
  }
}

export function readDigest(column: ColumnReader): Digest {
  const length = column.byte();
  if (length === 0) return "" as Digest;
  if (length === DIGEST_BYTES) return Buffer.from(column.take(DIGEST_BYTES)).toString("hex") as Digest;
  if (length === 255) return column.text() as Digest;
  throw new RangeError(`damaged chunk: a digest of ${length} bytes`);
}
