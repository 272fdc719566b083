import type { ExactPrice, Frame, InstrumentId, Market, MarketId, UnixMicros, VenueEvent } from "#model";
import { decodeExchange, MINUTE, SECOND } from "#model";
import { decodeGamma, decodeWindowPrices, parseWindowSlug } from "#venue";
import { Facts } from "./facts.ts";
import { marketFrom, type Sighting } from "./sighting.ts";

/** The catalog shows a strike about a minute after the start, when the window before is resolved. */
const STRIKE_LAG = MINUTE;
/** The price feed shows a boundary price a few seconds after it. */
const BOUNDARY_LAG = 3 * SECOND;
/** Where the recording has a winner and no time of it. */
const RESOLUTION_LAG = MINUTE;

interface Entry {
  /** What Gamma and announcements said, each from when they said it. */
  readonly told: Facts<Market>;
  /** What only frames and labels let one conclude. */
  seen: Sighting | null;
}

interface Resolution {
  readonly winner: InstrumentId;
  readonly name: string;
}

/** What the strike service had said of a window. */
export interface BoundaryPrices {
  readonly strike: ExactPrice | null;
  readonly finalPrice: ExactPrice | null;
}

export interface RecordedCatalogOptions {
  /** Markets known beforehand, with what will be known of them in the end: it is shown when its time has come. */
  readonly given?: readonly Market[];
  /**
   * True: a market is listed before the recording first names it, without anything that was learned later but its name and
   * tokens. For a recording that was read through beforehand because it has no catalog of its own.
   */
  readonly ahead?: boolean;
  /** Which markets are part of it at all. */
  wanted?(market: Market): boolean;
}

/**
 * The markets of a recording at a moment: what its Gamma answers and announcements had said by then, or else what its
 * frames and labels let one conclude. Every fact is kept with the time at which it was recorded, so that none is shown
 * before; learning the same frame twice changes nothing.
 */
export class RecordedCatalog {
  readonly #options: RecordedCatalogOptions;
  readonly #given: ReadonlyMap<MarketId, Market>;
  readonly #entries = new Map<MarketId, Entry>();
  readonly #resolutions = new Map<MarketId, Facts<Resolution>>();
  readonly #boundaries = new Map<string, Facts<BoundaryPrices>>();
  readonly #marketOf = new Map<InstrumentId, MarketId>();
  readonly #framed = new Set<InstrumentId>();
  #version = 0;
  #shown: { readonly version: number; readonly now: UnixMicros; readonly markets: readonly Market[] } | null = null;

