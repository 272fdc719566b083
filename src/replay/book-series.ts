import {
  type CumulativeLevel,
  crossing,
  cumulativeDepth,
  depthTo,
  imbalance,
  type Ladder,
  mid,
  spread,
  weightedMid,
} from "#book";
import type { CashMicros, InstrumentId, PriceMicros, Seq, SizeMicros, Trade, UnixMicros, Verdict } from "#model";
import { notional, SECOND } from "#model";
import type { RecordedItem, RecordedStream } from "./recorded-stream.ts";

/** "tick": after each frame that changed the book; else at each boundary, a whole multiple of the interval since 1970. */
export type Interval = "tick" | "1s" | "5s" | number;

export interface SeriesOptions {
  readonly every: Interval;
  /** Levels a side in a row; default 10. */
  readonly levels?: number;
  /** Also what rests at these prices and better. */
  readonly depthTo?: { readonly bid: PriceMicros; readonly ask: PriceMicros };
}

/** What happened since the former row: after its moment, up to and including this one's. */
export interface SeriesInterval {
  /** Mid in micros; the first is that of the former row. null: the book was never two-sided. */
  readonly mid: { readonly open: number; readonly high: number; readonly low: number; readonly close: number } | null;
  readonly trades: number;
  /** Shares traded, and dollars paid for them; a trade without a size counts as none. */
  readonly volume: SizeMicros;
  readonly cash: CashMicros;
  /** Shares that takers bought. */
  readonly bought: SizeMicros;
  /** Frames that changed the book. */
  readonly changes: number;
}

/** A book at a moment, with nothing of later in it. */
export interface BookRow {
  readonly at: UnixMicros;
  readonly bestBid: PriceMicros | null;
  readonly bestAsk: PriceMicros | null;
  readonly bidSize: SizeMicros;
  readonly askSize: SizeMicros;
  /** In micros, may end in a fraction; null for a one-sided book. */
  readonly mid: number | null;
  readonly weightedMid: number | null;
  readonly spread: number | null;
  /** Over `levels` a side, -1..1. */
  readonly imbalance: number | null;
  readonly crossing: "none" | "locked" | "crossed";
  /** Best first. */
  readonly bids: readonly CumulativeLevel[];
  readonly asks: readonly CumulativeLevel[];
  /** All levels of a side, also those beyond `levels`. */
  readonly counts: { readonly bids: number; readonly asks: number };
  readonly depthTo: { readonly bid: Depth; readonly ask: Depth } | null;
  readonly verdict: Verdict;
  /** Whether a gap that concerns it was known to be open. One that was found later is in `recording.gaps()`. */
  readonly inGap: boolean;
  /** Of the last frame in it. */
  readonly seq: Seq;
  /** How long before `at` that frame was received. */
  readonly ageMicros: number;
  readonly since: SeriesInterval;
}

interface Depth {
  readonly size: SizeMicros;
  readonly cash: CashMicros;
}

/** The messages of a batch come within milliseconds of each other. */
const LONGEST_BATCH = 2 * SECOND;

/** @throws RangeError where the interval is no whole number of micros above 0. */
export function intervalMicros(every: Interval): number | null {
  if (every === "tick") return null;
  const micros = every === "1s" ? SECOND : every === "5s" ? 5 * SECOND : every;
  if (Number.isSafeInteger(micros) && micros > 0) return micros;
  throw new RangeError(`an interval is "tick", "1s", "5s" or whole microseconds above 0, got ${every}`);
}

/**
 * The rows of one instrument's stream. `from` and `to` bound the boundaries; there are rows only from its first book on,
 * and none after `to`.
 */
export async function* bookSeries(
  stream: RecordedStream,
  instrument: InstrumentId,
  bounds: { readonly from: UnixMicros; readonly to: UnixMicros },
  options: SeriesOptions,
): AsyncGenerator<BookRow, void> {
  const every = intervalMicros(options.every);
  const series = new Series(stream, instrument, options);
  let boundary = every === null ? Number.POSITIVE_INFINITY : Math.ceil(bounds.from / every) * every;
  const due: BookRow[] = [];
  const passUntil = (at: number): void => {
    for (; boundary < at && boundary <= bounds.to; boundary += every ?? 0)
      due.push(...series.row(boundary as UnixMicros));
  };
  for await (const items of stream.steps(passUntil)) {
    yield* due.splice(0);
    const changed = series.take(items);
    if (changed && every === null) yield* series.row(items[0]!.at);
  }
  passUntil(Number.POSITIVE_INFINITY);
  yield* due;
}

