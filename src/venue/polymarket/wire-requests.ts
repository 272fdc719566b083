import type { InstrumentId, MarketId } from "#model";
import type { Credentials } from "./credentials.ts";
import { isMembers, type Members, optionalText } from "./json.ts";

/*
 * What a server reads: subscribe.ts from the other side. Official clients of all ages and others' bots send these, so
 * members may be missing, of another letter case, or unknown; only what cannot be acted on is invalid.
 */

export interface Invalid {
  readonly kind: "invalid";
  readonly detail: string;
}

export type MarketRequest =
  | {
      readonly kind: "subscribe";
      /** The socket's first subscription names its `type`; a later one is an `operation`. */
      readonly mode: "initial" | "dynamic";
      readonly instruments: readonly InstrumentId[];
      /** undefined: not said; a later subscription then keeps what the first one chose. */
      readonly customFeatures: boolean | undefined;
      readonly initialDump: boolean;
      readonly level: 1 | 2 | 3;
    }
  | { readonly kind: "unsubscribe"; readonly instruments: readonly InstrumentId[] }
  | { readonly kind: "ping" }
  | Invalid;

export function parseMarketRequest(text: string): MarketRequest {
  if (isPing(text)) return { kind: "ping" };
  const message = membersOf(text);
  if (message === undefined) return invalid("no JSON object", text);
  const tokens = message.assets_ids ?? message.asset_ids ?? [];
  if (!Array.isArray(tokens)) return invalid("assets_ids is no list", text);
  const instruments = tokens.filter((token) => typeof token === "string" || typeof token === "number").map(String);
  const operation = lowerCase(message.operation);
  if (operation === "unsubscribe") return { kind: "unsubscribe", instruments: instruments as InstrumentId[] };
  if (operation !== undefined && operation !== "subscribe") return invalid("unknown operation", text);
  const type = lowerCase(message.type);
  if (operation === undefined && type !== undefined && type !== "market") return invalid("unknown type", text);
  if (operation === undefined && type === undefined && message.assets_ids === undefined) {
    return invalid("neither type, operation nor assets_ids", text);
  }
  return {
    kind: "subscribe",
    mode: operation === undefined ? "initial" : "dynamic",
    instruments: instruments as InstrumentId[],
    customFeatures: typeof message.custom_feature_enabled === "boolean" ? message.custom_feature_enabled : undefined,
    initialDump: message.initial_dump !== false,
    level: message.level === 1 || message.level === 3 ? message.level : 2,
  };
}

export type UserRequest =
  | {
      readonly kind: "login";
      readonly credentials: Credentials | undefined;
      /** Condition ids; undefined: all markets. */
      readonly markets: readonly MarketId[] | undefined;
    }
  | { readonly kind: "subscribe" | "unsubscribe"; readonly markets: readonly MarketId[] }
  | { readonly kind: "ping" }
  | Invalid;

/** The user channel: credentials in the first message, markets by condition id. */
export function parseUserRequest(text: string): UserRequest {
  if (isPing(text)) return { kind: "ping" };
  const message = membersOf(text);
  if (message === undefined) return invalid("no JSON object", text);
  const listed = Array.isArray(message.markets) ? message.markets.filter((id) => typeof id === "string") : undefined;
  const markets = listed as readonly MarketId[] | undefined;
  const operation = lowerCase(message.operation);
  if (operation === "subscribe" || operation === "unsubscribe") return { kind: operation, markets: markets ?? [] };
  if (message.auth === undefined) return invalid("neither auth nor operation", text);
  // Older bots send an empty list for all.
  return {
    kind: "login",
    credentials: credentialsOf(message.auth),
    markets: markets?.length === 0 ? undefined : markets,
  };
}

/** A filter's members as sent; a channel decides which it needs. */
export interface PolyBoltFilter {
  readonly channel: string;
  readonly instrument: InstrumentId | undefined;
  readonly symbol: string | undefined;
  readonly provider: string | undefined;
  readonly windowSeconds: number | undefined;
}

export type PolyBoltRequest =
  | {
      readonly kind: "auth";
      readonly rid: string | undefined;
      /** Well-formed: all three parts are there. Whether they are right is the server's to say. */
      readonly credentials:
        | { readonly apiKey: string; readonly secret: string; readonly passphrase: string }
        | undefined;
    }
  | {
      readonly kind: "subscribe" | "unsubscribe";
      readonly rid: string | undefined;
      readonly filters: readonly PolyBoltFilter[];
    }
  | { readonly kind: "ping" | "challenge"; readonly rid: string | undefined }
  | Invalid;

