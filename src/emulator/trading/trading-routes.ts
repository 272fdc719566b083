import { formatMicros, type InstrumentId } from "#model";
import type { AccountId } from "#sim";
import { EXCHANGES, orderJson, parseWireOrder, tradeJson, type WireOrder } from "#venue";
import { type HttpAnswer, json } from "../server/http-answer.ts";
import type { VenueRequest } from "../server/parts.ts";
import type { Accounts, ApiKey } from "./accounts.ts";
import type { Heartbeats } from "./heartbeats.ts";
import type { SignerBudget } from "./signer-budget.ts";
import type { Placement, TradeDesk } from "./trade-desk.ts";

/** What the account side of the CLOB's REST is answered from. */
export interface TradingSide {
  readonly accounts: Accounts;
  readonly desk: TradeDesk;
  readonly heartbeats: Heartbeats;
  /** null: no limits. */
  readonly orders: SignerBudget | null;
  readonly cancels: SignerBudget | null;
}

type Answerer = (side: TradingSide, key: ApiKey, request: VenueRequest) => HttpAnswer;

const MAX_ORDERS = 15;
const MAX_CANCELS = 1_000;
const PAGE = 100;
const END_CURSOR = "LTE=";
const UNLIMITED = String(2n ** 256n - 1n);
const UNAUTHORIZED = json({ error: "Unauthorized/Invalid api key" }, 401);
const INVALID_PAYLOAD = json({ error: "Invalid order payload" }, 400);

/** Calls that credentials sign, by method and path. */
const SIGNED: Readonly<Record<string, Answerer>> = {
  "GET /auth/api-keys": ({ accounts }, key) =>
    json({ apiKeys: accounts.of(key.address).map(({ credentials }) => credentials.apiKey) }),
  "DELETE /auth/api-key": ({ accounts }, key) => {
    accounts.delete(key);
    return json("OK");
  },
  "GET /auth/ban-status/closed-only": () => json({ closed_only: false }),
  "POST /order": postOrder,
  "POST /orders": postOrders,
  "DELETE /order": (side, key, { body }) => {
    const id = memberOf(parsed(body), "orderID");
    return id === undefined ? INVALID_PAYLOAD : cancel(side, key, [id]);
  },
  "DELETE /orders": (side, key, { body }) => {
    const ids = parsed(body);
    if (!Array.isArray(ids) || !ids.every((id) => typeof id === "string")) return INVALID_PAYLOAD;
    return ids.length > MAX_CANCELS ? json({ error: "Too many orders in payload" }, 400) : cancel(side, key, ids);
  },
  "DELETE /cancel-all": (side, key) => cancelWhere(side, key, {}),
  "DELETE /cancel-market-orders": (side, key, { body }) => {
    const asked = parsed(body);
    return cancelWhere(side, key, { market: memberOf(asked, "market"), instrument: memberOf(asked, "asset_id") });
  },
  "GET /data/orders": ({ desk }, key, { query }) => {
    const orders = desk.openOrders(accountOf(key)).filter((order) => {
      return (
        isAsked(query, "id", order.id) && isAsked(query, "market", order.market) && isToken(query, order.instrument)
      );
    });
    return page(orders.map(orderJson), query);
  },
  "GET /data/trades": ({ desk }, key, { query }) => {
    const trades = [...desk.trades(accountOf(key))].filter((trade) => {
      const seconds = trade.matchedAt / 1_000_000;
      const own = trade.isTaker ? trade.taker : trade.maker;
      return (
        isAsked(query, "id", trade.id) &&
        isAsked(query, "market", trade.market) &&
        isToken(query, own.instrument) &&
        isAsked(query, "maker_address", own.maker) &&
        seconds < Number(query.get("before") || Number.POSITIVE_INFINITY) &&
        seconds > Number(query.get("after") || 0)
      );
    });
    return page(trades.map(tradeJson), query);
  },
  "GET /data/pre-migration-orders": (_side, _key, { query }) => page([], query),
  "GET /balance-allowance": balance,
  "GET /balance-allowance/update": () => json(""),
  "GET /notifications": () => json([]),
  "DELETE /notifications": () => json("OK"),
  "GET /order-scoring": () => json({ scoring: false }),
  "POST /orders-scoring": (_side, _key, { body }) => {
    const ids = parsed(body);
    return json(Object.fromEntries((Array.isArray(ids) ? ids : []).map((id) => [String(id), false])));
  },
  "POST /v1/heartbeats": ({ heartbeats }, key, { body }) => {
    const { id, isRight } = heartbeats.beat(key.address, memberOf(parsed(body), "heartbeat_id") ?? "");
    return isRight ? json({ heartbeat_id: id }) : json({ error: "Invalid Heartbeat ID", heartbeat_id: id }, 400);
  },
};

