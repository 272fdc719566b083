import { createHash } from "node:crypto";
import type { CashMicros, Market } from "#model";
import { ONE } from "#model";
import type { AccountId } from "#sim";
import type { PartContext, VenuePart } from "../server/parts.ts";
import { Accounts, uuidOf } from "./accounts.ts";
import { Heartbeats } from "./heartbeats.ts";
import { SignerBudget, STANDARD_CANCELS, STANDARD_ORDERS } from "./signer-budget.ts";
import { TradeDesk } from "./trade-desk.ts";
import { answerTrading, type TradingSide } from "./trading-routes.ts";
import { UserChannel } from "./user-channel.ts";

export interface TradingOptions {
  /** What each account starts with; default: 10,000 pUSD. */
  readonly startingCash?: CashMicros;
  /** How long a marketable order is held, in milliseconds; default: 150 on crypto up/down markets, else 0. */
  readonly takerDelayMillis?: number | ((market: Market) => number);
  /** Of API keys and trade ids. */
  readonly seed?: number;
  /** False: signers may send as much as they like. */
  readonly rateLimits?: boolean;
}

const STARTING_CASH = (10_000 * ONE) as CashMicros;
/** Of crypto markets since 2026-09-04 (reference/polymarket.md 6.7). */
const CRYPTO_DELAY_MILLIS = 150;

/** The account side of the venue: API keys, order entry, the user channel. Matched in `sim/` against what the source plays. */
export function createTrading(context: PartContext, options: TradingOptions = {}): VenuePart {
  const { source, clock, network } = context;
  const { seed = 1, startingCash = STARTING_CASH, takerDelayMillis = usualDelay, rateLimits = true } = options;
  const accounts = new Accounts(seed);
  const channel = new UserChannel(accounts);
  const desk = new TradeDesk({
    source,
    clock,
    seed,
    startingCash,
    takerDelay: typeof takerDelayMillis === "number" ? () => takerDelayMillis : takerDelayMillis,
    tell: (account, market, bytes) => channel.send(account, market, bytes),
  });
  let beats = 0;
  const heartbeats = new Heartbeats(
    network,
    () => uuidOf(createHash("sha256").update(`${seed}/heartbeat/${beats++}`).digest()),
    (address) => {
      for (const { id } of desk.openOrders(address as AccountId)) desk.cancel(id, address as AccountId);
    },
  );
  const side: TradingSide = {
    accounts,
    desk,
    heartbeats,
    orders: rateLimits ? new SignerBudget(STANDARD_ORDERS, network) : null,
    cancels: rateLimits ? new SignerBudget(STANDARD_CANCELS, network) : null,
  };
  return {
    doors: [{ surface: "user", paths: ["/ws/user"], accept: (socket, outlet) => channel.accept(socket, outlet) }],
    routes: [{ prefix: "/clob", surface: "clob", answer: (request) => answerTrading(side, request) }],
    deliver: (item) => {
      if (item.kind === "market") desk.deliver(item);
    },
    moved: (at) => desk.moved(at),
    close: () => {
      heartbeats.close();
      desk.close();
    },
  };
}

function usualDelay({ settlement }: Market): number {
  return settlement.kind === "other" ? 0 : CRYPTO_DELAY_MILLIS;
}
