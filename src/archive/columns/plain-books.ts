import { Ladder } from "#book";
import type { InstrumentId, PriceMicros, Seq, UnixMicros, VenueEvent } from "#model";
import { ONE } from "#model";
import type { ChunkMessage, InstrumentCheckpoint, MarketCheckpoint } from "../chunk.ts";

/** Books moved by events alone: what a chunk that columns cannot hold falls back on. Slow, and right for anything. */
export class PlainBooks {
  readonly #ladders = new Map<InstrumentId, Ladder>();
  readonly #states = new Map<InstrumentId, InstrumentCheckpoint>();
  readonly #market: MarketCheckpoint["market"];
  #lastTradePrice: MarketCheckpoint["lastTradePrice"];

  constructor(opening: MarketCheckpoint) {
    this.#market = opening.market;
    this.#lastTradePrice = opening.lastTradePrice;
    for (const checkpoint of opening.instruments) {
      this.#states.set(checkpoint.instrument, checkpoint);
      this.#ladder(checkpoint.instrument).replace(checkpoint.bids, checkpoint.asks);
    }
  }

  apply(message: ChunkMessage, receivedAt: UnixMicros): void {
    for (const event of message.events) this.#apply(event, message.seq, receivedAt);
  }

  /** The books in the order of the instruments, which are all that events name. */
  checkpoint(order: readonly InstrumentId[]): MarketCheckpoint {
    const states = order.flatMap((instrument) => this.#states.get(instrument) ?? []);
    const instruments = states.map((state) => {
      const ladder = this.#ladder(state.instrument);
      return { ...state, bids: ladder.levels("bid"), asks: ladder.levels("ask") };
    });
    return { market: this.#market, lastTradePrice: this.#lastTradePrice, instruments };
  }

  #apply(event: VenueEvent, seq: Seq, receivedAt: UnixMicros): void {
    switch (event.kind) {
      case "price_change":
        for (const { instrument, side, price, size, digest } of event.changes) {
          const state = this.#states.get(instrument);
          if (state === undefined) continue;
          if (isLevel(price, size)) this.#ladder(instrument).set(side, price, size);
          this.#states.set(instrument, { ...state, sentAt: event.sentAt, digest, seq, receivedAt });
        }
        return;
      case "book": {
        const { instrument, sentAt, digest, tickSize, minOrderSize, negRisk, lastTradePrice } = event;
        const before = this.#states.get(instrument);
        const isSound = ({ price, size }: { price: number; size: number }) => isLevel(price, size);
        this.#ladder(instrument).replace(event.bids.filter(isSound), event.asks.filter(isSound));
        if (lastTradePrice !== undefined) this.#lastTradePrice = lastTradePrice;
        this.#states.set(instrument, {
          instrument,
          bids: [],
          asks: [],
          tickSize: tickSize ?? before?.tickSize ?? null,
          minOrderSize: minOrderSize ?? before?.minOrderSize ?? null,
          negRisk: negRisk ?? before?.negRisk ?? null,
          sentAt,
          digest,
          seq,
          receivedAt,
        });
        return;
      }
      case "trade":
        this.#lastTradePrice = event.price;
        return;
      case "tick_size_change": {
        const state = this.#states.get(event.instrument);
        if (state) this.#states.set(event.instrument, { ...state, tickSize: event.tickSize });
        return;
      }
      default:
        return;
    }
  }

  #ladder(instrument: InstrumentId): Ladder {
    const ladder = this.#ladders.get(instrument) ?? new Ladder(10_000 as PriceMicros);
    this.#ladders.set(instrument, ladder);
    return ladder;
  }
}

function isLevel(price: number, size: number): boolean {
  return Number.isSafeInteger(price) && price >= 0 && price <= ONE && Number.isSafeInteger(size) && size >= 0;
}
