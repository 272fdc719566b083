import type { CashMicros, InstrumentId, SizeMicros } from "#model";
import type { AccountId } from "./order.ts";

/** What an open order holds back from being used twice. */
export interface Hold {
  readonly cash: CashMicros;
  readonly shares: SizeMicros;
  readonly instrument: InstrumentId;
}

interface Account {
  cash: number;
  heldCash: number;
  readonly shares: Map<InstrumentId, number>;
  readonly heldShares: Map<InstrumentId, number>;
}

/** Who has how much. A balance below zero is our own mistake and stops everything. */
export class Ledger {
  readonly #accounts = new Map<AccountId, Account>();

  has(id: AccountId): boolean {
    return this.#accounts.has(id);
  }

  open(id: AccountId, cash: CashMicros): void {
    if (this.has(id)) throw new RangeError(`account ${id} is open already`);
    this.#accounts.set(id, { cash, heldCash: 0, shares: new Map(), heldShares: new Map() });
  }

  accounts(): Iterable<AccountId> {
    return this.#accounts.keys();
  }

  /** With what open orders hold back. 0 where there is no such account. */
  cash(id: AccountId): CashMicros {
    return (this.#accounts.get(id)?.cash ?? 0) as CashMicros;
  }

  /** With what open orders hold back. */
  shares(id: AccountId, instrument: InstrumentId): SizeMicros {
    return (this.#accounts.get(id)?.shares.get(instrument) ?? 0) as SizeMicros;
  }

  freeCash(id: AccountId): CashMicros {
    return (this.cash(id) - (this.#accounts.get(id)?.heldCash ?? 0)) as CashMicros;
  }

  freeShares(id: AccountId, instrument: InstrumentId): SizeMicros {
    const held = this.#accounts.get(id)?.heldShares.get(instrument) ?? 0;
    return (this.shares(id, instrument) - held) as SizeMicros;
  }

  hold(id: AccountId, { cash, shares, instrument }: Hold): void {
    const account = this.#account(id);
    account.heldCash += cash;
    add(account.heldShares, instrument, shares);
    this.#check(id, instrument);
  }

  release(id: AccountId, { cash, shares, instrument }: Hold): void {
    const account = this.#account(id);
    account.heldCash -= cash;
    add(account.heldShares, instrument, -shares);
    this.#check(id, instrument);
  }

  /** Moves cash and shares into (positive) or out of (negative) an account. */
  move(id: AccountId, instrument: InstrumentId, cash: number, shares: number): void {
    const account = this.#account(id);
    account.cash += cash;
    add(account.shares, instrument, shares);
    this.#check(id, instrument);
  }

  #account(id: AccountId): Account {
    const account = this.#accounts.get(id);
    if (!account) throw new RangeError(`no account ${id}: open it first`);
    return account;
  }

  #check(id: AccountId, instrument: InstrumentId): void {
    const { cash, heldCash, shares, heldShares } = this.#account(id);
    const amounts = [cash, heldCash, cash - heldCash, shares.get(instrument) ?? 0, heldShares.get(instrument) ?? 0];
    if (amounts.every((amount) => Number.isSafeInteger(amount) && amount >= 0) && this.freeShares(id, instrument) >= 0)
      return;
    throw new Error(`the ledger of ${id} does not balance: ${JSON.stringify(amounts)} of ${instrument}`);
  }
}

function add(map: Map<InstrumentId, number>, instrument: InstrumentId, amount: number): void {
  const sum = (map.get(instrument) ?? 0) + amount;
  if (sum === 0) map.delete(instrument);
  else map.set(instrument, sum);
}
