import type {
  ConnectionId,
  Digest,
  Frame,
  InstrumentId,
  Level,
  MarketId,
  MonotonicMicros,
  PriceMicros,
  Seq,
  Side,
  SizeMicros,
  UnixMicros,
  VenueEvent,
  Verdict,
} from "#model";

/*
 * A chunk is a stretch of one market's messages, packed into columns, that can be read alone: it begins with a
 * checkpoint of the books. A pack file is a row of chunks with a directory. What comes in and out of a chunk stands
 * here; how it is laid out in bytes, in columns/.
 *
 * A *message* is the content of a market frame, once, at its place in the merged stream. A *frame* is one showing of it
 * on one connection. Two replicas that carry the same message make one message and two frames.
 */

/** The book of an instrument between two messages, with all that its digest and its proof rest on. */
export interface InstrumentCheckpoint {
  readonly instrument: InstrumentId;
  /** Best first. */
  readonly bids: readonly Level[];
  readonly asks: readonly Level[];
  /** null: never known. */
  readonly tickSize: PriceMicros | null;
  readonly minOrderSize: SizeMicros | null;
  readonly negRisk: boolean | null;
  /** Of the last message in it. */
  readonly sentAt: UnixMicros;
  readonly digest: Digest;
  readonly seq: Seq;
  readonly receivedAt: UnixMicros;
}

export interface MarketCheckpoint {
  readonly market: MarketId;
  /** null: the venue said there was none yet; undefined: never known. */
  readonly lastTradePrice: PriceMicros | null | undefined;
  /** Those that have a book. */
  readonly instruments: readonly InstrumentCheckpoint[];
}

export interface ChunkMessage {
  /** Of the frame that showed it first. */
  readonly seq: Seq;
  /** When a reader of the merged stream may know it; never falls from one message to the next. */
  readonly knownAt: UnixMicros;
  /** Exactly as received; null where the frame is kept elsewhere (it holds several markets) and only its events are here. */
  readonly bytes: Uint8Array | null;
  /** What this market's books take from it, in order. Empty where another copy was applied before this chunk began. */
  readonly events: readonly VenueEvent[];
}

export interface ChunkFrame {
  readonly seq: Seq;
  readonly connection: ConnectionId;
  readonly receivedAt: UnixMicros;
  readonly monotonicAt: MonotonicMicros;
  /** Place of its content in `messages`. */
  readonly message: number;
}

/** A verdict that fell: on the state of `instrument` whose last message is that of frame `seq`. */
export interface ChunkVerdict {
  readonly instrument: InstrumentId;
  readonly seq: Seq;
  readonly verdict: Verdict;
}

export interface ChunkInput {
  readonly opening: MarketCheckpoint;
  /** In the order of the merged stream. */
  readonly messages: readonly ChunkMessage[];
  /** In the order of their seq. */
  readonly frames: readonly ChunkFrame[];
  readonly verdicts: readonly ChunkVerdict[];
}

export interface EncodedChunk {
  readonly bytes: Uint8Array;
  /** The books after the last message: the next chunk's `opening`. */
  readonly closing: MarketCheckpoint;
  /** Messages whose bytes had to be kept as they are, and digests that could not be recomputed. */
  readonly rawMessages: number;
  readonly rawDigests: number;
  readonly messages: number;
  readonly levelChanges: number;
}

/** Told of each step of the books, without an object for each: the fast way through a chunk. */
export interface ChunkScan {
  /** A message begins; `instrument` in the other calls is a place in `instruments`. */
  message?(knownAt: UnixMicros, sentAt: UnixMicros, seq: Seq): void;
  /** A whole book comes: forget all levels; `level`s follow. */
  clear(instrument: number): void;
  level(instrument: number, side: Side, price: PriceMicros, size: SizeMicros): void;
  trade?(instrument: number, price: PriceMicros, size: SizeMicros | null, takerSide: "buy" | "sell" | null): void;
  tick?(instrument: number, tickSize: PriceMicros): void;
}

/** A chunk that was read. Nothing of it is unpacked before it is asked for. */
export interface Chunk {
  readonly market: MarketId;
  readonly instruments: readonly InstrumentId[];
  readonly opening: MarketCheckpoint;
  /** Every frame in it, by seq, bytes as received. */
  frames(): readonly Frame[];
  /** The merged stream, with bytes where they are kept here. */
  messages(): readonly ChunkMessage[];
  verdicts(): readonly ChunkVerdict[];
  /** Replays the books up to and including `until` (by knownAt). The scan starts from `opening`, which it is not told. */
  scan(scan: ChunkScan, until?: UnixMicros): void;
  /** The books with everything known up to and including `at`. */
  stateAt(at: UnixMicros): MarketCheckpoint;
}
