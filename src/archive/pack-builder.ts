import { type InstrumentProof, Prover, type StateVerdict } from "#book";
import type { FaultReason, Frame, Gap, InstrumentId, MarketId, Seq, UnixMicros, VenueEvent } from "#model";
import { DAY, MINUTE } from "#model";
import { ConnectionMerge, Cuts, FreshEvents, MarketBook, type MergedFrame } from "#timeline";
import { Decoder } from "#venue";
import { type Carry, keptOf } from "./carry.ts";
import type { ChunkVerdict } from "./chunk.ts";
import { MarketChunks, type OpenChunk, show } from "./market-chunks.ts";
import { instrumentsOf, isOfBooks, marketOf } from "./market-frames.ts";
import { deflate } from "./pack-json.ts";
import type { PackWriter } from "./pack-writer.ts";
import { copyOf, RestFrames } from "./rest-frames.ts";

/** What the prover found in a pack. */
export interface PackProofs {
  readonly instruments: readonly InstrumentProof[];
  /** Contradictions that were open in it, each in its last state. */
  readonly gaps: readonly Gap[];
  readonly merged: number;
  readonly faults: Readonly<Partial<Record<FaultReason, number>>>;
  readonly unknownTypes: Readonly<Record<string, number>>;
}

export interface PackBuilderOptions {
  readonly writer: PackWriter;
  /** Frames before it only tell the merge what was shown already. */
  readonly firstSeq: Seq;
  readonly firstReceivedAt: UnixMicros;
  readonly carry: Carry;
  /** All open chunks are closed when they hold more; a reader of the pack then needs no more memory than that. */
  readonly mostBuffered?: number;
}

const MOST_BUFFERED = 192 * 1024 * 1024;
/** A market that said nothing for so long is not carried on; nor one that was resolved, after a moment. */
const QUIET_FOR = DAY;
const AFTER_RESOLUTION = 10 * MINUTE;

/**
 * The way of a stretch of the journal into a pack: merged, decoded, proven, and every message with its showings put into
 * the chunk of its market. Its memory is bounded by `mostBuffered` and what the merge holds.
 */
export class PackBuilder {
  readonly #options: PackBuilderOptions;
  readonly #merge: ConnectionMerge;
  readonly #decoder = new Decoder();
  readonly #fresh: FreshEvents;
  readonly #cuts: Cuts;
  readonly #prover: Prover;
  readonly #catalog: MarketBook;
  readonly #markets = new Map<MarketId, MarketChunks>();
  readonly #rest: RestFrames;
  /** Frames that went into the merge and have not come out, with their copies so far. */
  readonly #waiting = new Map<Seq, Frame[]>();
  /** Where the messages of open chunks are, by the seq that showed them first. */
  readonly #places = new Map<Seq, { readonly chunk: OpenChunk; readonly message: number }>();
  readonly #gaps = new Map<string, Gap>();
  /** Of instruments that do not go on. */
  readonly #ended: InstrumentProof[] = [];
  readonly #faults: Partial<Record<FaultReason, number>> = {};
  readonly #unknown: Record<string, number> = {};
  #isCopy = false;
  #buffered = 0;
  #merged = 0;
  #frames = 0;
  #lastSeq: Seq;
  #lastKnownAt = 0 as UnixMicros;

