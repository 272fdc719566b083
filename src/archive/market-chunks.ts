import type { Frame, InstrumentId, MarketId, Seq, UnixMicros, VenueEvent } from "#model";
import type { CarriedMarket } from "./carry.ts";
import type { ChunkFrame, ChunkMessage, ChunkVerdict, EncodedChunk, MarketCheckpoint } from "./chunk.ts";
import { encodeChunk } from "./codec.ts";
import type { ChunkEntry, MarketEntry } from "./pack-layout.ts";

/** A chunk that is being filled. */
export interface OpenChunk {
  readonly messages: ChunkMessage[];
  readonly frames: ChunkFrame[];
  readonly verdicts: ChunkVerdict[];
  /** An estimate of its memory, in bytes. */
  cost: number;
  frameBytes: number;
}

/** A chunk is full at so many messages: long enough to compress, short enough to be walked in a moment. */
const MOST_MESSAGES = 2_048;
/** Whole books are large. */
const MOST_COST = 8 * 1024 * 1024;
const MESSAGE_COST = 700;
const FRAME_COST = 120;

export type PlacedEntry = Omit<ChunkEntry, "offset" | "length">;

/** One market's messages on their way into chunks. */
export class MarketChunks {
  readonly market: MarketId;
  readonly instruments: Set<InstrumentId>;
  readonly chunks: ChunkEntry[] = [];
  open: OpenChunk | null = null;
  resolved: boolean;
  lastKnownAt: UnixMicros;
  #opening: MarketCheckpoint;
  /** The last verdict of each instrument: a chunk begins with them, so that it can be judged alone. */
  readonly #verdicts = new Map<InstrumentId, ChunkVerdict>();

  constructor(market: MarketId, carried: CarriedMarket | undefined) {
    this.market = market;
    this.instruments = new Set(carried?.instruments);
    this.resolved = carried?.resolved ?? false;
    this.lastKnownAt = carried?.lastKnownAt ?? (0 as UnixMicros);
    this.#opening = carried?.opening ?? { market, lastTradePrice: undefined, instruments: [] };
    for (const verdict of carried?.verdicts ?? []) this.#verdicts.set(verdict.instrument, verdict);
  }

  /** Adds a message and its showings; `bytes` null where the frame is kept elsewhere. Returns its place. */
  add(
    message: { seq: Seq; knownAt: UnixMicros; bytes: Uint8Array | null; events: readonly VenueEvent[] },
    frames: readonly Frame[],
  ): { chunk: OpenChunk; message: number } {
    // A socket of another shard may be a little behind; within a market what is known never becomes unknown.
    this.lastKnownAt = Math.max(this.lastKnownAt, message.knownAt) as UnixMicros;
    this.open ??= { messages: [], frames: [], verdicts: [...this.#verdicts.values()], cost: 0, frameBytes: 0 };
    const chunk = this.open;
    const place = chunk.messages.length;
    chunk.messages.push({ ...message, knownAt: this.lastKnownAt });
    chunk.cost += MESSAGE_COST + 2 * (message.bytes?.length ?? 0);
    for (const frame of frames) show(chunk, place, frame);
    return { chunk, message: place };
  }

  judge(verdict: ChunkVerdict): void {
    this.#verdicts.set(verdict.instrument, verdict);
    this.open?.verdicts.push(verdict);
  }

  get isFull(): boolean {
    return this.open !== null && (this.open.messages.length >= MOST_MESSAGES || this.open.cost >= MOST_COST);
  }

  /** The open chunk, packed, and the next one begins at its end. `standing`: verdicts on states that may yet go on. */
  close(standing: readonly ChunkVerdict[]): { bytes: Uint8Array; entry: PlacedEntry } | undefined {
    const { open } = this;
    if (open === null) return undefined;
    open.frames.sort((a, b) => a.seq - b.seq);
    const opening = this.#opening;
    const { messages, frames } = open;
    const encoded = encodeChunk({ opening, messages, frames, verdicts: [...open.verdicts, ...standing] });
    this.#opening = encoded.closing;
    this.open = null;
    return { bytes: encoded.bytes, entry: entryOf(open, encoded) };
  }

  carry(): CarriedMarket {
    const { instruments, lastKnownAt, resolved } = this;
    return {
      opening: this.#opening,
      instruments: [...instruments],
      lastKnownAt,
      resolved,
      verdicts: [...this.#verdicts.values()],
    };
  }

  entry(): MarketEntry {
    return { market: this.market, instruments: [...this.instruments], chunks: this.chunks };
  }
}

/** Another showing of a message that is in an open chunk. */
export function show(
  chunk: OpenChunk,
  message: number,
  { seq, connection, receivedAt, monotonicAt, bytes }: Frame,
): void {
  chunk.frames.push({ seq, connection, receivedAt, monotonicAt, message });
  chunk.cost += FRAME_COST;
  chunk.frameBytes += bytes.length;
}

function entryOf({ frames, messages, frameBytes }: OpenChunk, encoded: EncodedChunk): PlacedEntry {
  const first = messages[0]!;
  const last = messages.at(-1)!;
  const times = frames.length > 0 ? frames.map(({ receivedAt }) => receivedAt) : [first.knownAt, last.knownAt];
  return {
    firstSeq: frames[0]?.seq ?? first.seq,
    lastSeq: frames.at(-1)?.seq ?? last.seq,
    firstReceivedAt: least(times),
    lastReceivedAt: most(times),
    firstKnownAt: first.knownAt,
    lastKnownAt: last.knownAt,
    frames: frames.length,
    messages: messages.length,
    levelChanges: encoded.levelChanges,
    rawMessages: encoded.rawMessages,
    rawDigests: encoded.rawDigests,
    frameBytes,
  };
}

/** Not by one Math.min of all: a chunk may have more frames than a call takes arguments. */
export function least(times: readonly UnixMicros[]): UnixMicros {
  return times.reduce((a, b) => Math.min(a, b) as UnixMicros);
}

export function most(times: readonly UnixMicros[]): UnixMicros {
  return times.reduce((a, b) => Math.max(a, b) as UnixMicros);
}
