import { createHash } from "node:crypto";
import type { Market, UnixMicros } from "#model";
import { SECOND } from "#model";
import type { AccountId, Order, OrderId, Party, SimTrade, TradeId } from "#sim";
import type { OrderView, TradePartyView, TradeStatus, TradeView, WireOrder } from "#venue";

/**
 * When a match is on the chain, and when nobody doubts it any more: a block comes every two seconds, and a few are waited
 * for. Usual times; the venue's worse days (10 to 50 s, or never) are not modelled here.
 */
const MINED_AFTER = 2.5 * SECOND;
const CONFIRMED_AFTER = 8 * SECOND;
/** Orders and trades remembered; the oldest are forgotten. */
const MAX_REMEMBERED = 50_000;

/** What is known of an order beside what the exchange knows. */
interface Paper {
  readonly wire: WireOrder;
  readonly market: Market;
  readonly trades: string[];
}

interface Entry {
  readonly trade: SimTrade;
  status: TradeStatus;
  updatedAt: UnixMicros;
  transaction: string;
}

interface Step {
  readonly at: UnixMicros;
  readonly id: TradeId;
  readonly status: TradeStatus;
}

/** The papers of our orders and trades, as the venue shows them to their owners. */
export class AccountBook {
  readonly #papers = new Map<OrderId, Paper>();
  readonly #trades = new Map<TradeId, Entry>();
  readonly #steps: Step[] = [];

  add(id: OrderId, wire: WireOrder, market: Market): void {
    this.#papers.set(id, { wire, market, trades: [] });
    forgetOldest(this.#papers);
  }

  drop(id: OrderId): void {
    this.#papers.delete(id);
  }

  /** A trade was made: it will be mined and confirmed. */
  enter(trade: SimTrade): void {
    this.#trades.set(trade.id, { trade, status: "MATCHED", updatedAt: trade.at, transaction: "" });
    forgetOldest(this.#trades);
    for (const party of [trade.taker, trade.maker]) if (party) this.#papers.get(party.order)?.trades.push(trade.id);
    this.#schedule({ at: (trade.at + MINED_AFTER) as UnixMicros, id: trade.id, status: "MINED" });
    this.#schedule({ at: (trade.at + CONFIRMED_AFTER) as UnixMicros, id: trade.id, status: "CONFIRMED" });
  }

  nextAt(): UnixMicros | null {
    return this.#steps[0]?.at ?? null;
  }

  /** Moves trades on; gives those that changed, in order. */
  advance(at: UnixMicros): SimTrade[] {
    const moved: SimTrade[] = [];
    while (this.#steps[0] && this.#steps[0].at <= at) {
      const step = this.#steps.shift();
      const entry = step && this.#trades.get(step.id);
      if (!step || !entry) continue;
      entry.status = step.status;
      entry.updatedAt = step.at;
      entry.transaction = `0x${createHash("sha256").update(`transaction/${step.id}`).digest("hex")}`;
      moved.push(entry.trade);
    }
    return moved;
  }

  orderView(order: Order): OrderView | undefined {
    const paper = this.#papers.get(order.id);
    if (!paper) return undefined;
    const { wire, market, trades } = paper;
    const size = order.quantity.kind === "shares" ? order.quantity.size : order.filled;
    return {
      id: order.id,
      owner: wire.owner,
      maker: wire.maker,
      market: market.id,
      instrument: order.instrument,
      outcome: outcomeOf(market, order.instrument),
      side: order.side,
      price: order.price,
      size,
      filled: order.filled,
      status: statusOf(order),
      orderType: wire.orderType,
      expiration: wire.expiration,
      createdAt: order.placedAt,
      trades,
    };
  }

  /** The newest first. */
  *tradesOf(account: AccountId): Iterable<TradeView> {
    for (const { trade } of [...this.#trades.values()].reverse()) yield* this.views(trade, account);
  }

  /** The trade as the account sees it: once, or twice where it traded with itself. */
  views({ id, taker, maker, market }: SimTrade, account: AccountId): TradeView[] {
    const entry = this.#trades.get(id);
    const known = taker ?? maker;
    if (!entry || !known) return [];
    const { status, updatedAt, transaction, trade } = entry;
    const mine = [taker, maker].filter((party) => party?.account === account);
    return mine.map((party) => ({
      id,
      market,
      taker: this.#partyView(taker, maker, id, "taker"),
      maker: this.#partyView(maker, taker, id, "maker"),
      isTaker: party === taker,
      status,
      matchedAt: trade.at,
      updatedAt,
      transaction,
    }));
  }

  /** A party, or the stranger of the recording whom the other one met: on the same instrument and the other side. */
  #partyView(party: Party | null, other: Party | null, id: TradeId, role: string): TradePartyView {
    const known = party ?? other;
    if (!known) throw new Error(`trade ${id} has no party`);
    const paper = this.#papers.get(known.order);
    const outcome = paper ? outcomeOf(paper.market, known.instrument) : "";
    const { instrument, price, size } = known;
    if (party) {
      const [owner, maker] = [paper?.wire.owner ?? "", paper?.wire.maker ?? ""];
      return { orderId: party.order, owner, maker, instrument, outcome, side: party.side, price, size };
    }
    const stranger = createHash("sha256").update(`stranger/${role}/${id}`).digest("hex");
    const side = known.side === "buy" ? "sell" : "buy";
    const [owner, maker] = ["00000000-0000-4000-a000-000000000000", `0x${stranger.slice(0, 40)}`];
    return { orderId: `0x${stranger}`, owner, maker, instrument, outcome, side, price, size };
  }

  #schedule(step: Step): void {
    const later = this.#steps.findIndex(({ at }) => at > step.at);
    this.#steps.splice(later < 0 ? this.#steps.length : later, 0, step);
  }
}

function statusOf({ state, filled }: Order): OrderView["status"] {
  switch (state) {
    case "delayed":
      return "DELAYED";
    case "live":
      return "LIVE";
    case "filled":
      return "MATCHED";
    case "killed":
      return filled > 0 ? "MATCHED" : "UNMATCHED";
    case "cancelled":
    case "expired":
    case "closed":
      return "CANCELED";
  }
}

function outcomeOf({ outcomes }: Market, instrument: string): string {
  return outcomes.find((outcome) => outcome.instrument === instrument)?.name ?? "";
}

function forgetOldest(map: Map<unknown, unknown>): void {
  if (map.size <= MAX_REMEMBERED) return;
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
}