export function parsePolyBoltRequest(text: string): PolyBoltRequest {
  const message = membersOf(text);
  if (message === undefined) return invalid("no JSON object", text);
  const rid = optionalText(message, "rid");
  const op = lowerCase(message.op);
  switch (op) {
    case "auth":
      return { kind: "auth", rid, credentials: credentialsOf(message.auth) };
    case "subscribe":
    case "unsubscribe": {
      // A batch, or the one subscription of the frame itself.
      const batch = Array.isArray(message.subscriptions) ? message.subscriptions : [message];
      const filters = batch.filter(isMembers).flatMap(filterOf);
      return filters.length === 0 ? invalid("no channel", text) : { kind: op, rid, filters };
    }
    case "ping":
    case "challenge":
      return { kind: op, rid };
    default:
      return invalid("unknown op", text);
  }
}

function filterOf(subscription: Members): PolyBoltFilter[] {
  const channel = optionalText(subscription, "channel");
  if (channel === undefined) return [];
  const filter = isMembers(subscription.filter) ? subscription.filter : {};
  const seconds = Number(filter.window_seconds);
  return [
    {
      channel,
      instrument: optionalText(filter, "asset_id") as InstrumentId | undefined,
      symbol: lowerCase(filter.symbol),
      provider: lowerCase(filter.provider),
      windowSeconds: Number.isSafeInteger(seconds) ? seconds : undefined,
    },
  ];
}

function credentialsOf(auth: unknown) {
  if (!isMembers(auth)) return undefined;
  const apiKey = optionalText(auth, "apiKey");
  const secret = optionalText(auth, "secret");
  const passphrase = optionalText(auth, "passphrase");
  return apiKey && secret && passphrase ? { apiKey, secret, passphrase } : undefined;
}

export interface RtdsFilter {
  readonly topic: string;
  readonly type: string;
  /**
   * Lower case as on the wire, "btc/usd"; undefined: all symbols. Several where it is the list "btcusdt,ethusdt" of the docs
   * and the Rust SDK; an observer found that the venue is silent on it, so we are the more liberal here.
   */
  readonly symbols: readonly string[] | undefined;
  /** The venue's trap: a space in the filter's JSON gives the history and then silence. */
  readonly spaced: boolean;
  /** The filter is no text, as of older Rust SDKs: the venue refuses the frame. */
  readonly unreadable: boolean;
}

export type RtdsRequest =
  | { readonly kind: "subscribe" | "unsubscribe"; readonly filters: readonly RtdsFilter[] }
  | { readonly kind: "ping" }
  | Invalid;

export function parseRtdsRequest(text: string): RtdsRequest {
  if (isPing(text)) return { kind: "ping" };
  const message = membersOf(text);
  if (message === undefined) return invalid("no JSON object", text);
  const action = lowerCase(message.action);
  if (action !== "subscribe" && action !== "unsubscribe") return invalid("unknown action", text);
  const subscriptions = Array.isArray(message.subscriptions) ? message.subscriptions.filter(isMembers) : [];
  const filters = subscriptions.flatMap(rtdsFilterOf);
  return filters.length === 0 ? invalid("no topic", text) : { kind: action, filters };
}

function rtdsFilterOf(subscription: Members): RtdsFilter[] {
  const topic = optionalText(subscription, "topic");
  if (topic === undefined) return [];
  const filters = optionalText(subscription, "filters");
  return [
    {
      topic,
      type: optionalText(subscription, "type") ?? "*",
      symbols: filters === undefined ? undefined : rtdsSymbols(filters),
      spaced: filters?.includes(" ") ?? false,
      unreadable: typeof subscription.filters === "object" && subscription.filters !== null,
    },
  ];
}

function rtdsSymbols(filters: string): readonly string[] | undefined {
  const symbol = lowerCase(membersOf(filters)?.symbol);
  if (symbol !== undefined) return [symbol];
  const listed = filters.split(",").map((each) => each.trim().toLowerCase());
  return listed.every((each) => /^[a-z]+\/?[a-z]+$/.test(each)) ? listed : undefined;
}

function isPing(text: string): boolean {
  return text.trim().toUpperCase() === "PING";
}

function membersOf(text: string): Members | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return isMembers(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function lowerCase(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value.toLowerCase() : undefined;
}

// The text is not quoted back: an auth frame holds secrets, and details end up in logs.
function invalid(detail: string, text: string): Invalid {
  return { kind: "invalid", detail: `${detail} (${text.length} characters)` };
}
