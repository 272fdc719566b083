import { mkdirSync } from "node:fs";
import { WebSocket } from "ws";
import { snapshotDigest } from "#book";
import { type Clock, fetchBytes, measureSync, readDiskSpace } from "#host";
import type { Market, UnixMicros } from "#model";
import { MILLISECOND, MINUTE, SECOND } from "#model";
import { decodeBookAnswer, decodeGamma, type VenueConfig, windowSlug } from "#venue";

export interface CheckResult {
  readonly name: string;
  readonly status: "ok" | "warning" | "failed";
  readonly detail: string;
  /** What to do; empty where all is well. */
  readonly advice: string;
}

type Finding = Omit<CheckResult, "name">;

const LEAST_FREE = 5e9;
const SLOW_SYNC = 20_000;
const MOST_SKEW = 2 * SECOND;
const ANSWER_WITHIN = 8 * SECOND;
const WINDOW = 15 * MINUTE;

/** Everything a recording will need, tried for real. Checks never throw: what goes wrong is their result. */
export async function* runChecks(data: string, venue: VenueConfig, clock: Clock): AsyncGenerator<CheckResult> {
  yield checkNode(process.versions.node);
  yield await named("disk space", () => checkDisk(data));
  yield await named("durable write", () => checkSync(data));
  const { endpoints } = venue;
  yield await named("venue clock", () => checkClock(endpoints.clob, clock));
  let market: Market | undefined;
  yield await named("catalog (Gamma)", async () => {
    market = await presentWindow(endpoints.gamma, clock);
    return ok(`${market.slug}, ${market.outcomes.length} outcomes`);
  });
  yield await named("book and digest", () => checkDigest(endpoints.clob, market, clock));
  const sockets = [
    ["market socket", endpoints.marketSocket],
    ["PolyBolt socket", endpoints.polyboltSocket],
    ["RTDS socket", endpoints.rtdsSocket],
    ["Binance socket", endpoints.binanceSocket],
  ] as const;
  for (const [name, url] of sockets) if (url !== null) yield await named(name, () => checkSocket(url, clock));
}

function checkNode(version: string): CheckResult {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const name = "Node";
  if (major > 24 || (major === 24 && minor >= 9)) return { name, ...ok(version) };
  return {
    name,
    status: "failed",
    detail: version,
    advice: "run ./polypunt, which brings Node 24, or install Node 24.9 or newer",
  };
}

async function checkDisk(data: string): Promise<Finding> {
  mkdirSync(data, { recursive: true });
  const { freeBytes } = await readDiskSpace(data);
  const free = `${(freeBytes / 1e9).toFixed(1)} GB free in ${data}`;
  if (freeBytes >= LEAST_FREE) return ok(free);
  return {
    status: "warning",
    detail: free,
    advice: "a busy day takes gigabytes: free some space, or name another folder with --data",
  };
}

async function checkSync(data: string): Promise<Finding> {
  const { medianMicros, worstMicros } = await measureSync(data);
  const detail = `fdatasync takes ${(medianMicros / 1_000).toFixed(2)} ms, at worst ${(worstMicros / 1_000).toFixed(2)} ms`;
  if (medianMicros <= SLOW_SYNC) return ok(detail);
  return { status: "warning", detail, advice: "frames become durable later than they could: use a local SSD" };
}

async function checkClock(clob: string, clock: Clock): Promise<Finding> {
  const asked = clock.now();
  const answer = await fetchBytes(`${clob}/time`, { clock, timeoutMicros: ANSWER_WITHIN });
  const venueSeconds = Number(new TextDecoder().decode(answer.body));
  if (answer.status !== 200 || !Number.isFinite(venueSeconds)) {
    return {
      status: "failed",
      detail: `${clob}/time answered ${answer.status}`,
      advice: "check the network, a proxy, or the venue's status page",
    };
  }
  // The answer has whole seconds and was made between asking and receiving: half a second either way is no skew.
  const skew = (asked + answer.receivedAt) / 2 - (venueSeconds + 0.5) * SECOND;
  const detail = `this clock is ${Math.abs(skew / SECOND).toFixed(1)} s ${skew < 0 ? "behind" : "ahead of"} the venue's, answered in ${Math.round((answer.receivedAt - asked) / MILLISECOND)} ms`;
  if (Math.abs(skew) <= MOST_SKEW) return ok(detail);
  return {
    status: "warning",
    detail,
    advice: "set the clock by NTP (timedatectl set-ntp true): latencies and gaps would be wrong",
  };
}

/** The BTC window that is open now: there always is one. */
async function presentWindow(gamma: string, clock: Clock): Promise<Market> {
  const startsAt = Math.floor(clock.now() / WINDOW) * WINDOW;
  const url = `${gamma}/events?slug=${windowSlug("btc", "15m", startsAt as UnixMicros)}`;
  const answer = await fetchBytes(url, { clock, timeoutMicros: ANSWER_WITHIN });
  const { markets, faults } = decodeGamma(answer.body);
  const market = markets[0];
  if (market) return market;
  throw new Error(
    faults[0] ? `cannot read ${url}: ${faults[0].detail}` : `${url} answered ${answer.status} with no market`,
  );
}

async function checkDigest(clob: string, market: Market | undefined, clock: Clock): Promise<Finding> {
  const instrument = market?.outcomes[0]?.instrument;
  if (!instrument) return { status: "failed", detail: "no market to try it on", advice: "see the catalog above" };
  const answer = await fetchBytes(`${clob}/book?token_id=${instrument}`, { clock, timeoutMicros: ANSWER_WITHIN });
  const book = decodeBookAnswer(answer.body);
  if (book.kind === "fault")
    return {
      status: "failed",
      detail: `/book answered ${answer.status}: ${book.detail}`,
      advice: "the format may have changed: record anyway, the raw frames are kept",
    };
  const { minOrderSize, tickSize, negRisk, lastTradePrice } = book;
  if (minOrderSize === undefined || tickSize === undefined || negRisk === undefined || lastTradePrice === undefined) {
    return {
      status: "warning",
      detail: "/book lacks a field of the digest",
      advice: "the format changed: proofs may be inferred or unprovable",
    };
  }
  const ours = snapshotDigest(book.bids, book.asks, { ...book, minOrderSize, tickSize, negRisk, lastTradePrice });
  if (ours === book.digest) return ok(`${book.bids.length} bids, ${book.asks.length} asks, the digest is as computed`);
  return {
    status: "warning",
    detail: `the venue says ${book.digest}, we compute ${ours}`,
    advice: "the venue's digest may have changed: everything is still recorded, but proofs will be contradicted",
  };
}

function checkSocket(url: string, clock: Clock): Promise<Finding> {
  return new Promise((resolve) => {
    const begun = clock.monotonic();
    const socket = new WebSocket(url, { handshakeTimeout: ANSWER_WITHIN / MILLISECOND });
    socket.once("open", () => {
      resolve(ok(`${url} opened in ${Math.round((clock.monotonic() - begun) / MILLISECOND)} ms`));
      socket.terminate();
    });
    socket.once("error", (error) => {
      resolve({
        status: "failed",
        detail: `${url}: ${error.message}`,
        advice: "check the network, a firewall or a proxy; some regions are refused",
      });
    });
  });
}

async function named(name: string, check: () => Promise<Finding>): Promise<CheckResult> {
  try {
    return { name, ...(await check()) };
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return {
      name,
      status: "failed",
      detail,
      advice: "check the network, a firewall or a proxy; some regions are refused",
    };
  }
}

function ok(detail: string): Finding {
  return { status: "ok", detail, advice: "" };
}
