import type {
  BookSnapshot,
  CashMicros,
  InstrumentId,
  MarketId,
  MarketResolved,
  PriceChange,
  PriceMicros,
  SizeMicros,
  TickSizeChange,
  Trade,
  UnixMicros,
} from "#model";
import { refusalOf } from "./checks.ts";
import { Clearing } from "./clearing.ts";
import type { Ledger } from "./ledger.ts";
import {
  type AccountId,
  type ExchangeEvent,
  mirrored,
  type Order,
  type OrderId,
  type OrderRequest,
  type OrderState,
  placeInBook,
  type Refusal,
  type SimTrade,
  type TradedMarket,
  type TradeId,
} from "./order.ts";
import { type OrderRecord, OrderRegister } from "./order-register.ts";
import type { ShownLevel } from "./recorded-book.ts";
import { planTake, type Take, wholeLots } from "./take.ts";
import { VenueMarket } from "./venue-market.ts";

export interface ExchangeOptions {
  /** Names the n-th trade, from 0. */
  readonly tradeId: (index: number) => TradeId;
  /** Told of everything in order, while it happens. Must not call the exchange. */
  readonly onEvent: (event: ExchangeEvent) => void;
}

/** What the recording may say to the exchange. */
export type RecordedFact = BookSnapshot | PriceChange | Trade | TickSizeChange | MarketResolved;

export type Submission =
  | { readonly kind: "refused"; readonly refusal: Refusal }
  | { readonly kind: "accepted"; readonly order: Order; readonly trades: readonly SimTrade[] };

export type Cancellation = "cancelled" | "unknown" | "delayed" | "ended";

/**
 * The venue's matching engine for our own orders, over a recorded book. Deterministic: it knows no clock but the moments
 * it is told, which must not go back, and no chance.
 *
 * Our orders never change the recording. What they take is remembered (TakenLevels), so that nothing is taken twice; what
 * rests fills only where a recorded order would have had to trade with it (Queue). It is conservative on purpose:
 * - the recording reacts to nothing we do: no market impact beyond what we took, and no one runs from our orders
 * - whoever was at a price before us trades before us, and leaves after all others
 * - a match is final: that the venue's settlement may fail is not modelled here
 * Cash and shares move at the match. A resolved market pays its winners at once.
 */
export class Exchange {
  readonly #options: ExchangeOptions;
  readonly #markets = new Map<MarketId, VenueMarket>();
  readonly #byInstrument = new Map<InstrumentId, VenueMarket>();
  readonly #orders = new OrderRegister();
  readonly #clearing = new Clearing();
  #trades = 0;

  constructor(options: ExchangeOptions) {
    this.#options = options;
  }

  /** What accounts have. To read. */
  get ledger(): Pick<Ledger, "has" | "accounts" | "cash" | "shares" | "freeCash" | "freeShares"> {
    return this.#clearing.ledger;
  }

  /** @throws RangeError where it is open already */
  openAccount(id: AccountId, cash: CashMicros): void {
    this.#clearing.ledger.open(id, cash);
  }

  /** Gives shares out of nothing: for a start with a position. */
  deposit(id: AccountId, instrument: InstrumentId, size: SizeMicros): void {
    this.#clearing.ledger.move(id, instrument, 0, size);
  }