  constructor(options: PackBuilderOptions) {
    const { carry, firstSeq, writer } = options;
    this.#options = options;
    this.#lastSeq = firstSeq;
    this.#rest = new RestFrames((body) => writer.section("rest", body));
    this.#merge = new ConnectionMerge({ onCopy: (copy, original) => this.#repeat(copy, original) });
    this.#fresh = new FreshEvents(carry.newest);
    this.#cuts = new Cuts(carry.cuts);
    this.#catalog = new MarketBook(carry.catalog);
    this.#prover = new Prover({
      memory: carry.prover,
      facts: (instrument) => {
        const market = this.#catalog.ofInstrument(instrument);
        return market && { minOrderSize: market.minOrderSize, negRisk: market.negRisk };
      },
      onVerdict: (verdict) => this.#judge(verdict),
      onGap: ({ gap }) => void this.#gaps.set(gap.id, gap),
    });
    for (const market of carry.markets) {
      // Where the clock was set back between the packs, what comes is known now, and not when the wrong clock said.
      const lastKnownAt = Math.min(market.lastKnownAt, options.firstReceivedAt) as UnixMicros;
      this.#markets.set(market.opening.market, new MarketChunks(market.opening.market, { ...market, lastKnownAt }));
    }
  }

  /** Takes the frames in the order of their seq. */
  push(frame: Frame): void {
    this.#isCopy = false;
    const isOwn = frame.seq >= this.#options.firstSeq;
    if (isOwn) {
      this.#frames++;
      this.#lastSeq = frame.seq;
      this.#waiting.set(frame.seq, []);
    }
    const ready = this.#merge.push(frame);
    if (this.#isCopy) this.#waiting.delete(frame.seq);
    for (const merged of ready) this.#settle(merged);
    if (this.#buffered + this.#rest.cost > (this.#options.mostBuffered ?? MOST_BUFFERED)) this.#closeAll();
  }

  /** Writes all that is left, then what the next pack goes on from. The file is then whole and on the disk. */
  finish(): { readonly lastSeq: Seq; readonly frames: number; readonly carry: Carry } {
    for (const merged of this.#merge.flush()) this.#settle(merged);
    this.#closeAll();
    const carry = this.#carryOn();
    const { writer } = this.#options;
    const carried = writer.section("carry", deflate(carry));
    const proofs = writer.section("proofs", deflate(this.#proofs()));
    const markets = [...this.#markets.values()].filter(({ chunks }) => chunks.length > 0).map((each) => each.entry());
    const end = { lastSeq: this.#lastSeq, frames: this.#frames };
    writer.finish({ markets, rest: this.#rest.chunks, carry: carried, proofs }, end);
    return { ...end, carry };
  }

  #settle({ frame, knownAt }: MergedFrame): void {
    const copies = this.#waiting.get(frame.seq);
    // Of the pack before, whose books have it already.
    if (copies === undefined) return;
    this.#waiting.delete(frame.seq);
    this.#merged++;
    if (knownAt > this.#lastKnownAt) this.#lastKnownAt = knownAt;
    const decoded = this.#decoder.decodeFrame(frame);
    const events = decoded.flatMap((event) => this.#fresh.of(event) ?? []);
    if (frame.kind === "answered") this.#catalog.learn(frame, []);
    for (const cut of this.#cuts.learn(frame, events)) this.#prover.invalidate(cut);
    this.#place(frame, knownAt, decoded, events, copies);
    for (const event of events) {
      if (event.kind === "fault") this.#faults[event.reason] = (this.#faults[event.reason] ?? 0) + 1;
      else if (event.kind === "unknown") this.#unknown[event.type] = (this.#unknown[event.type] ?? 0) + 1;
      else {
        this.#prover.apply(event, { seq: frame.seq, receivedAt: knownAt });
        if (event.kind === "market_resolved") this.#chunksOf(event.market).resolved = true;
      }
    }
    for (const event of decoded) if (isOfBooks(event)) this.#closeIfFull(event.market);
  }

  #place(
    frame: Frame,
    knownAt: UnixMicros,
    decoded: readonly VenueEvent[],
    events: readonly VenueEvent[],
    copies: readonly Frame[],
  ): void {
    const own = marketOf(decoded);
    const { seq } = frame;
    if (own !== undefined) {
      const market = this.#chunksOf(own);
      for (const event of decoded) for (const instrument of instrumentsOf(event)) market.instruments.add(instrument);
      this.#add(market, { seq, knownAt, bytes: copyOf(frame.bytes), events }, [frame, ...copies]);
      return;
    }
    this.#rest.add([frame, ...copies]);
    const concerned = Map.groupBy(events.filter(isOfBooks), ({ market }) => market);
    for (const [id, some] of concerned) {
      const market = this.#chunksOf(id);
      for (const event of some) for (const instrument of instrumentsOf(event)) market.instruments.add(instrument);
      this.#add(market, { seq, knownAt, bytes: null, events: some }, []);
    }
  }

  #add(market: MarketChunks, message: Parameters<MarketChunks["add"]>[0], frames: readonly Frame[]): void {
    const before = market.open?.cost ?? 0;
    const place = market.add(message, frames);
    if (message.bytes !== null) this.#places.set(message.seq, place);
    this.#buffered += place.chunk.cost - before;
  }

  /** A frame that shows what another socket had shown. */
  #repeat(copy: Frame, original: Frame): void {
    this.#isCopy = true;
    if (copy.seq < this.#options.firstSeq) return;
    const waiting = this.#waiting.get(original.seq);
    if (waiting) {
      // Held for as long as the merge holds the original.
      waiting.push(copy);
      return;
    }
    const place = this.#places.get(original.seq);
    if (place) {
      const before = place.chunk.cost;
      show(place.chunk, place.message, copy);
      this.#buffered += place.chunk.cost - before;
      return;
    }
    this.#repeatLate(copy);
  }

  /** Its message is in a chunk that is closed: it becomes a message of its own, from which the books take nothing. */
  #repeatLate(copy: Frame): void {
    const own = marketOf(this.#decoder.decodeFrame(copy));
    if (own === undefined) {
      this.#rest.add([copy]);
      return;
    }
    const market = this.#chunksOf(own);
    this.#add(market, { seq: copy.seq, knownAt: market.lastKnownAt, bytes: copyOf(copy.bytes), events: [] }, [copy]);
    this.#closeIfFull(own);
  }

  #judge({ market, instrument, seq, verdict }: StateVerdict): void {
    this.#chunksOf(market).judge({ instrument, seq, verdict });
  }

  #chunksOf(id: MarketId): MarketChunks {
    let market = this.#markets.get(id);
    if (!market) {
      market = new MarketChunks(id, undefined);
      this.#markets.set(id, market);
    }
    return market;
  }

  #closeIfFull(id: MarketId): void {
    const market = this.#markets.get(id);
    if (market?.isFull) this.#close(market);
  }

  #close(market: MarketChunks): void {
    const { open } = market;
    if (open === null) return;
    const packed = market.close(this.#standing(market.instruments));
    if (packed === undefined) return;
    market.chunks.push({ ...packed.entry, ...this.#options.writer.section("chunk", packed.bytes) });
    this.#buffered -= open.cost;
    for (const { seq, bytes } of open.messages) if (bytes !== null) this.#places.delete(seq);
  }

  /** The verdicts on the present states, for a reader to whom the next chunk does not matter. */
  #standing(instruments: Iterable<InstrumentId>): ChunkVerdict[] {
    const standing: ChunkVerdict[] = [];
    for (const instrument of instruments) {
      const book = this.#prover.book(instrument);
      if (book) standing.push({ instrument, seq: book.seq, verdict: this.#prover.verdictNow(instrument, true) });
    }
    return standing;
  }

  #closeAll(): void {
    for (const market of this.#markets.values()) this.#close(market);
    this.#rest.close();
  }

  #carryOn(): Carry {
    const end = this.#lastKnownAt;
    const kept = new Set<MarketId>();
    for (const { market, resolved, lastKnownAt } of this.#markets.values())
      if (end - lastKnownAt < (resolved ? AFTER_RESOLUTION : QUIET_FOR)) kept.add(market);
    for (const { market, instruments } of this.#markets.values()) if (!kept.has(market)) this.#forget(instruments);
    const markets = [...this.#markets.values()].map((each) => each.carry());
    const catalog = this.#catalog.all().filter(({ id, closed, window }) => {
      return kept.has(id) || (!closed && (window === null || window.endsAt > end));
    });
    const all: Carry = {
      markets,
      prover: this.#prover.memory(),
      cuts: this.#cuts.memory(),
      newest: [...this.#fresh.newest()],
      catalog,
    };
    return keptOf(all, kept);
  }

  #forget(instruments: Iterable<InstrumentId>): void {
    for (const instrument of instruments) {
      const proof = this.#prover.forget(instrument);
      if (proof) this.#ended.push(proof);
    }
  }

  #proofs(): PackProofs {
    const counted = [...this.#ended, ...this.#prover.proofs()].filter(hasCounts);
    return {
      instruments: counted,
      gaps: [...this.#gaps.values()],
      merged: this.#merged,
      faults: this.#faults,
      unknownTypes: this.#unknown,
    };
  }
}

function hasCounts({ states, bbo, crossed, locked }: InstrumentProof): boolean {
  const { proven, inferred, contradicted, unprovable } = states;
  return proven + inferred + contradicted + unprovable + bbo.checked + crossed + locked > 0;
}
