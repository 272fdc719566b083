import type { CashMicros, InstrumentId, PriceMicros, SizeMicros } from "#model";
import { notional, ONE } from "#model";
import { costOf } from "./checks.ts";
import { takerFee } from "./fees.ts";
import { type Hold, Ledger } from "./ledger.ts";
import { type AccountId, mirrored, type OrderRequest, type Party, type Refusal, type TradedMarket } from "./order.ts";
import type { OrderRecord } from "./order-register.ts";
import type { Take } from "./take.ts";

/** Who pays what to whom, and what open orders hold back so that nothing is spent twice. */
export class Clearing {
  readonly ledger = new Ledger();

  /** What the account lacks for a new order; null: nothing. */
  shortage(request: OrderRequest, market: TradedMarket, takes: boolean): Refusal | null {
    const { account, instrument, side, quantity } = request;
    if (side === "buy") {
      const [needed, available] = [costOf(request, market, takes), this.ledger.freeCash(account)];
      return needed <= available ? null : { kind: "not_enough_cash", needed, available };
    }
    if (quantity.kind === "cash") return { kind: "size_too_fine" };
    const [needed, available] = [quantity.size, this.ledger.freeShares(account, instrument)];
    return needed <= available ? null : { kind: "not_enough_shares", needed, available };
  }

  /** The same for what an order would take, to the micro: of many fills each fee is rounded up by itself. */
  shortageOf(take: Take, request: OrderRequest, market: TradedMarket): Refusal | null {
    const { side, account, price, quantity, life, instrument } = request;
    if (side === "sell") return null;
    const isFirst = instrument === market.outcomes[0];
    const fees = take.fills.map(({ price: at, size }) => takerFee(market.fee, isFirst ? at : mirrored(at), size));
    const rest = quantity.kind === "cash" || life.kind === "fak" ? 0 : quantity.size - take.size;
    const all = fees.reduce<number>((sum, fee) => sum + fee, take.cash + notional(price, rest as SizeMicros, "up"));
    const [needed, available] = [all as CashMicros, this.ledger.freeCash(account)];
    return needed <= available ? null : { kind: "not_enough_cash", needed, available };
  }

  /** Holds back all that a delayed order may cost. */
  holdWhole(record: OrderRecord, market: TradedMarket): void {
    const { order } = record;
    if (order.side === "sell") return this.holdRest(record);
    const cash = costOf(order, market, true);
    this.#hold(record, { cash, shares: 0 as SizeMicros, instrument: order.instrument });
  }

  /** Holds back what the rest of a resting order may cost. */
  holdRest(record: OrderRecord): void {
    const { side, price, quantity, filled, instrument } = record.order;
    const left = (quantity.kind === "shares" ? quantity.size - filled : 0) as SizeMicros;
    const cash = side === "buy" ? notional(price, left, "up") : (0 as CashMicros);
    this.#hold(record, { cash, shares: side === "sell" ? left : (0 as SizeMicros), instrument });
  }

  release(record: OrderRecord): void {
    this.#hold(record, null);
  }

  /** Moves cash and shares of one party of a trade at a price of the market's book. Afterwards it holds nothing back. */
  settle(record: OrderRecord, market: TradedMarket, at: PriceMicros, size: SizeMicros, takes: boolean): Party {
    const { account, instrument, side, id, filled, traded } = record.order;
    const price = instrument === market.outcomes[0] ? at : mirrored(at);
    // Whole micros for whole lots; a fraction of a lot is rounded against us.
    const cash = notional(price, size, side === "buy" ? "up" : "down");
    const charged = takes ? takerFee(market.fee, price, size) : (0 as CashMicros);
    const fee = (side === "sell" ? Math.min(charged, cash) : charged) as CashMicros;
    this.#hold(record, null);
    const sign = side === "buy" ? 1 : -1;
    this.ledger.move(account, instrument, -sign * cash - fee, sign * size);
    record.order = { ...record.order, filled: (filled + size) as SizeMicros, traded: (traded + cash) as CashMicros };
    return { order: id, account, instrument, side, price, size, cash, fee };
  }

  /** Pays a dollar for each share of the winner and nothing for the others, and takes the shares. */
  payOut({ outcomes }: TradedMarket, winner: InstrumentId): Payout[] {
    const payouts: Payout[] = [];
    for (const account of this.ledger.accounts()) {
      for (const instrument of outcomes) {
        const size = this.ledger.shares(account, instrument);
        if (size === 0) continue;
        const cash = instrument === winner ? notional(ONE as PriceMicros, size, "down") : (0 as CashMicros);
        this.ledger.move(account, instrument, cash, -size);
        payouts.push({ account, instrument, size, cash });
      }
    }
    return payouts;
  }

  #hold(record: OrderRecord, hold: Hold | null): void {
    if (record.hold) this.ledger.release(record.order.account, record.hold);
    record.hold = hold;
    if (hold) this.ledger.hold(record.order.account, hold);
  }
}

export interface Payout {
  readonly account: AccountId;
  readonly instrument: InstrumentId;
  readonly size: SizeMicros;
  readonly cash: CashMicros;
}