  /** Takes orders for a market from now on; its book must then be shown to it, and all that changes it. */
  list(market: TradedMarket): void {
    if (this.#markets.has(market.id)) return;
    const listed = new VenueMarket(market);
    this.#markets.set(market.id, listed);
    for (const instrument of market.outcomes) this.#byInstrument.set(instrument, listed);
  }

  /** Its orders must have ended: after its resolution. */
  unlist(id: MarketId): void {
    for (const instrument of this.#markets.get(id)?.market.outcomes ?? []) this.#byInstrument.delete(instrument);
    this.#markets.delete(id);
  }

  isListed(id: MarketId): boolean {
    return this.#markets.has(id);
  }

  /** As the recording has it now; undefined where the market is not listed. */
  tickSize(id: MarketId): PriceMicros | undefined {
    return this.#markets.get(id)?.book.tickSize;
  }

  order(id: OrderId): Order | undefined {
    return this.#orders.get(id)?.order;
  }

  /** Orders that are live or delayed, the oldest first. */
  *openOrders(account?: AccountId): Iterable<Order> {
    for (const { order } of this.#orders.open()) if (account === undefined || order.account === account) yield order;
  }

  /** When something falls due by itself: the end of a delay or of a life. Call `advance` then. */
  nextAt(): UnixMicros | null {
    return this.#orders.nextAt();
  }

  /** Lets happen what falls due by `at`, each at its own moment. */
  advance(at: UnixMicros): void {
    for (let due = this.#orders.takeDue(at); due !== undefined; due = this.#orders.takeDue(at)) {
      const { record, dueAt } = due;
      if (record.order.state === "delayed") this.#endDelay(record, dueAt);
      else this.#end(record, "expired");
    }
  }

  submit(request: OrderRequest, at: UnixMicros): Submission {
    this.advance(at);
    const listed = this.#byInstrument.get(request.instrument);
    const refusal = this.#refusalOf(request, listed, at);
    if (refusal !== null || !listed) return { kind: "refused", refusal: refusal ?? { kind: "no_book" } };
    const { side, price } = placeInBook(listed.market, request);
    const takes = listed.crosses(side, price);
    if (takes && request.postOnly) return { kind: "refused", refusal: { kind: "post_only_crosses" } };
    const short = this.#clearing.shortage(request, listed.market, takes);
    if (short) return { kind: "refused", refusal: short };
    const delay = listed.market.takerDelayMicros;
    if (!takes || delay === 0) return this.#place(request, listed, at);
    const record = this.#orders.add({ ...request, ...UNFILLED, placedAt: at, state: "delayed" });
    this.#clearing.holdWhole(record, listed.market);
    this.#orders.schedule(record, (at + delay) as UnixMicros);
    this.#emit({ kind: "placed", order: record.order });
    return { kind: "accepted", order: record.order, trades: [] };
  }

  /** @param account whose it must be */
  cancel(id: OrderId, account: AccountId, at: UnixMicros): Cancellation {
    this.advance(at);
    const record = this.#orders.get(id);
    if (!record || record.order.account !== account) return "unknown";
    if (record.order.state === "delayed") return "delayed";
    if (record.order.state !== "live") return "ended";
    this.#end(record, "cancelled");
    return "cancelled";
  }

  /** A fact of the recording. Facts of markets that are not listed are none of ours. */
  record(fact: RecordedFact, at: UnixMicros): void {
    const listed = this.#markets.get(fact.market);
    if (!listed || listed.closed) return;
    this.advance(at);
    switch (fact.kind) {
      case "book":
        return this.#show(listed, listed.book.replace(fact, at), at);
      case "price_change":
        return this.#show(listed, listed.book.change(fact, at), at);
      case "tick_size_change":
        return listed.book.retick(fact.tickSize);
      case "trade":
        return this.#pass(listed, fact, at);
      case "market_resolved":
        return this.resolve(fact.market, fact.winner, at);
    }
  }

  /** Ends the market's orders and pays a dollar for each share of the winner, nothing for the others. */
  resolve(market: MarketId, winner: InstrumentId, at: UnixMicros): void {
    const listed = this.#markets.get(market);
    if (!listed || listed.closed) return;
    this.advance(at);
    this.close(market);
    for (const payout of this.#clearing.payOut(listed.market, winner)) this.#emit({ kind: "settled", ...payout });
  }

  /** No more orders; those that are open, delayed ones too, end. */
  close(market: MarketId): void {
    const listed = this.#markets.get(market);
    if (!listed) return;
    listed.closed = true;
    for (const record of [...this.#orders.open()]) {
      if (record.order.market === market) this.#end(record, "closed");
    }
  }

  #refusalOf(request: OrderRequest, listed: VenueMarket | undefined, at: UnixMicros): Refusal | null {
    if (!listed?.book.isOpen) return { kind: "no_book" };
    if (listed.closed) return { kind: "market_closed" };
    if (this.#orders.get(request.id)) return { kind: "duplicate" };
    return refusalOf(request, listed.market, listed.book.tickSize, at);
  }

  /** Matches a new order that is not delayed, and lets it rest where it may. */
  #place(request: OrderRequest, listed: VenueMarket, at: UnixMicros): Submission {
    const take = this.#plan(request, listed);
    const refusal = this.#matchRefusal(request, listed.market, take);
    if (refusal) return { kind: "refused", refusal };
    const record = this.#orders.add({ ...request, ...UNFILLED, placedAt: at, state: "live" });
    this.#emit({ kind: "placed", order: record.order });
    const trades = this.#take(record, listed, take, at);
    return { kind: "accepted", order: record.order, trades };
  }

  #endDelay(record: OrderRecord, at: UnixMicros): void {
    const { order } = record;
    const listed = this.#markets.get(order.market);
    if (!listed) return this.#end(record, "closed");
    this.#clearing.release(record);
    const take = this.#plan(order, listed);
    const refusal =
      refusalOf(order, listed.market, listed.book.tickSize, at) ?? this.#matchRefusal(order, listed.market, take);
    if (refusal) {
      record.order = { ...order, refusal };
      return this.#end(record, "killed");
    }
    record.order = { ...order, state: "live" };
    this.#take(record, listed, take, at);
  }

  #plan(request: OrderRequest, listed: VenueMarket): Take {
    const { side, price } = placeInBook(listed.market, request);
    const isFirst = request.instrument === listed.market.outcomes[0];
    return planTake(request.quantity, listed.offers(side, price), (at) => (isFirst ? at : mirrored(at)));
  }

  /** Why what was found to match does not do; the order must hold nothing back. */
  #matchRefusal(request: OrderRequest, market: TradedMarket, take: Take): Refusal | null {
    if (request.life.kind === "fok" && !take.isWhole) return { kind: "not_filled_whole" };
    if (request.life.kind === "fak" && take.size === 0) return { kind: "nothing_to_match" };
    return this.#clearing.shortageOf(take, request, market);
  }

  #take(record: OrderRecord, listed: VenueMarket, { fills, isWhole }: Take, at: UnixMicros): SimTrade[] {
    const { side, price } = placeInBook(listed.market, record.order);
    const trades: SimTrade[] = [];
    for (const fill of fills) {
      const maker = fill.order === null ? null : (this.#orders.get(fill.order) ?? null);
      if (!maker) listed.book.take(side === "bid" ? "ask" : "bid", fill.price, fill.size);
      else listed.queue.reduce(maker.order.id, fill.size);
      trades.push(this.#trade(listed.market, { taker: record, maker, price: fill.price, size: fill.size, at }));
    }
    const { life, quantity, filled, id } = record.order;
    const left = quantity.kind === "shares" ? quantity.size - filled : 0;
    if (isWhole || (quantity.kind === "shares" && left === 0)) this.#end(record, "filled");
    else if (life.kind === "fak" || life.kind === "fok") this.#end(record, "killed");
    else {
      this.#clearing.holdRest(record);
      listed.queue.join({ id, side, price, since: at, left: left as SizeMicros }, listed.book.size(side, price));
      if (life.kind === "gtd") this.#orders.schedule(record, life.diesAt);
    }
    return trades;
  }

  /** The recorded book moved: our place in the queues, and recorded orders that come to or through our prices. */
  #show(listed: VenueMarket, shown: readonly ShownLevel[], at: UnixMicros): void {
    for (const level of shown) listed.queue.show(level, at);
    if (shown.length === 0) return;
    for (const side of ["bid", "ask"] as const) {
      for (const resting of [...listed.queue.side(side)]) {
        const offers = listed.book.takeable(side, resting.price);
        if (offers.length === 0) break;
        for (const offer of offers) {
          const size = wholeLots(Math.min(resting.left, offer.size));
          if (size === 0) continue;
          listed.book.take(side === "bid" ? "ask" : "bid", offer.price, size);
          this.#fillResting(listed, resting.id, size, at);
          if (resting.left === 0) break;
        }
      }
    }
  }

  #pass(listed: VenueMarket, trade: Trade, at: UnixMicros): void {
    const passing = listed.passing(trade);
    if (!passing) return;
    for (const { id, size } of listed.queue.share(passing, at)) this.#fillResting(listed, id, size, at);
  }