/** null: not a call of the account side. */
export function answerTrading(side: TradingSide, request: VenueRequest): HttpAnswer | null {
  const { method, path, headers, body } = request;
  const { accounts } = side;
  if (path === "/auth/api-key" && method === "POST") {
    const login = accounts.login(headers);
    if (!login) return json({ error: "Invalid L1 Request headers" }, 401);
    return credentials(accounts.create(login.address, login.nonce), "Could not create api key");
  }
  if (path === "/auth/derive-api-key" && method === "GET") {
    const login = accounts.login(headers);
    if (!login) return json({ error: "Invalid L1 Request headers" }, 401);
    return credentials(accounts.derive(login.address, login.nonce), "Could not derive api key!");
  }
  const id = /^\/data\/order\/([^/]+)$/.exec(path)?.[1];
  const answerer = method === "GET" && id !== undefined ? orderById(id) : SIGNED[`${method} ${path}`];
  if (!answerer) return null;
  // A client whose host has a path may sign it too.
  const key = accounts.signedIn({ method, paths: [path, `/clob${path}`], headers, body });
  return key ? answerer(side, key, request) : UNAUTHORIZED;
}

function credentials(key: ApiKey | undefined, error: string): HttpAnswer {
  return key ? json(key.credentials) : json({ error }, 400);
}

function postOrder(side: TradingSide, key: ApiKey, { body }: VenueRequest): HttpAnswer {
  const order = parseWireOrder(parsed(body));
  if ("kind" in order) return json({ error: `Invalid order payload: ${order.detail}` }, 400);
  const foreign = foreignTo(order, key);
  if (foreign !== null) return json({ error: foreign }, 400);
  return limited(side.orders, key, 1, () => {
    const placement = side.desk.place(order, accountOf(key));
    if (placement.kind === "placed") return json(placed(placement, order));
    return json({ error: placement.message, ...refused(placement.message, placement.id) }, 400);
  });
}

function postOrders(side: TradingSide, key: ApiKey, { body }: VenueRequest): HttpAnswer {
  const posted = parsed(body);
  if (!Array.isArray(posted) || posted.length === 0) return INVALID_PAYLOAD;
  if (posted.length > MAX_ORDERS) {
    return json({ error: `Too many orders in payload: ${posted.length}, max allowed: ${MAX_ORDERS}` }, 400);
  }
  return limited(side.orders, key, posted.length, () =>
    json(
      posted.map((one: unknown) => {
        const order = parseWireOrder(one);
        if ("kind" in order) return refused(`Invalid order payload: ${order.detail}`, "");
        const foreign = foreignTo(order, key);
        if (foreign !== null) return refused(foreign, "");
        const placement = side.desk.place(order, accountOf(key));
        return placement.kind === "placed" ? placed(placement, order) : refused(placement.message, placement.id);
      }),
    ),
  );
}

/** null where the order is the key's own. A contract that signs is not known to its key here. */
function foreignTo(order: WireOrder, key: ApiKey): string | null {
  if (order.owner !== key.credentials.apiKey) return "the owner has to be the owner of the API KEY";
  if (order.signatureType === 3 || order.signer.toLowerCase() === key.address) return null;
  return "the order signer address has to be the address of the API KEY";
}