  constructor(options: RecordedCatalogOptions = {}) {
    this.#options = options;
    this.#given = new Map((options.given ?? []).map((market) => [market.id, market]));
    for (const market of this.#given.values()) this.#nameInstruments(market);
  }

  /** Takes a frame of any kind with the events decoded from it; they are known from `at` on. */
  learn(frame: Frame, events: readonly VenueEvent[], at: UnixMicros = frame.receivedAt): void {
    if (frame.kind === "answered") return this.#learnAnswer(frame.bytes, at);
    for (const event of events) {
      switch (event.kind) {
        case "book":
        case "trade":
        case "tick_size_change":
        case "best_prices":
          this.#see(event.market, event.instrument, frame, at);
          break;
        case "price_change":
          for (const { instrument } of event.changes) this.#see(event.market, instrument, frame, at);
          break;
        case "market_created":
          // A Gamma answer says more than the announcement.
          if (this.#entries.get(event.market.id)?.told.at(at) === undefined) this.#tell(event.market, at);
          break;
        case "market_resolved":
          factsOf(this.#resolutions, event.market).add(at, { winner: event.winner, name: event.outcome });
          this.#see(event.market, event.winner, frame, at);
          this.#version++;
          break;
        default:
          break;
      }
    }
  }

  /** True for instruments of which the recording has frames, as far as it was read. */
  has(instrument: InstrumentId): boolean {
    return this.#framed.has(instrument);
  }

  /** Those of a market, as far as they are known. */
  instrumentsOf(id: MarketId): readonly InstrumentId[] {
    const entry = this.#entries.get(id);
    const market = entry?.told.last() ?? this.#given.get(id);
    return market?.outcomes.map(({ instrument }) => instrument) ?? entry?.seen?.instruments ?? [];
  }

  marketOf(instrument: InstrumentId): MarketId | undefined {
    return this.#marketOf.get(instrument);
  }

  /** Whether frames of this market are to be played. What nothing is known of is, unless something in particular is wanted. */
  isWanted(id: MarketId): boolean {
    const { wanted } = this.#options;
    if (wanted === undefined) return true;
    const market = this.#identity(id);
    return market !== undefined && wanted(market);
  }

  /** Each wanted market as it was known at `now`. */
  at(now: UnixMicros): readonly Market[] {
    if (this.#shown?.version === this.#version && this.#shown.now === now) return this.#shown.markets;
    const ids = new Set([...this.#given.keys(), ...this.#entries.keys()]);
    const markets = [...ids].flatMap((id) => (this.isWanted(id) ? (this.market(id, now) ?? []) : []));
    this.#shown = { version: this.#version, now, markets };
    return markets;
  }

  /** Every wanted market learned so far, whatever the time: for names and tokens, never to be shown to a client. */
  *all(): Iterable<Market> {
    for (const id of new Set([...this.#given.keys(), ...this.#entries.keys()])) {
      const market = this.#identity(id);
      if (market && this.isWanted(id)) yield market;
    }
  }

  /** One market as it was known at `now`; undefined where it was not yet. */
  market(id: MarketId, now: UnixMicros): Market | undefined {
    const given = this.#given.get(id);
    const entry = this.#entries.get(id);
    const known = entry?.told.at(now) ?? (given ? asKnownAt(given, now) : this.#concluded(id, now));
    if (known === undefined) return undefined;
    const resolution = this.#resolutions.get(id)?.entryAt(now);
    if (resolution === undefined || known.closed) return known;
    return { ...known, closed: true, winner: resolution.fact.winner, closedAt: resolution.at };
  }

  /** What the strike service showed of a market at `now`, seconds after a boundary. */
  boundaryPricesAt(id: MarketId, now: UnixMicros): BoundaryPrices {
    const market = this.market(id, now);
    const served = market && this.#boundaries.get(market.slug)?.at(now);
    const given = this.#given.get(id);
    const since = (at: UnixMicros | undefined) => at !== undefined && now >= at + BOUNDARY_LAG;
    const strike = since(given?.window?.startsAt) ? given?.strike : null;
    const finalPrice = since(given?.window?.endsAt) ? given?.finalPrice : null;
    return {
      strike: served?.strike ?? strike ?? market?.strike ?? null,
      finalPrice: served?.finalPrice ?? finalPrice ?? market?.finalPrice ?? null,
    };
  }

  #learnAnswer(bytes: Uint8Array, at: UnixMicros): void {
    const answer = decodeExchange(bytes);
    if (answer?.head.status !== 200) return;
    const { url } = answer.head;
    if (/\/crypto-price\b/.test(url)) return this.#learnBoundaries(url, answer.body, at);
    if (!/\/(events|markets)\b/.test(url)) return;
    for (const market of decodeGamma(answer.body).markets) this.#tell(market, at);
  }

  #learnBoundaries(url: string, body: Uint8Array, at: UnixMicros): void {
    const decoded = decodeWindowPrices(body);
    if (decoded.kind !== "window_prices" || !URL.canParse(url)) return;
    const query = new URL(url).searchParams;
    const [coin, startsAt] = [
      query.get("symbol")?.toLowerCase(),
      Date.parse(query.get("eventStartTime") ?? "") / 1_000,
    ];
    for (const { told } of this.#entries.values()) {
      const market = told.last();
      const window = parseWindowSlug(market?.slug ?? "");
      const isMeant = window?.coin === coin && market?.window?.startsAt === startsAt * SECOND;
      if (!(market && isMeant) || Date.parse(query.get("endDate") ?? "") * 1_000 !== market.window?.endsAt) continue;
      factsOf(this.#boundaries, market.slug).add(at, { strike: decoded.open, finalPrice: decoded.close });
    }
  }

  #tell(market: Market, at: UnixMicros): void {
    const entry = this.#entryOf(market.id);
    if (!entry.told.add(at, market, isSameMarket)) return;
    this.#nameInstruments(market);
    this.#version++;
  }

  #see(id: MarketId, instrument: InstrumentId, { connection }: Frame, at: UnixMicros): void {
    this.#framed.add(instrument);
    const entry = this.#entryOf(id);
    if (entry.seen?.instruments.includes(instrument) && entry.seen.since <= at) return;
    const slug = entry.seen?.slug ?? (parseWindowSlug(connection) ? (connection as string) : undefined);
    const instruments = [...new Set([...(entry.seen?.instruments ?? []), instrument])];
    entry.seen = { instruments, slug, since: Math.min(at, entry.seen?.since ?? at) as UnixMicros };
    this.#marketOf.set(instrument, id);
    this.#version++;
  }

  /** From the frames alone; ahead of them only the names. */
  #concluded(id: MarketId, now: UnixMicros): Market | undefined {
    const { ahead = false } = this.#options;
    const entry = this.#entries.get(id);
    if (!entry) return undefined;
    const first = entry.told.first();
    if (ahead && first) return blank(first);
    if (!entry.seen || (!ahead && now < entry.seen.since)) return undefined;
    const names = this.#resolutions.get(id);
    // Which token is which outcome is only said by the resolution; knowing it ahead tells nothing about who wins.
    const named = ahead ? names?.last() : names?.at(now);
    return marketFrom(id, entry.seen, named ?? null);
  }

  /** What a market is, whatever the time: to choose by. */
  #identity(id: MarketId): Market | undefined {
    const entry = this.#entries.get(id);
    return entry?.told.first() ?? this.#given.get(id) ?? (entry?.seen ? marketFrom(id, entry.seen, null) : undefined);
  }

  #nameInstruments(market: Market): void {
    for (const { instrument } of market.outcomes) this.#marketOf.set(instrument, market.id);
  }

  #entryOf(id: MarketId): Entry {
    let entry = this.#entries.get(id);
    if (!entry) {
      entry = { told: new Facts(), seen: null };
      this.#entries.set(id, entry);
    }
    return entry;
  }
}

function factsOf<K, T>(all: Map<K, Facts<T>>, key: K): Facts<T> {
  let facts = all.get(key);
  if (!facts) {
    facts = new Facts();
    all.set(key, facts);
  }
  return facts;
}

/** Gamma is asked again and again about the same: only news are kept. */
function isSameMarket(a: Market, b: Market): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The name and the tokens, which are known when a market is listed; nothing that comes later. */
function blank(market: Market): Market {
  return { ...market, closed: false, closedAt: null, winner: null, finalPrice: null, strike: null };
}

/** What was given is known as it is in the end: shown in the order in which the venue would have shown it. */
function asKnownAt(market: Market, now: UnixMicros): Market {
  const { window, closedAt, winner } = market;
  const resolvedAt = closedAt ?? (winner !== null && window ? window.endsAt + RESOLUTION_LAG : null);
  if (resolvedAt !== null && now >= resolvedAt) return { ...market, closed: true };
  const strikeIsOut = window === null || now >= window.startsAt + STRIKE_LAG;
  return { ...blank(market), strike: strikeIsOut ? market.strike : null };
}