class Series {
  readonly #stream: RecordedStream;
  readonly #instrument: InstrumentId;
  readonly #options: SeriesOptions;
  readonly #openGaps = new Set<string>();
  #since = new Since(null);

  constructor(stream: RecordedStream, instrument: InstrumentId, options: SeriesOptions) {
    this.#stream = stream;
    this.#instrument = instrument;
    this.#options = options;
  }

  /** Takes a step that the stream has just applied; whether it changed the book. */
  take(items: readonly RecordedItem[]): boolean {
    let changed = false;
    for (const item of items) {
      if (item.kind === "gap") {
        if (item.phase === "opened") this.#openGaps.add(item.gap.id);
        else this.#openGaps.delete(item.gap.id);
      } else if (item.kind === "book") {
        // A contradiction is found again by the stream's own prover.
        for (const gap of item.openGaps) if (gap.cause !== "contradiction") this.#openGaps.add(gap.id);
        this.#since = new Since(mid(item.book.ladder));
      } else if (item.kind === "frame") {
        for (const event of item.events) {
          if (event.kind === "trade" && event.instrument === this.#instrument) this.#since.trade(event);
          changed ||=
            (event.kind === "book" && event.instrument === this.#instrument) ||
            (event.kind === "price_change" && event.changes.some((each) => each.instrument === this.#instrument));
        }
      }
    }
    const book = changed ? this.#stream.prover.book(this.#instrument) : undefined;
    if (book) this.#since.change(mid(book.ladder));
    return book !== undefined;
  }

  /** None before the first book. */
  *row(at: UnixMicros): Generator<BookRow> {
    const book = this.#stream.prover.book(this.#instrument);
    if (!book) return;
    const ageMicros = at - book.receivedAt;
    const verdict = this.#stream.prover.verdictNow(this.#instrument, ageMicros > LONGEST_BATCH);
    const since = this.#since.value();
    this.#since = new Since(mid(book.ladder));
    const inGap = this.#openGaps.size > 0;
    yield { at, ...viewOf(book.ladder, this.#options), verdict, inGap, seq: book.seq, ageMicros, since };
  }
}

function viewOf(ladder: Ladder, { levels = 10, depthTo: prices }: SeriesOptions) {
  const [bestBid, bestAsk] = [ladder.bestBid(), ladder.bestAsk()];
  return {
    bestBid,
    bestAsk,
    bidSize: bestBid === null ? (0 as SizeMicros) : ladder.size("bid", bestBid),
    askSize: bestAsk === null ? (0 as SizeMicros) : ladder.size("ask", bestAsk),
    mid: mid(ladder),
    weightedMid: weightedMid(ladder),
    spread: spread(ladder),
    imbalance: imbalance(ladder, levels),
    crossing: crossing(ladder),
    bids: cumulativeDepth(ladder, "bid", levels),
    asks: cumulativeDepth(ladder, "ask", levels),
    counts: { bids: ladder.count("bid"), asks: ladder.count("ask") },
    depthTo:
      prices === undefined
        ? null
        : { bid: depthTo(ladder, "bid", prices.bid), ask: depthTo(ladder, "ask", prices.ask) },
  };
}

/** What happens between two rows. */
class Since {
  #mid: { open: number; high: number; low: number; close: number } | null = null;
  #trades = 0;
  #volume = 0;
  #cash = 0;
  #bought = 0;
  #changes = 0;

  constructor(middle: number | null) {
    this.#show(middle);
  }

  trade({ price, size, takerSide }: Trade): void {
    this.#trades++;
    if (size === null) return;
    this.#volume += size;
    this.#cash += notional(price, size, "nearest");
    if (takerSide === "buy") this.#bought += size;
  }

  change(middle: number | null): void {
    this.#changes++;
    this.#show(middle);
  }

  value(): SeriesInterval {
    return {
      mid: this.#mid,
      trades: this.#trades,
      volume: this.#volume as SizeMicros,
      cash: this.#cash as CashMicros,
      bought: this.#bought as SizeMicros,
      changes: this.#changes,
    };
  }

  #show(middle: number | null): void {
    if (middle === null) return;
    if (this.#mid === null) {
      this.#mid = { open: middle, high: middle, low: middle, close: middle };
      return;
    }
    const { open, high, low } = this.#mid;
    this.#mid = { open, high: Math.max(high, middle), low: Math.min(low, middle), close: middle };
  }
}