function placed({ order, trades }: Extract<Placement, { kind: "placed" }>, wire: WireOrder) {
  const isMatched = trades.length > 0;
  const [making, taking] = wire.side === "buy" ? [order.traded, order.filled] : [order.filled, order.traded];
  return {
    success: true,
    errorMsg: "",
    orderID: order.id,
    status: order.state === "delayed" ? "delayed" : isMatched ? "matched" : "live",
    takingAmount: isMatched ? formatMicros(taking) : "",
    makingAmount: isMatched ? formatMicros(making) : "",
    ...(isMatched ? { tradeIDs: trades.map(({ id }) => id) } : {}),
  };
}

function refused(errorMsg: string, orderID: string) {
  return { success: false, errorMsg, orderID, status: "", takingAmount: "", makingAmount: "" };
}

function orderById(id: string): Answerer {
  return ({ desk }, key) => {
    const order = desk.order(id, accountOf(key));
    return order ? json(orderJson(order)) : json({ error: "order not found" }, 404);
  };
}

function cancel({ desk, cancels }: TradingSide, key: ApiKey, ids: readonly string[]): HttpAnswer {
  return limited(cancels, key, ids.length, () => {
    const canceled: string[] = [];
    const refusals: Record<string, string> = {};
    for (const id of ids) {
      const reason = desk.cancel(id, accountOf(key));
      if (reason === null) canceled.push(id);
      else refusals[id] = reason;
    }
    return json({ canceled, not_canceled: refusals });
  });
}

function cancelWhere(
  side: TradingSide,
  key: ApiKey,
  { market, instrument }: { readonly market?: string | undefined; readonly instrument?: string | undefined },
): HttpAnswer {
  const wanted = side.desk
    .openOrders(accountOf(key))
    .filter((order) => (!market || order.market === market) && (!instrument || order.instrument === instrument))
    // What is delayed cannot be cancelled.
    .filter(({ status }) => status !== "DELAYED")
    .map(({ id }) => id);
  const canceled = wanted.filter((id) => side.desk.cancel(id, accountOf(key)) === null);
  return json({ canceled, not_canceled: {} });
}

function balance({ desk }: TradingSide, key: ApiKey, { query }: VenueRequest): HttpAnswer {
  const type = query.get("asset_type") ?? "";
  if (type !== "COLLATERAL" && !type.startsWith("CONDITIONAL")) return json({ error: "invalid asset_type" }, 400);
  const account = accountOf(key);
  const token = (query.get("token_id") ?? "") as InstrumentId;
  const held = type === "COLLATERAL" ? desk.cash(account) : desk.shares(account, token);
  const allowances = Object.fromEntries(
    Object.values(EXCHANGES).map(({ verifyingContract }) => [verifyingContract, UNLIMITED]),
  );
  return json({ balance: String(held), allowances });
}

/** Counts the orders of a request; refuses all of them where one is too many. */
function limited(
  budget: SignerBudget | null,
  { address }: ApiKey,
  count: number,
  answer: () => HttpAnswer,
): HttpAnswer {
  if (!budget) return answer();
  const { isGranted, headers } = budget.spend(address, count);
  const answered = isGranted ? answer() : json({ error: "rate limit exceeded" }, 429);
  return { ...answered, headers: { ...answered.headers, ...headers } };
}

/** A page of a list, by the venue's cursor: its place in base64, "LTE=" for the end. */
function page(items: readonly unknown[], query: URLSearchParams): HttpAnswer {
  const cursor = query.get("next_cursor") ?? "";
  const start = cursor === END_CURSOR ? items.length : Math.max(0, Number(Buffer.from(cursor, "base64")) || 0);
  const data = items.slice(start, start + PAGE);
  const next = start + PAGE < items.length ? Buffer.from(String(start + PAGE)).toString("base64") : END_CURSOR;
  return json({ limit: PAGE, count: data.length, next_cursor: next, data });
}

function isAsked(query: URLSearchParams, name: string, value: string): boolean {
  const asked = query.get(name);
  return !asked || asked.toLowerCase() === value.toLowerCase();
}

function isToken(query: URLSearchParams, instrument: string): boolean {
  return isAsked(query, "asset_id", instrument) && isAsked(query, "token_id", instrument);
}

function accountOf(key: ApiKey): AccountId {
  return key.address as AccountId;
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function memberOf(value: unknown, name: string): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const member = (value as Readonly<Record<string, unknown>>)[name];
  return typeof member === "string" ? member : undefined;
}
