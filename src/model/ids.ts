import type { Brand } from "./numbers.ts";

/** One outcome token with a book of its own: the venue's token id (Polymarket: a decimal uint256), verbatim. */
export type InstrumentId = Brand<string, "InstrumentId">;
/** A market: the venue's condition id (Polymarket: 0x and 64 hex digits), verbatim. */
export type MarketId = Brand<string, "MarketId">;
/**
 * Where a frame came from, as written in the journal: "<surface>-<replica>-<shard>" for what we opened ("market-a-0",
 * "polybolt-a-0", "http-gamma", "recorder"), any label for imported frames.
 */
export type ConnectionId = Brand<string, "ConnectionId">;
/** Position of a frame in its journal: 0, 1, 2, … without holes. */
export type Seq = Brand<number, "Seq">;
/** The venue's digest of a whole book: 40 lower-case hex digits (SHA-1), verbatim. */
export type Digest = Brand<string, "Digest">;
