import type { DatabaseSync } from "node:sqlite";
import { type Log, silentLog } from "#host";
import type { JournalSpan } from "#journal";
import type { Frame, FrameRange, FrameSource, InstrumentId, MarketId, Seq, UnixMicros, Verdict } from "#model";
import { ArchiveIndex, type PackSummary } from "./archive-index.ts";
import { ByteCache } from "./byte-cache.ts";
import type { Chunk, InstrumentCheckpoint, MarketCheckpoint } from "./chunk.ts";
import { openIndex, syncIndex } from "./index-sync.ts";
import { least, most } from "./market-chunks.ts";
import { MarketTrack, type TrackedChunk } from "./market-track.ts";
import type { ChunkEntry } from "./pack-layout.ts";
import { overlaps, packFrames } from "./pack-read.ts";
import { PackShelf } from "./pack-shelf.ts";
import { VerdictList, verdictAt } from "./verdict.ts";

export interface ArchiveReader extends FrameSource {
  /** null in an archive without packs. */
  readonly span: JournalSpan | null;
  /** By seq. With `instruments`, only the chunks of their markets and the rest are opened. */
  read(range?: FrameRange): AsyncIterable<readonly Frame[]>;
  /** The books of one market, chunk by chunk, that overlap the span; the first is the one that holds at `fromTime`. */
  chunks(market: MarketId, fromTime?: UnixMicros, toTime?: UnixMicros): AsyncIterable<Chunk>;
  /** The market's books with everything known up to and including `at`; undefined where no chunk begins by then. */
  stateAt(market: MarketId, at: UnixMicros): Promise<MarketCheckpoint | undefined>;
  /** The state that held at `at`, and how it stood to the venue's digest then. Undefined where there was no book yet. */
  bookAt(instrument: InstrumentId, at: UnixMicros): Promise<ArchivedBook | undefined>;
  readonly index: ArchiveIndex;
  /** Takes in the packs that came since, and forgets those that went. */
  refresh(): Promise<void>;
  close(): Promise<void>;
}

export interface ArchivedBook {
  readonly checkpoint: InstrumentCheckpoint;
  readonly verdict: Verdict;
}

export interface ArchiveOptions {
  readonly log?: Log;
  /** Chunks that stay open, by their packed size. Default 16 MiB, which is some five times as much in memory. */
  readonly cacheBytes?: number;
}

const CACHE_BYTES = 16 * 1024 * 1024;
const MOST_TRACKS = 4_096;

interface OpenedChunk {
  readonly chunk: Chunk;
  verdicts: VerdictList | null;
}

/**
 * Opens an archive to be read, beside whoever packs it. @throws ArchiveMissing where there is none; ArchiveDamaged or
 * ArchiveTooNew of a pack that its index lacks and it cannot read.
 */
export async function openArchive(directory: string, options: ArchiveOptions = {}): Promise<ArchiveReader> {
  const database = await openIndex(directory, options.log ?? silentLog());
  return new OpenedArchive(directory, database, options.cacheBytes ?? CACHE_BYTES);
}

class OpenedArchive implements ArchiveReader {
  readonly index: ArchiveIndex;
  readonly #directory: string;
  readonly #database: DatabaseSync;
  readonly #shelf: PackShelf;
  readonly #opened: ByteCache<string, Promise<OpenedChunk>>;
  readonly #tracks = new ByteCache<MarketId, MarketTrack>(MOST_TRACKS);
  readonly #marketOf = new Map<InstrumentId, MarketId>();
  #packs: readonly PackSummary[];
  #files: ReadonlyMap<Seq, string>;

  constructor(directory: string, database: DatabaseSync, cacheBytes: number) {
    this.#directory = directory;
    this.#database = database;
    this.#shelf = new PackShelf(directory);
    this.#opened = new ByteCache(cacheBytes);
    this.index = new ArchiveIndex(database);
    this.#packs = this.index.packs();
    this.#files = filesOf(this.#packs);
  }

  get span(): JournalSpan | null {
    const packs = this.#packs;
    const [first, last] = [packs[0], packs.at(-1)];
    if (first === undefined || last === undefined) return null;
    return {
      firstSeq: first.firstSeq,
      lastSeq: last.lastSeq,
      firstReceivedAt: least(packs.map(({ firstReceivedAt }) => firstReceivedAt)),
      lastReceivedAt: most(packs.map(({ lastReceivedAt }) => lastReceivedAt)),
      frames: packs.reduce((sum, { frames }) => sum + frames, 0),
    };
  }

