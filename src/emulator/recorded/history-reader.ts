import { type FrameSource, HOUR, type InstrumentId, MINUTE, SECOND, type Trade, type UnixMicros } from "#model";
import { timeline } from "#timeline";
import type { MarketHistory } from "../source.ts";
import { RecordedBooks } from "./recorded-books.ts";

/** How far back a question about the past is answered: a window is traded for a day before it opens, mostly quietly. */
const REACH = 26 * HOUR;
/** Markets whose history is kept; the one asked for longest ago goes. */
const MOST_MARKETS = 32;
const MOST_TRADES = 50_000;
/** Copies of a frame on two sockets lie within this: read again at a seam, so that none is taken twice. */
const SEAM = 10 * SECOND;

interface Known<T> {
  /** When it was in the recording: an answer given at a moment holds nothing later. */
  readonly at: UnixMicros;
  readonly fact: T;
}

interface Mid {
  readonly at: UnixMicros;
  readonly mid: number;
}

/** Reads trades and minute mids of single markets out of a recording, when somebody asks; goes on from where it was. */
export class HistoryReader {
  readonly #source: FrameSource;
  readonly #kept = new Map<string, PastOfMarket>();

  constructor(source: FrameSource) {
    this.#source = source;
  }

  /** Everything of these instruments that was received up to and including `now`, a day back at most. */
  async read(instruments: readonly InstrumentId[], now: UnixMicros): Promise<MarketHistory> {
    const key = [...instruments].sort().join();
    const past = this.#kept.get(key) ?? new PastOfMarket(this.#source, new Set(instruments));
    this.#kept.delete(key);
    this.#kept.set(key, past);
    if (this.#kept.size > MOST_MARKETS) this.#kept.delete(this.#kept.keys().next().value!);
    return past.upTo(now);
  }
}

class PastOfMarket {
  readonly #source: FrameSource;
  readonly #instruments: ReadonlySet<InstrumentId>;
  readonly #books = new RecordedBooks();
  readonly #mids = new Map<InstrumentId, Mid[]>();
  #trades: Known<Trade>[] = [];
  #readTo: UnixMicros | null = null;
  #minute = 0;
  /** One reading at a time: questions that come meanwhile wait for it. */
  #reading: Promise<void> = Promise.resolve();

  constructor(source: FrameSource, instruments: ReadonlySet<InstrumentId>) {
    this.#source = source;
    this.#instruments = instruments;
    for (const instrument of instruments) this.#mids.set(instrument, []);
  }

  async upTo(now: UnixMicros): Promise<MarketHistory> {
    const reading = this.#reading.then(() => this.#readOn(now));
    // A reading that failed is the asker's; the next one tries again.
    this.#reading = reading.catch(() => undefined);
    await reading;
    const trades = this.#trades.filter(({ at }) => at <= now).map(({ fact }) => fact);
    const mids = [...this.#mids].map(([instrument, all]) => [instrument, all.filter(({ at }) => at <= now)] as const);
    return { trades, mids: new Map(mids) };
  }

  async #readOn(now: UnixMicros): Promise<void> {
    const done = this.#readTo ?? ((now - REACH) as UnixMicros);
    if (now <= done) return;
    const fromTime = (this.#readTo === null ? done : done - SEAM) as UnixMicros;
    for await (const steps of timeline(this.#source, { fromTime, toTime: now, instruments: this.#instruments })) {
      for (const { knownAt, events } of steps) {
        if (knownAt <= done && this.#readTo !== null) continue;
        if (knownAt > now) break;
        this.#passMinutes(knownAt);
        for (const event of events) {
          if (event.kind === "trade" && this.#instruments.has(event.instrument)) {
            this.#trades.push({ at: knownAt, fact: event });
          }
          this.#books.apply(event);
        }
      }
    }
    this.#passMinutes(now);
    if (this.#trades.length > MOST_TRADES) this.#trades = this.#trades.slice(-MOST_TRADES);
    this.#readTo = now;
  }

  /** Notes the mids at the end of each minute that is over: of the books before what came then. */
  #passMinutes(at: UnixMicros): void {
    const minute = Math.floor(at / MINUTE);
    if (minute === this.#minute) return;
    const isFirst = this.#minute === 0;
    this.#minute = minute;
    if (isFirst) return;
    for (const [instrument, mids] of this.#mids) {
      const best = this.#books.bestPrices(instrument);
      if (best) mids.push({ at: (minute * MINUTE) as UnixMicros, mid: (best.bid + best.ask) / 2 });
    }
  }
}
