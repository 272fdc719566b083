import type { InstrumentId, Market, UnixMicros } from "#model";
import { MILLISECOND } from "#model";
import type { Exchange, TradedMarket } from "#sim";
import { Decoder } from "#venue";
import type { EmulatorSource, MarketFrame } from "../source.ts";

/**
 * Shows the exchange the markets that somebody trades: their book when the first order comes, and from then on every fact
 * that the source plays. Markets that nobody trades cost nothing.
 */
export class MarketDesk {
  readonly #source: EmulatorSource;
  readonly #exchange: Exchange;
  readonly #takerDelay: (market: Market) => number;
  readonly #decoder = new Decoder();
  readonly #followed = new Map<InstrumentId, Market>();

  /** @param takerDelay milliseconds */
  constructor(source: EmulatorSource, exchange: Exchange, takerDelay: (market: Market) => number) {
    this.#source = source;
    this.#exchange = exchange;
    this.#takerDelay = takerDelay;
  }

  /** The market of an instrument, listed at the exchange where it can be; undefined: there is none. */
  follow(instrument: InstrumentId, at: UnixMicros): Market | undefined {
    const followed = this.#followed.get(instrument);
    if (followed) return followed;
    const market = this.#marketOf(instrument);
    const traded = market && this.#tradedOf(market);
    if (!traded) return market;
    const answer = this.#source.book(traded.outcomes[0]);
    if (answer.kind !== "open") return market;
    this.#exchange.list(traded);
    this.#exchange.record(answer.book, at);
    for (const outcome of traded.outcomes) this.#followed.set(outcome, market);
    return market;
  }

  tell({ bytes, instruments }: MarketFrame, at: UnixMicros): void {
    if (!instruments.some((instrument) => this.#followed.has(instrument))) return;
    for (const event of this.#decoder.decode("market", bytes)) {
      switch (event.kind) {
        case "book":
        case "price_change":
        case "trade":
        case "tick_size_change":
          this.#exchange.record(event, at);
          break;
        case "market_resolved":
          this.#exchange.record(event, at);
          this.#forget(event.market);
          break;
        default:
          break;
      }
    }
  }

  /** The announcement of a resolution may never come: then the catalog tells. */
  settleFromCatalog(at: UnixMicros): void {
    if (this.#followed.size === 0) return;
    const ids = new Set([...this.#followed.values()].map(({ id }) => id));
    for (const { id, winner } of this.#source.markets()) {
      if (winner === null || !ids.has(id)) continue;
      this.#exchange.resolve(id, winner, at);
      this.#forget(id);
    }
  }

  /** The source was moved: all books are others. */
  forgetAll(): void {
    for (const id of new Set([...this.#followed.values()].map((market) => market.id))) {
      this.#exchange.close(id);
      this.#forget(id);
    }
  }

  #forget(id: Market["id"]): void {
    for (const [instrument, market] of this.#followed) if (market.id === id) this.#followed.delete(instrument);
    this.#exchange.unlist(id);
  }

  #marketOf(instrument: InstrumentId): Market | undefined {
    for (const market of this.#source.markets()) {
      if (market.outcomes.some((outcome) => outcome.instrument === instrument)) return market;
    }
    return undefined;
  }

  #tradedOf(market: Market): TradedMarket | undefined {
    const [first, second] = market.outcomes;
    if (!first || !second || market.outcomes.length !== 2) return undefined;
    return {
      id: market.id,
      outcomes: [first.instrument, second.instrument],
      tickSize: market.tickSize,
      minOrderSize: market.minOrderSize,
      fee: market.fee,
      takerDelayMicros: this.#takerDelay(market) * MILLISECOND,
    };
  }
}