  async *read({ instruments, ...range }: FrameRange = {}): AsyncGenerator<readonly Frame[], void> {
    const markets = instruments && new Set([...instruments].flatMap((each) => this.#ofInstrument(each) ?? []));
    const wanted = markets === undefined ? range : { ...range, markets };
    for (const { file } of this.#packs.filter((pack) => overlaps(range, pack)))
      yield* this.#shelf.reading(file, (pack) => packFrames(pack, wanted));
  }

  async *chunks(
    market: MarketId,
    fromTime = Number.MIN_SAFE_INTEGER as UnixMicros,
    toTime = Number.MAX_SAFE_INTEGER as UnixMicros,
  ): AsyncGenerator<Chunk, void> {
    const track = this.#track(market);
    for (const pack of track.packsUpTo(toTime)) {
      const chunks = await this.#chunksOf(track, pack);
      for (const [index, entry] of chunks.entries()) {
        const next = chunks[index + 1]?.firstKnownAt ?? track.after(pack) ?? (Number.MAX_SAFE_INTEGER as UnixMicros);
        // The last chunk that begins at or before a moment holds until the next one begins.
        if (entry.firstKnownAt <= toTime && (next > fromTime || entry.lastKnownAt >= fromTime))
          yield (await this.#open({ pack, entry })).chunk;
      }
    }
  }

  async stateAt(market: MarketId, at: UnixMicros): Promise<MarketCheckpoint | undefined> {
    const found = await this.#find(this.#track(market), at);
    return found && (await this.#open(found)).chunk.stateAt(at);
  }

  async bookAt(instrument: InstrumentId, at: UnixMicros): Promise<ArchivedBook | undefined> {
    const id = this.#ofInstrument(instrument);
    if (id === undefined) return undefined;
    const found = await this.#find(this.#track(id), at);
    if (!found) return undefined;
    const opened = await this.#open(found);
    const { chunk } = opened;
    const market = chunk.stateAt(at);
    const state = market.instruments.find((each) => each.instrument === instrument);
    if (!state) return undefined;
    opened.verdicts ??= new VerdictList(chunk.verdicts());
    const facts = this.index.market(id, at);
    const verdict = verdictAt({
      at,
      market,
      state,
      verdicts: opened.verdicts,
      facts: facts && { minOrderSize: facts.minOrderSize, negRisk: facts.negRisk },
      earlier: () =>
        [state.receivedAt, (state.receivedAt - 1) as UnixMicros].map((time) => chunk.stateAt(time).lastTradePrice),
    });
    return { checkpoint: state, verdict };
  }

  async refresh(): Promise<void> {
    const before = this.#packs.map(({ file }) => file);
    await syncIndex(this.#database, this.#directory);
    this.#packs = this.index.packs();
    this.#files = filesOf(this.#packs);
    const now = new Set(this.#packs.map(({ file }) => file));
    if (now.size === before.length && before.every((file) => now.has(file))) return;
    for (const file of before) if (!now.has(file)) this.#shelf.forget(file);
    this.#tracks.clear();
    this.#marketOf.clear();
  }

  async close(): Promise<void> {
    this.#opened.clear();
    this.#shelf.close();
    this.#database.close();
  }

  async #find(track: MarketTrack, at: UnixMicros): Promise<TrackedChunk | undefined> {
    const pack = track.packAt(at);
    if (pack === undefined) return undefined;
    const entry = track.chunkAt(await this.#chunksOf(track, pack), at);
    return entry && { pack, entry };
  }

  async #chunksOf(track: MarketTrack, pack: Seq): Promise<readonly ChunkEntry[]> {
    const known = track.chunksOf(pack);
    if (known) return known;
    const file = this.#fileOf(pack);
    const chunks = await this.#shelf.with(file, async ({ directory }) => {
      return directory.markets.find(({ market }) => market === track.market)?.chunks ?? [];
    });
    track.remember(pack, chunks);
    return chunks;
  }

  #open({ pack, entry }: TrackedChunk): Promise<OpenedChunk> {
    const key = `${pack}/${entry.offset}`;
    let opened = this.#opened.get(key);
    if (opened === undefined) {
      opened = this.#shelf
        .with(this.#fileOf(pack), (file) => file.chunk(entry))
        .then((chunk) => ({ chunk, verdicts: null }));
      opened.catch(() => this.#opened.delete(key));
      this.#opened.set(key, opened, entry.length);
    }
    return opened;
  }

  #track(market: MarketId): MarketTrack {
    let track = this.#tracks.get(market);
    if (track === undefined) {
      track = new MarketTrack(market, this.index.spans(market));
      this.#tracks.set(market, track, 1);
    }
    return track;
  }

  #ofInstrument(instrument: InstrumentId): MarketId | undefined {
    const known = this.#marketOf.get(instrument);
    if (known !== undefined) return known;
    const market = this.index.marketOf(instrument);
    if (market !== undefined) this.#marketOf.set(instrument, market);
    return market;
  }

  #fileOf(pack: Seq): string {
    const file = this.#files.get(pack);
    if (file === undefined) throw new Error(`no pack begins at frame ${pack}`);
    return file;
  }
}

function filesOf(packs: readonly PackSummary[]): ReadonlyMap<Seq, string> {
  return new Map(packs.map(({ firstSeq, file }) => [firstSeq, file]));
}
