import { createHash } from "node:crypto";
import type { Clock } from "#host";
import type { CashMicros, InstrumentId, Market, MarketId, SizeMicros, UnixMicros } from "#model";
import { MILLISECOND, SECOND } from "#model";
import { type AccountId, Exchange, type ExchangeEvent, type Order, type OrderId, type SimTrade } from "#sim";
import {
  type ExchangeName,
  encodeOrderEvent,
  encodeTradeEvent,
  isSigned,
  type OrderView,
  type TradeView,
  type WireOrder,
  wireOrderId,
} from "#venue";
import type { EmulatorSource, MarketFrame } from "../source.ts";
import { AccountBook } from "./account-book.ts";
import { uuidOf } from "./accounts.ts";
import { MarketDesk } from "./market-desk.ts";
import { orderRequestOf } from "./order-request.ts";
import { refusalText } from "./refusal-text.ts";

export interface TradeDeskOptions {
  readonly source: EmulatorSource;
  /** The replay clock. */
  readonly clock: Clock;
  readonly seed: number;
  /** What each account starts with. */
  readonly startingCash: CashMicros;
  /** Milliseconds a marketable order is held. */
  readonly takerDelay: (market: Market) => number;
  /** A message for the user channel of an account. */
  readonly tell: (account: AccountId, market: MarketId, bytes: Uint8Array) => void;
}

export type Placement =
  | { readonly kind: "refused"; readonly id: string; readonly message: string }
  | { readonly kind: "placed"; readonly order: Order; readonly trades: readonly SimTrade[] };

/** How often the catalog is asked for resolutions that were never announced. */
const LOOK_EVERY = 5 * SECOND;
/** A timer may fire a little early: nothing is waited for less than this. */
const SOON = MILLISECOND;

/** Keeps the exchange on the replay clock, and tells owners what happens to their orders. */
export class TradeDesk {
  readonly #options: TradeDeskOptions;
  readonly #exchange: Exchange;
  readonly #book = new AccountBook();
  readonly #markets: MarketDesk;
  readonly #stopLooking: () => void;
  #timer: { readonly at: UnixMicros; readonly stop: () => void } | null = null;
  /** What the exchange is told must not go back, also where the clock does. */
  #now = 0 as UnixMicros;

