import type { Frame, InstrumentId, Market, MarketId, VenueEvent } from "#model";
import { decodeExchange } from "#model";
import { decodeGamma } from "#venue";

/**
 * The catalog as the journal tells it: every Gamma answer and every announcement is a frame, so what was known of a
 * market at a moment can be had again from the frames up to then.
 */
export class MarketBook {
  readonly #markets = new Map<MarketId, Market>();
  readonly #byInstrument = new Map<InstrumentId, MarketId>();

  /** `known`: what was learned before the frames that come. */
  constructor(known: Iterable<Market> = []) {
    for (const market of known) this.add(market);
  }

  /** Takes a frame of any kind, and the events already decoded from it. */
  learn(frame: Frame, events: readonly VenueEvent[]): void {
    for (const event of events)
      if (event.kind === "market_created" && !this.#markets.has(event.market.id)) this.add(event.market);
    if (frame.kind !== "answered") return;
    const answer = decodeExchange(frame.bytes);
    if (answer?.head.status !== 200 || !/\/(events|markets)\b/.test(answer.head.url)) return;
    for (const market of decodeGamma(answer.body).markets) this.add(market);
  }

  market(id: MarketId): Market | undefined {
    return this.#markets.get(id);
  }

  ofInstrument(instrument: InstrumentId): Market | undefined {
    const id = this.#byInstrument.get(instrument);
    return id === undefined ? undefined : this.#markets.get(id);
  }

  all(): readonly Market[] {
    return [...this.#markets.values()];
  }

  /** A market as it was known; a later word of it takes its place. */
  add(market: Market): void {
    this.#markets.set(market.id, market);
    for (const outcome of market.outcomes) this.#byInstrument.set(outcome.instrument, market.id);
  }
}
