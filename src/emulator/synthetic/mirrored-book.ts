import { bookDigest, type DigestFields, Ladder } from "#book";
import type {
  BookSnapshot,
  Digest,
  InstrumentId,
  LevelChange,
  MarketId,
  PriceChange,
  PriceMicros,
  Side,
  SizeMicros,
  UnixMicros,
} from "#model";
import { ONE } from "#model";

const FIVE_SHARES = 5_000_000 as SizeMicros;

/** A level of the first outcome's book that was set, with the best prices right after it. */
interface Change {
  readonly side: Side;
  readonly price: PriceMicros;
  readonly size: SizeMicros;
  readonly bestBid: PriceMicros | null;
  readonly bestAsk: PriceMicros | null;
}

/**
 * The two books of a market. They hold the same orders: a bid at p in one is an ask at 1 - p in the other. All prices
 * here are the first outcome's; the second's are mirrored on the way out.
 */
export class MirroredBook {
  readonly market: MarketId;
  readonly tokens: readonly [InstrumentId, InstrumentId];
  readonly #first: Ladder;
  readonly #second: Ladder;
  #tickSize: PriceMicros;
  #changes: Change[] = [];
  #sentAt: UnixMicros;
  #digests: readonly [Digest, Digest] | null = null;
  /** Of the market, in the terms of the token that traded last. */
  lastTradePrice: PriceMicros | null = null;

  constructor(market: MarketId, tokens: readonly [InstrumentId, InstrumentId], tickSize: PriceMicros, at: UnixMicros) {
    this.market = market;
    this.tokens = tokens;
    this.#tickSize = tickSize;
    this.#sentAt = at;
    this.#first = new Ladder(tickSize);
    this.#second = new Ladder(tickSize);
  }

  /** The first outcome's book, to read. */
  get ladder(): Pick<Ladder, "bestBid" | "bestAsk" | "size" | "count" | "forEach"> {
    return this.#first;
  }

  get tickSize(): PriceMicros {
    return this.#tickSize;
  }

  /** Venue time of the last change. */
  get sentAt(): UnixMicros {
    return this.#sentAt;
  }

  /** How many levels changed since the last batch. */
  get pending(): number {
    return this.#changes.length;
  }

  /** Sets a level in both books and notes it for the batch; nothing where it has that size already. */
  set(side: Side, price: PriceMicros, size: SizeMicros): void {
    if (this.#first.size(side, price) === size) return;
    this.#first.set(side, price, size);
    this.#second.set(side === "bid" ? "ask" : "bid", mirror(price), size);
    this.#changes.push({ side, price, size, bestBid: this.#first.bestBid(), bestAsk: this.#first.bestAsk() });
  }

  regrid(tickSize: PriceMicros): void {
    this.#tickSize = tickSize;
    this.#first.regrid(tickSize);
    this.#second.regrid(tickSize);
    this.#digests = null;
  }

  /** Ends the batch without messages: the opening book was built before anyone listened. */
  settle(sentAt: UnixMicros): void {
    this.#changes = [];
    this.#sentAt = sentAt;
    this.#digests = null;
  }

  /**
   * Ends the batch: one message a level, as the venue sends them, with an entry for each token, and in all of them the
   * digest of the state after the last.
   */
  commit(sentAt: UnixMicros): PriceChange[] {
    const changes = this.#changes;
    this.settle(sentAt);
    const [first, second] = this.digests();
    return changes.map((change, index) => ({
      kind: "price_change",
      market: this.market,
      sentAt,
      changes: inTurn(index, this.#entry(change, first), this.#mirrorEntry(change, second)),
    }));
  }

  digests(): readonly [Digest, Digest] {
    this.#digests ??= [bookDigest(this.#first, this.#fields(0)), bookDigest(this.#second, this.#fields(1))];
    return this.#digests;
  }

  /** What a subscriber gets, or REST answers. */
  snapshot(token: InstrumentId): BookSnapshot {
    const index = token === this.tokens[0] ? 0 : 1;
    const ladder = index === 0 ? this.#first : this.#second;
    return {
      kind: "book",
      ...this.#fields(index),
      digest: this.digests()[index],
      bids: ladder.levels("bid"),
      asks: ladder.levels("ask"),
    };
  }

  bestPrices(token: InstrumentId): { bestBid: PriceMicros | null; bestAsk: PriceMicros | null } {
    const ladder = token === this.tokens[0] ? this.#first : this.#second;
    return { bestBid: ladder.bestBid(), bestAsk: ladder.bestAsk() };
  }

  #fields(index: 0 | 1): DigestFields {
    return {
      market: this.market,
      instrument: this.tokens[index],
      sentAt: this.#sentAt,
      minOrderSize: FIVE_SHARES,
      tickSize: this.#tickSize,
      negRisk: false,
      lastTradePrice: this.lastTradePrice,
    };
  }

  #entry({ side, price, size, bestBid, bestAsk }: Change, digest: Digest): LevelChange {
    return { instrument: this.tokens[0], side, price, size, digest, bestBid, bestAsk };
  }

  #mirrorEntry({ side, price, size, bestBid, bestAsk }: Change, digest: Digest): LevelChange {
    return {
      instrument: this.tokens[1],
      side: side === "bid" ? "ask" : "bid",
      price: mirror(price),
      size,
      digest,
      bestBid: bestAsk === null ? null : mirror(bestAsk),
      bestAsk: bestBid === null ? null : mirror(bestBid),
    };
  }
}

/** The venue names the token of the order first; orders come for either. */
function inTurn(index: number, entry: LevelChange, mirrored: LevelChange): readonly LevelChange[] {
  return index % 2 === 0 ? [entry, mirrored] : [mirrored, entry];
}

export function mirror(price: PriceMicros): PriceMicros {
  return (ONE - price) as PriceMicros;
}
