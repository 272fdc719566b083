import type { ConnectionId, Frame, InstrumentId, Market, MarketId, UnixMicros, VenueEvent } from "#model";
import { MINUTE, SECOND } from "#model";
import { MarketBook } from "#timeline";
import { parseWindowSlug, seriesSlug, settlementOfWindow } from "#venue";
import { listing, USUAL_TICK } from "../synthetic/listing.ts";

/** The catalog shows a strike about a minute after the start, when the window before is resolved. */
const STRIKE_LAG = MINUTE;
/** The price feed shows a boundary price a few seconds after it. */
const BOUNDARY_LAG = 3 * SECOND;
/** Where the recording has a winner and no time of it. */
const RESOLUTION_LAG = MINUTE;

interface Seen {
  readonly instruments: InstrumentId[];
  /** A window's slug, where a connection's label is one. */
  readonly slug: string | undefined;
  winner: InstrumentId | null;
  winnerName: string | null;
  resolvedAt: UnixMicros | null;
}

/**
 * The markets of a recording: what its Gamma answers and announcements say, or else what its frames and labels let one
 * conclude. Learns all of it first, and then shows of it what was known at a moment.
 */
export class RecordedCatalog {
  readonly #told = new MarketBook();
  readonly #given: ReadonlyMap<MarketId, Market>;
  readonly #seen = new Map<MarketId, Seen>();
  readonly #instruments = new Set<InstrumentId>();
  #markets: readonly Market[] | null = null;

  constructor(given: readonly Market[] = []) {
    this.#given = new Map(given.map((market) => [market.id, market]));
  }

  learn(frame: Frame, events: readonly VenueEvent[]): void {
    this.#markets = null;
    this.#told.learn(frame, events);
    for (const event of events) {
      switch (event.kind) {
        case "book":
        case "trade":
        case "tick_size_change":
        case "best_prices":
          this.#see(event.market, event.instrument, frame.connection);
          break;
        case "price_change":
          for (const { instrument } of event.changes) this.#see(event.market, instrument, frame.connection);
          break;
        case "market_resolved": {
          const seen = this.#see(event.market, event.winner, frame.connection);
          seen.winner = event.winner;
          seen.winnerName = event.outcome;
          seen.resolvedAt = frame.receivedAt;
          break;
        }
        default:
          break;
      }
    }
  }

  /** True for instruments of which the recording has frames. */
  has(instrument: InstrumentId): boolean {
    return this.#instruments.has(instrument);
  }

  /** Those of a market of which the recording has frames. */
  instrumentsOf(market: MarketId): readonly InstrumentId[] {
    return this.#seen.get(market)?.instruments ?? [];
  }

  /** Each market as it was known at `now`: listed from the start, its strike and outcome in their time. */
  *at(now: UnixMicros): Iterable<Market> {
    this.#markets ??= this.#conclude();
    for (const market of this.#markets) yield asKnownAt(market, now);
  }

  boundaryPricesAt(id: MarketId, now: UnixMicros) {
    this.#markets ??= this.#conclude();
    const { window, strike, finalPrice } = this.#markets.find((market) => market.id === id) ?? {};
    return {
      strike: strike && now >= (window?.startsAt ?? 0) + BOUNDARY_LAG ? strike : null,
      finalPrice: finalPrice && now >= (window?.endsAt ?? 0) + BOUNDARY_LAG ? finalPrice : null,
    };
  }

  #see(market: MarketId, instrument: InstrumentId, connection: ConnectionId): Seen {
    let seen = this.#seen.get(market);
    if (!seen) {
      const slug = parseWindowSlug(connection) ? connection : undefined;
      seen = { instruments: [], slug, winner: null, winnerName: null, resolvedAt: null };
      this.#seen.set(market, seen);
    }
    if (!seen.instruments.includes(instrument)) seen.instruments.push(instrument);
    this.#instruments.add(instrument);
    return seen;
  }

  #conclude(): readonly Market[] {
    const markets = new Map<MarketId, Market>(this.#given);
    for (const market of this.#told.all()) markets.set(market.id, { ...market, ...markets.get(market.id) });
    for (const [id, seen] of this.#seen) {
      const market = markets.get(id) ?? marketFrom(id, seen);
      const { winner, resolvedAt } = seen;
      markets.set(
        id,
        winner === null ? market : { ...market, closed: true, winner, closedAt: market.closedAt ?? resolvedAt },
      );
    }
    return [...markets.values()];
  }
}

function marketFrom(id: MarketId, { instruments, slug, winner, winnerName }: Seen): Market {
  const recurring = slug === undefined ? undefined : parseWindowSlug(slug);
  const names = recurring ? ["Up", "Down"] : ["Yes", "No"];
  // Frames do not say which token is which outcome; a resolution does. Else the order of appearance has to do.
  if (winner !== null && names.indexOf(winnerName ?? "") !== instruments.indexOf(winner)) names.reverse();
  return {
    ...listing(
      slug ?? `recorded-${id.slice(2, 12)}`,
      id,
      instruments.map((instrument, index) => ({ name: names[index] ?? `Outcome ${index + 1}`, instrument })),
    ),
    question: slug ?? `Recorded market ${id}`,
    tickSize: USUAL_TICK,
    seriesSlug: recurring ? seriesSlug(recurring.coin, recurring.timeframe) : null,
    window: recurring?.window ?? null,
    settlement: recurring ? settlementOfWindow(recurring) : { kind: "other", source: "" },
  };
}

function asKnownAt(market: Market, now: UnixMicros): Market {
  const { window, closedAt, winner } = market;
  const resolvedAt = closedAt ?? (winner !== null && window ? window.endsAt + RESOLUTION_LAG : null);
  if (resolvedAt !== null && now >= resolvedAt) return { ...market, closed: true };
  const strikeIsOut = window === null || now >= window.startsAt + STRIKE_LAG;
  return {
    ...market,
    closed: false,
    closedAt: null,
    winner: null,
    finalPrice: null,
    strike: strikeIsOut ? market.strike : null,
  };
}