  constructor(options: TradeDeskOptions) {
    this.#options = options;
    const { source, clock, takerDelay, seed } = options;
    this.#exchange = new Exchange({
      tradeId: (index) => uuidOf(createHash("sha256").update(`${seed}/trade/${index}`).digest()) as never,
      onEvent: (event) => this.#report(event),
    });
    this.#markets = new MarketDesk(source, this.#exchange, takerDelay);
    this.#stopLooking = clock.every(LOOK_EVERY, () => this.#markets.settleFromCatalog(this.#passTime()));
  }

  close(): void {
    this.#stopLooking();
    this.#timer?.stop();
  }

  deliver(frame: MarketFrame): void {
    this.#markets.tell(frame, this.#passTime());
    this.#arm();
  }

  /** The source was moved. Balances stay; open orders were of another moment, and end. */
  moved(at: UnixMicros): void {
    this.#markets.forgetAll();
    this.#now = at;
    this.#timer?.stop();
    this.#timer = null;
    this.#arm();
  }

  place(wire: WireOrder, account: AccountId): Placement {
    const at = this.#passTime();
    this.#ensure(account);
    const market = this.#markets.follow(wire.tokenId, at);
    const exchange = exchangeOf(market);
    const id = wireOrderId(wire, exchange) as OrderId;
    if (!isSigned(wire, exchange)) return { kind: "refused", id, message: "invalid signature" };
    const tickSize = (market && this.#exchange.tickSize(market.id)) ?? market?.tickSize;
    if (!market || !tickSize) {
      return { kind: "refused", id, message: `the orderbook ${wire.tokenId} does not exist` };
    }
    const request = orderRequestOf(wire, { id, account }, market, tickSize);
    if (this.#exchange.order(id)) return { kind: "refused", id, message: refusalText({ kind: "duplicate" }, request) };
    this.#book.add(id, wire, market);
    const answer = this.#exchange.submit(request, at);
    this.#arm();
    if (answer.kind === "accepted") return { kind: "placed", order: answer.order, trades: answer.trades };
    this.#book.drop(id);
    return { kind: "refused", id, message: refusalText(answer.refusal, request) };
  }

  /** null: cancelled; else why not. */
  cancel(id: string, account: AccountId): string | null {
    const outcome = this.#exchange.cancel(id as OrderId, account, this.#passTime());
    this.#arm();
    switch (outcome) {
      case "cancelled":
        return null;
      case "delayed":
        return "the order is delayed and can't be canceled";
      case "unknown":
      case "ended":
        return "order can't be found - already canceled or matched";
    }
  }

  openOrders(account: AccountId): OrderView[] {
    this.#passTime();
    return [...this.#exchange.openOrders(account)].flatMap((order) => this.#book.orderView(order) ?? []);
  }

  order(id: string, account: AccountId): OrderView | undefined {
    this.#passTime();
    const order = this.#exchange.order(id as OrderId);
    return order?.account === account ? this.#book.orderView(order) : undefined;
  }

  trades(account: AccountId): Iterable<TradeView> {
    this.#passTime();
    return this.#book.tradesOf(account);
  }

  cash(account: AccountId): CashMicros {
    this.#passTime();
    this.#ensure(account);
    return this.#exchange.ledger.cash(account);
  }

  shares(account: AccountId, instrument: InstrumentId): SizeMicros {
    this.#passTime();
    return this.#exchange.ledger.shares(account, instrument);
  }

  #ensure(account: AccountId): void {
    if (!this.#exchange.ledger.has(account)) this.#exchange.openAccount(account, this.#options.startingCash);
  }

  /** Lets happen all that falls due by now. */
  #passTime(): UnixMicros {
    this.#now = Math.max(this.#now, this.#options.clock.now()) as UnixMicros;
    this.#exchange.advance(this.#now);
    for (const trade of this.#book.advance(this.#now)) this.#tellOfTrade(trade);
    return this.#now;
  }

  #arm(): void {
    const next = [this.#exchange.nextAt(), this.#book.nextAt()].filter((at) => at !== null);
    const at = Math.min(...next) as UnixMicros;
    if (this.#timer !== null && this.#timer.at <= at) return;
    this.#timer?.stop();
    this.#timer = null;
    if (next.length === 0) return;
    const { clock } = this.#options;
    const stop = clock.after(Math.max(at - clock.now(), SOON), () => {
      this.#timer = null;
      this.#passTime();
      this.#arm();
    });
    this.#timer = { at, stop };
  }

  #report(event: ExchangeEvent): void {
    switch (event.kind) {
      case "placed":
        return this.#tellOfOrder(event.order, "PLACEMENT");
      case "traded":
        this.#book.enter(event.trade);
        for (const order of event.orders) this.#tellOfOrder(order, "UPDATE");
        return this.#tellOfTrade(event.trade);
      case "ended":
        // That it is filled whole was told with its last trade.
        if (event.order.state !== "filled") this.#tellOfOrder(event.order, "CANCELLATION");
        return;
      case "settled":
        return;
    }
  }

  #tellOfOrder(order: Order, type: "PLACEMENT" | "UPDATE" | "CANCELLATION"): void {
    const view = this.#book.orderView(order);
    if (!view) return;
    const isDone = order.quantity.kind === "shares" && order.filled >= order.quantity.size;
    const shown = isDone ? { ...view, status: "MATCHED" as const } : view;
    this.#options.tell(order.account, order.market, encodeOrderEvent(shown, type, this.#now));
  }

  #tellOfTrade(trade: SimTrade): void {
    const accounts = new Set([trade.taker, trade.maker].flatMap((party) => party?.account ?? []));
    for (const account of accounts) {
      for (const view of this.#book.views(trade, account)) {
        this.#options.tell(account, trade.market, encodeTradeEvent(view));
      }
    }
  }
}

function exchangeOf(market: Market | undefined): ExchangeName {
  if (market?.protocol === "v2") return "protocolV2";
  return market?.negRisk ? "negRisk" : "standard";
}
