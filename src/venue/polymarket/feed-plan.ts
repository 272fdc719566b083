import type { ConnectionId, InstrumentId, Market, Settlement } from "#model";
import { SECOND } from "#model";
import { credentialMask } from "./credentials.ts";
import type { FeedOptions } from "./feed.ts";
import {
  binanceSubscribe,
  marketOperation,
  marketSubscribe,
  PING,
  type PolyBoltSubscription,
  polyboltAuth,
  polyboltSubscribe,
  rtdsSubscribe,
} from "./subscribe.ts";
import type { VenueConfig } from "./venue-config.ts";

/** What a feed is to do, without the means (clock, log, callbacks) it does it by. */
export type FeedPlan = Omit<FeedOptions, "clock" | "log" | "random" | "onFrame" | "onState">;

/** Thousands of tokens in one frame send the venue into a loop of disconnects (rs-clob-client-v2#116). */
const MAX_TOKENS_PER_MESSAGE = 100;
const MARKET_STALE = 30 * SECOND;
// Prices come at 1 Hz; the longest holes of a good day are minutes, but to dial again costs nothing and brings the last
// minutes back.
const REFERENCE_STALE = 60 * SECOND;

/** A market socket: `instruments` is asked at each opening. Everything that arrives counts as life. */
export function marketFeedPlan(
  url: string,
  connection: ConnectionId,
  instruments: () => readonly InstrumentId[],
): FeedPlan {
  return {
    surface: "market",
    connection,
    url,
    greeting: () => marketGreeting(instruments()),
    heartbeat: { text: PING, everyMicros: 10 * SECOND },
    staleAfterMicros: MARKET_STALE,
    liveness: "any",
  };
}

/** The messages that subscribe a new socket: the first names the channel, the others add to it. */
export function marketGreeting(instruments: readonly InstrumentId[]): string[] {
  const first = marketSubscribe(instruments.slice(0, MAX_TOKENS_PER_MESSAGE));
  return [first, ...marketOperations("subscribe", instruments.slice(MAX_TOKENS_PER_MESSAGE))];
}

/** The messages that add tokens to an open socket or take them away; none for no tokens. */
export function marketOperations(
  operation: "subscribe" | "unsubscribe",
  instruments: readonly InstrumentId[],
): string[] {
  const messages: string[] = [];
  for (let from = 0; from < instruments.length; from += MAX_TOKENS_PER_MESSAGE) {
    messages.push(marketOperation(operation, instruments.slice(from, from + MAX_TOKENS_PER_MESSAGE)));
  }
  return messages;
}

export interface ReferencePlan {
  readonly feeds: readonly FeedPlan[];
  /** What will be missing, and what to do about it. */
  readonly notes: readonly string[];
}

/** Spot prices exist for these alone; the averages for two more (reference/polymarket.md §4.1). */
const SPOT_COINS: readonly string[] = ["btc", "eth", "sol", "doge", "xrp", "bnb"];

/** The price feeds by which these markets settle, and those that stand in for them. */
export function planReferenceFeeds(markets: readonly Market[], config: VenueConfig): ReferencePlan {
  const coins = [...new Set(markets.flatMap((market) => coinOf(market.settlement) ?? []))].sort();
  if (coins.length === 0) return { feeds: [], notes: [] };
  const halfMinute = markets.some(
    ({ settlement }) => settlement.kind === "chainlink_twap" && settlement.seconds === 30,
  );
  const { polyboltSocket, rtdsSocket, binanceSocket } = config.endpoints;
  const feeds: FeedPlan[] = [];
  const notes: string[] = [];
  if (polyboltSocket !== null) {
    if (config.credentials) feeds.push(polyboltPlan(polyboltSocket, coins, config));
    else {
      notes.push(
        "PolyBolt gives crypto prices to CLOB API credentials only (without, just price.polymarket): set " +
          "POLYPUNT_POLY_API_KEY, POLYPUNT_POLY_SECRET and POLYPUNT_POLY_PASSPHRASE to record the settlement series",
      );
    }
  }
  if (rtdsSocket !== null) feeds.push(rtdsPlan(rtdsSocket, coins, halfMinute));
  if (binanceSocket !== null) feeds.push(binancePlan(binanceSocket, coins));
  if (feeds.length === 0) notes.push("no reference price feed: strikes and outcomes come from Gamma alone");
  return { feeds, notes };
}

/** "btc" for what settles on a coin's price. */
function coinOf(settlement: Settlement): string | undefined {
  return settlement.kind === "other" ? undefined : /^([a-z0-9]+?)(usdt?)?$/.exec(settlement.symbol)?.[1];
}

function polyboltPlan(url: string, coins: readonly string[], config: VenueConfig): FeedPlan {
  const subscriptions: PolyBoltSubscription[] = coins.map((coin) => ({
    channel: "price.crypto.twap",
    filter: { symbol: `${coin}usd`, window_seconds: 60 },
  }));
  for (const coin of coins.filter((each) => SPOT_COINS.includes(each))) {
    // Said, because the default has been Pyth; markets settle on Chainlink.
    subscriptions.push({ channel: "price.crypto", filter: { symbol: `${coin}usd`, provider: "chainlink" } });
  }
  const { credentials } = config;
  return {
    surface: "polybolt",
    connection: "polybolt-a-0" as ConnectionId,
    url,
    greeting: () => (credentials ? [polyboltAuth(credentials, "auth")] : []),
    // A frame each: should one be refused, the others stand.
    reply: (bytes) =>
      isAuthed(bytes) ? subscriptions.map((each, index) => polyboltSubscribe([each], `sub-${index}`)) : [],
    redact: credentialMask(credentials),
    staleAfterMicros: REFERENCE_STALE,
    liveness: "data",
    // §4.1: full jitter of 1 to 30 s after a lost connection.
    backoff: { floorMicros: SECOND, ceilingMicros: 30 * SECOND },
  };
}

const LONGEST_AUTHED = 128;

function isAuthed(bytes: Uint8Array): boolean {
  return bytes.length <= LONGEST_AUTHED && /"op"\s*:\s*"authed"/.test(Buffer.from(bytes).toString("latin1"));
}

function rtdsPlan(url: string, coins: readonly string[], halfMinute: boolean): FeedPlan {
  const topics = [
    "crypto_prices_twap_sixty" as const,
    ...(halfMinute ? ["crypto_prices_twap_thirty" as const] : []),
    "crypto_prices_chainlink" as const,
  ];
  return {
    surface: "rtds",
    connection: "rtds-a-0" as ConnectionId,
    url,
    greeting: () => topics.flatMap((topic) => coins.map((coin) => rtdsSubscribe(topic, `${coin}/usd`))),
    heartbeat: { text: PING, everyMicros: 5 * SECOND },
    staleAfterMicros: REFERENCE_STALE,
    liveness: "data",
  };
}

function binancePlan(url: string, coins: readonly string[]): FeedPlan {
  return {
    surface: "binance",
    connection: "binance-a-0" as ConnectionId,
    url,
    greeting: () => [
      binanceSubscribe(
        coins.map((coin) => `${coin}usdt@aggTrade`),
        1,
      ),
    ],
    staleAfterMicros: REFERENCE_STALE,
    liveness: "data",
  };
}