  /** A stranger takes from a resting order of ours, at its price. */
  #fillResting(listed: VenueMarket, id: OrderId, size: SizeMicros, at: UnixMicros): void {
    const record = this.#orders.get(id);
    if (!record) return;
    listed.queue.reduce(id, size);
    const { price } = placeInBook(listed.market, record.order);
    this.#trade(listed.market, { taker: null, maker: record, price, size, at });
  }

  #trade(
    market: TradedMarket,
    what: {
      taker: OrderRecord | null;
      maker: OrderRecord | null;
      price: PriceMicros;
      size: SizeMicros;
      at: UnixMicros;
    },
  ): SimTrade {
    const { taker, maker, price, size, at } = what;
    const id = this.#options.tradeId(this.#trades++);
    const trade: SimTrade = {
      id,
      market: market.id,
      at,
      taker: taker && this.#clearing.settle(taker, market, price, size, true),
      maker: maker && this.#clearing.settle(maker, market, price, size, false),
    };
    if (maker) this.#clearing.holdRest(maker);
    const touched = [taker, maker].filter((record) => record !== null);
    this.#emit({ kind: "traded", trade, orders: touched.map(({ order }) => order) });
    if (maker && maker.order.quantity.kind === "shares" && maker.order.filled >= maker.order.quantity.size) {
      this.#end(maker, "filled");
    }
    return trade;
  }

  #end(record: OrderRecord, state: OrderState): void {
    this.#clearing.release(record);
    record.order = { ...record.order, state };
    this.#markets.get(record.order.market)?.queue.leave(record.order.id);
    this.#orders.end(record);
    this.#emit({ kind: "ended", order: record.order });
  }

  #emit(event: ExchangeEvent): void {
    this.#options.onEvent(event);
  }
}

const UNFILLED = { filled: 0 as SizeMicros, traded: 0 as CashMicros, refusal: null } as const;
