import { MINUTE, type ReferencePrice, SECOND, type UnixMicros } from "#model";

/** What the price services give a new subscriber. */
const HISTORY = 2 * MINUTE;
/** A service whose series has been silent for so long is taken as not recorded. */
const SILENCE = 2 * MINUTE;

type Service = ReferencePrice["source"];

interface Series {
  /** By observedAt: what one service showed, another shows too. */
  readonly points: Map<UnixMicros, ReferencePrice>;
  /** The same for each service, to know the copies of its other sockets. */
  readonly shown: Map<Service, Set<UnixMicros>>;
  /** When each service last brought a point of it. */
  readonly heardAt: Map<Service, UnixMicros>;
}

/** The last two minutes of each series of reference prices, every observation once, whichever sockets carried it. */
export class PriceMemory {
  readonly #series = new Map<string, Series>();

  /** Takes a point that became known at `at`. False where this service had shown it already: another socket's copy. */
  add(price: ReferencePrice, at: UnixMicros): boolean {
    const series = this.#seriesOf(price);
    series.heardAt.set(price.source, at);
    const shown = series.shown.get(price.source) ?? new Set();
    if (shown.has(price.observedAt)) return false;
    series.shown.set(price.source, shown.add(price.observedAt));
    if (!series.points.has(price.observedAt)) series.points.set(price.observedAt, price);
    forgetBefore(series.points, at);
    forgetBefore(shown, at);
    return true;
  }

  /** Whether a service has been bringing this series itself. */
  hears(source: Service, price: ReferencePrice, at: UnixMicros): boolean {
    const heardAt = this.#seriesOf(price).heardAt.get(source);
    return heardAt !== undefined && at - heardAt <= SILENCE;
  }

  /** Those of the two minutes before `at`, oldest first within a series. */
  history(at: UnixMicros): readonly ReferencePrice[] {
    const isRecent = ({ observedAt }: ReferencePrice) => observedAt >= at - HISTORY;
    return [...this.#series.values()].flatMap(({ points }) =>
      [...points.values()].filter(isRecent).sort((a, b) => a.observedAt - b.observedAt),
    );
  }

  #seriesOf({ measure, symbol, provider, windowSeconds }: ReferencePrice): Series {
    const key = `${measure}/${windowSeconds ?? ""}/${symbol}/${provider}`;
    let series = this.#series.get(key);
    if (!series) {
      series = { points: new Map(), shown: new Map(), heardAt: new Map() };
      this.#series.set(key, series);
    }
    return series;
  }
}

/** Points come nearly in order, so the oldest stand first. */
function forgetBefore(points: Map<UnixMicros, ReferencePrice> | Set<UnixMicros>, at: UnixMicros): void {
  for (const observedAt of points.keys()) {
    if (observedAt >= at - HISTORY) return;
    points.delete(observedAt);
  }
}

/** Lets one observation of a series pass each second: Binance's trades come by the hundred, and RTDS shows one a second. */
export class EachSecond {
  readonly #last = new Map<string, number>();

  isNext({ symbol, observedAt }: ReferencePrice): boolean {
    const second = Math.floor(observedAt / SECOND);
    if (second <= (this.#last.get(symbol) ?? 0)) return false;
    this.#last.set(symbol, second);
    return true;
  }
}
