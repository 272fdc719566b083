import type { MarketId, Seq, UnixMicros } from "#model";
import type { MarketSpan } from "./archive-index.ts";
import type { ChunkEntry } from "./pack-layout.ts";

export interface TrackedChunk {
  /** firstSeq of the pack. */
  readonly pack: Seq;
  readonly entry: ChunkEntry;
}

/** Where the chunks of one market lie, pack by pack; a pack's own list is added when it was first read. */
export class MarketTrack {
  readonly market: MarketId;
  readonly #spans: readonly MarketSpan[];
  readonly #chunks = new Map<Seq, readonly ChunkEntry[]>();

  constructor(market: MarketId, spans: readonly MarketSpan[]) {
    this.market = market;
    this.#spans = spans;
  }

  /** The last pack, in the order of the recording, whose first message was known at `at`. */
  packAt(at: UnixMicros): Seq | undefined {
    return this.#spans.findLast((span) => span.firstKnownAt <= at)?.pack;
  }

  packsUpTo(at: UnixMicros): readonly Seq[] {
    return this.#spans.filter((span) => span.firstKnownAt <= at).map(({ pack }) => pack);
  }

  /** When the first message of the next pack was known. */
  after(pack: Seq): UnixMicros | undefined {
    return this.#spans.find((span) => span.pack > pack)?.firstKnownAt;
  }

  chunksOf(pack: Seq): readonly ChunkEntry[] | undefined {
    return this.#chunks.get(pack);
  }

  remember(pack: Seq, chunks: readonly ChunkEntry[]): void {
    this.#chunks.set(pack, chunks);
  }

  /** The last chunk that begins at or before `at`. Within a market what is known never runs backwards. */
  chunkAt(chunks: readonly ChunkEntry[], at: UnixMicros): ChunkEntry | undefined {
    let low = 0;
    let high = chunks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (chunks[middle]!.firstKnownAt <= at) low = middle + 1;
      else high = middle;
    }
    return chunks[low - 1];
  }
}
