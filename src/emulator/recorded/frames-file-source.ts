import {
  type Frame,
  type InstrumentId,
  type Market,
  MINUTE,
  type ReferencePrice,
  type UnixMicros,
  type VenueEvent,
} from "#model";
import { type MergedFrame, mergedFrames } from "#timeline";
import { Decoder, surfaceOf } from "#venue";
import type { BookAnswer, EmulatedItem, EmulatorSource, MarketFrame } from "../source.ts";
import { FramesFile } from "./frames-file.ts";
import { RecordedBooks } from "./recorded-books.ts";
import { RecordedCatalog } from "./recorded-catalog.ts";

export interface FramesFileOptions {
  /** What is known of its markets; else it is concluded from the frames and their labels. */
  readonly catalog?: readonly Market[];
}

/** A recorded file being played. */
export interface FramesFileSource extends EmulatorSource {
  /** Lines that were no frames. */
  readonly badLines: number;
}

const HISTORY_MICROS = 2 * MINUTE;

/**
 * Opens a recorded frames file (NDJSON, gzip or not) to be played; reads it once to learn its markets, then streams.
 * Of redundant connections each frame is played once.
 * @throws Error where the file cannot be read or holds no frame.
 */
export async function framesFileSource(path: string, options: FramesFileOptions = {}): Promise<FramesFileSource> {
  const file = new FramesFile(path);
  const catalog = new RecordedCatalog(options.catalog);
  const decoder = new Decoder();
  let frames = 0;
  for await (const batch of file.read()) {
    for (const frame of batch) catalog.learn(frame, decoder.decodeFrame(frame));
    frames += batch.length;
  }
  if (frames === 0) throw new Error(`${path} holds no frame (${file.badLines} lines are none)`);
  const source = new RecordedSource(file, catalog);
  await source.prepare();
  return source;
}

class RecordedSource implements FramesFileSource {
  readonly #file: FramesFile;
  readonly #catalog: RecordedCatalog;
  readonly #decoder = new Decoder();
  readonly #books = new RecordedBooks();
  readonly #batches: AsyncIterator<readonly MergedFrame[]>;
  #ready: readonly MergedFrame[] = [];
  #place = 0;
  #references: ReferencePrice[] = [];
  /** Time of the last step; the sockets of a recording may disagree about order, the emulator's time does not go back. */
  #at = 0 as UnixMicros;

  constructor(file: FramesFile, catalog: RecordedCatalog) {
    this.#file = file;
    this.#catalog = catalog;
    this.#batches = mergedFrames(file)[Symbol.asyncIterator]();
  }

  get badLines(): number {
    return this.#file.badLines;
  }

  nextAt(): UnixMicros | null {
    const next = this.#ready[this.#place];
    return next === undefined ? null : (Math.max(next.knownAt, this.#at) as UnixMicros);
  }

  async prepare(): Promise<boolean> {
    while (this.#place >= this.#ready.length) {
      const { value, done } = await this.#batches.next();
      if (done) return false;
      this.#ready = value;
      this.#place = 0;
    }
    return true;
  }

  step(): readonly EmulatedItem[] {
    this.#at = this.nextAt()!;
    const { frame } = this.#ready[this.#place++]!;
    if (frame.kind !== "received") return [];
    const surface = surfaceOf(frame.connection);
    const events = this.#decoder.decodeFrame(frame);
    switch (surface) {
      case "market":
        for (const event of events) this.#books.apply(event);
        return this.#marketFrames(frame, events);
      case "polybolt":
      case "rtds":
        return this.#remember(events) ? [{ kind: "recorded", surface, bytes: frame.bytes }] : [];
      case "binance":
        return [];
    }
  }

  book(instrument: InstrumentId): BookAnswer {
    const book = this.#books.snapshot(instrument);
    if (book) return { kind: "open", book };
    if (!this.#catalog.has(instrument)) return { kind: "none" };
    return this.#isResolved(instrument) ? { kind: "none" } : { kind: "later" };
  }

  markets(): Iterable<Market> {
    return this.#catalog.at(this.#at);
  }

  references(): readonly ReferencePrice[] {
    return this.#references;
  }

  boundaryPrices({ id }: Market) {
    return this.#catalog.boundaryPricesAt(id, this.#at);
  }

  /** The digests of a recording hold its times. */
  skew(): boolean {
    return false;
  }

  async close(): Promise<void> {
    await this.#batches.return?.();
  }

  #isResolved(instrument: InstrumentId): boolean {
    for (const { outcomes, closed } of this.markets()) {
      if (closed && outcomes.some((outcome) => outcome.instrument === instrument)) return true;
    }
    return false;
  }

  /** Live points only: what a service sent its own subscriber at the start concerns nobody else. */
  #remember(events: readonly VenueEvent[]): boolean {
    const points = events.filter((event) => event.kind === "reference_price").filter(({ history }) => !history);
    if (points.length === 0) return false;
    this.#references.push(...points);
    const since = this.#at - HISTORY_MICROS;
    if (this.#references[0]!.observedAt < since) {
      this.#references = this.#references.filter(({ observedAt }) => observedAt >= since);
    }
    return true;
  }

  /** PONG and [] answered the recorder and nobody else; all else goes on as it came. */
  #marketFrames({ bytes }: Frame, events: readonly VenueEvent[]): readonly MarketFrame[] {
    if (events.every(({ kind }) => kind === "notice")) return [];
    const instruments = new Set<InstrumentId>();
    let audience: MarketFrame["audience"] = "custom";
    for (const event of events) {
      switch (event.kind) {
        case "price_change":
          for (const { instrument } of event.changes) instruments.add(instrument);
          audience = "all";
          break;
        case "book":
        case "trade":
        case "tick_size_change":
          instruments.add(event.instrument);
          audience = "all";
          break;
        case "best_prices":
          instruments.add(event.instrument);
          break;
        case "market_resolved":
          for (const instrument of this.#catalog.instrumentsOf(event.market)) instruments.add(instrument);
          break;
        case "market_created":
          audience = "everyone";
          break;
        default:
          // Not understood, so it may concern anybody.
          audience = "all";
          break;
      }
    }
    const resolution = events.length > 0 && events.every(({ kind }) => kind === "market_resolved");
    return [{ kind: "market", bytes, instruments: [...instruments], audience, resolution }];
  }
}
