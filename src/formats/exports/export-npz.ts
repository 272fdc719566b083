import type { BookState } from "#book";
import type { InstrumentId, Level, PriceMicros, Side, SizeMicros, Trade, VenueEvent } from "#model";
import { formatMicros, ONE } from "#model";
import type { TimelineStep } from "#timeline";
import { EventOrder } from "./event-order.ts";
import { writeGaps } from "./gaps-file.ts";
import {
  BUY,
  DEPTH_CLEAR_EVENT,
  DEPTH_EVENT,
  DEPTH_SNAPSHOT_EVENT,
  type HftEvent,
  SELL,
  TRADE_EVENT,
} from "./hft-events.ts";
import { type L2Sink, L2Stream, type L2Times } from "./l2-stream.ts";
import { packNpz } from "./npz-file.ts";
import { pathText } from "./partitions.ts";
import { RecordSpill } from "./record-spill.ts";
import { type ExportContext, type ExportOptions, type ExportResult, type ExportWork, runExport } from "./run-export.ts";
import type { Touch, WalkReport } from "./walk.ts";

/** Added to each local time, micros; "auto" is the least that makes no latency negative, over all files. */
export type LatencyShift = "auto" | number;

export interface NpzExportOptions extends ExportOptions {
  readonly latencyShift: LatencyShift;
}

const BYTES_IN_MEMORY = 32 * 1024 * 1024;

/** Writes `SLUG.OUTCOME.npz` for each instrument, as hftbacktest 2 reads it. Throws as `runExport` does. */
export function exportNpz(options: NpzExportOptions): Promise<ExportResult> {
  return runExport(options, (context) => new NpzExport(options, context));
}

interface Feed {
  readonly spill: RecordSpill;
  readonly order: EventOrder;
  /** The finest step between prices and between sizes: what hftbacktest calls tick and lot. */
  tick: number;
  lot: number;
}

class NpzExport implements ExportWork, L2Sink {
  readonly #options: NpzExportOptions;
  readonly #context: ExportContext;
  readonly #stream: L2Stream;
  readonly #feeds = new Map<InstrumentId, Feed>();
  /** The least of local less exchange time. */
  #leastLatency = Number.POSITIVE_INFINITY;
  #negative = 0;
  #withoutSize = 0;

  constructor(options: NpzExportOptions, context: ExportContext) {
    this.#options = options;
    this.#context = context;
    this.#stream = new L2Stream(this, context.trust, context.selection.from);
  }

  readonly needsTrust = true;
  readonly visitor = {
    begin: (books: readonly BookState[]): void => this.#stream.begin(books),
    event: (event: VenueEvent, _: number, step: TimelineStep): void => {
      if (event.kind === "trade") this.#stream.trade(event, step);
    },
    before: (touch: Touch): void => this.#stream.before(touch),
    after: (touch: Touch): void => this.#stream.after(touch),
    drain: async (): Promise<void> => this.#drain(),
  };

  async finish(report: WalkReport): Promise<Readonly<Record<string, unknown>>> {
    for (const { order } of this.#feeds.values()) order.flush();
    const { latencyShift } = this.#options;
    const least = this.#feeds.size === 0 ? 0 : this.#leastLatency;
    const shift = latencyShift === "auto" ? Math.max(0, -least) : latencyShift;
    const files: Record<string, unknown>[] = [];
    for (const [instrument, { spill, order, tick, lot }] of this.#feeds) {
      await spill.flush();
      const path = `${this.#nameOf(instrument)}.npz`;
      await packNpz(spill.path, this.#context.folder.path(path), BigInt(shift) * 1_000n);
      await spill.remove();
      this.#context.folder.wrote(path, spill.records);
      files.push({
        path,
        token: instrument,
        events: spill.records,
        tickSize: formatMicros(tick),
        lotSize: formatMicros(lot),
        writtenTwice: order.split,
        timesRaised: order.raised,
      });
    }
    await writeGaps(this.#context.folder, report.gaps);
    return {
      format: "npz",
      latency: {
        leastMicros: Number.isFinite(least) ? least : null,
        shiftMicros: shift,
        // With a shift of one's own: events that hftbacktest would see before they happened.
        negative: shift + least < 0 ? this.#negative : 0,
      },
      tradesWithoutSize: this.#withoutSize,
      npz: files,
    };
  }

  snapshot(instrument: InstrumentId, bids: readonly Level[], asks: readonly Level[], times: L2Times): void {
    this.dark(instrument, times);
    for (const { price, size } of bids) this.#add(instrument, DEPTH_SNAPSHOT_EVENT + BUY, price, size, times);
    for (const { price, size } of asks) this.#add(instrument, DEPTH_SNAPSHOT_EVENT + SELL, price, size, times);
  }

  level(instrument: InstrumentId, side: Side, price: PriceMicros, size: SizeMicros, times: L2Times): void {
    this.#add(instrument, DEPTH_EVENT + (side === "bid" ? BUY : SELL), price, size, times);
  }

  /** A clear takes a side's levels from its best to the price it names: to the end of the scale, all of them. */
  dark(instrument: InstrumentId, times: L2Times): void {
    this.#add(instrument, DEPTH_CLEAR_EVENT + BUY, 0, 0, times);
    this.#add(instrument, DEPTH_CLEAR_EVENT + SELL, ONE, 0, times);
  }

  trade({ instrument, takerSide, price, size }: Trade, times: L2Times): void {
    if (size === null) this.#withoutSize++;
    else {
      const side = takerSide === "buy" ? BUY : takerSide === "sell" ? SELL : 0;
      this.#add(instrument, TRADE_EVENT + side, price, size, times);
    }
  }

  #add(instrument: InstrumentId, event: number, price: number, size: number, { sentAt, knownAt }: L2Times): void {
    const feed = this.#feedOf(instrument);
    const latency = knownAt - sentAt;
    if (latency < this.#leastLatency) this.#leastLatency = latency;
    if (latency < 0) this.#negative++;
    feed.tick = finer(feed.tick, price);
    feed.lot = finer(feed.lot, size);
    const made: HftEvent = { event, exchAt: sentAt, localAt: knownAt, price: price / ONE, quantity: size / ONE };
    feed.order.push(made);
  }

  #feedOf(instrument: InstrumentId): Feed {
    const found = this.#feeds.get(instrument);
    if (found) return found;
    const spill = new RecordSpill(this.#context.folder.path(`${pathText(instrument)}.npy-part`));
    const feed = { spill, order: new EventOrder((event, flags) => spill.add(event, flags)), tick: ONE, lot: ONE };
    this.#feeds.set(instrument, feed);
    return feed;
  }

  #nameOf(instrument: InstrumentId): string {
    const market = this.#context.survey.markets.ofInstrument(instrument);
    const outcome = market?.outcomes.find((each) => each.instrument === instrument);
    return market && outcome ? `${pathText(market.slug)}.${pathText(outcome.name)}` : pathText(instrument);
  }

  async #drain(): Promise<void> {
    let waiting = 0;
    for (const { spill } of this.#feeds.values()) {
      if (spill.isFull) await spill.flush();
      waiting += spill.waiting;
    }
    if (waiting > BYTES_IN_MEMORY) for (const { spill } of this.#feeds.values()) await spill.flush();
  }
}

/** The finest decimal step that has been seen, a power of ten in micros. */
function finer(step: number, value: number): number {
  let found = step;
  while (value % found !== 0) found /= 10;
  return found;
}
