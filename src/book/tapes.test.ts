import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type {
  Digest,
  InstrumentId,
  Level,
  MarketId,
  PriceMicros,
  Seq,
  SizeMicros,
  UnixMicros,
  VenueEvent,
} from "#model";
import { fromMillis, parsePrice, parseSize } from "#model";
import { Prover } from "./prover.ts";

// The real recordings, decoded here in the plainest way, so that the prover is tried without the wire decoder.

const DATA = join(import.meta.dirname, "../../../shared/data");
const TAPES = {
  deltas: join(DATA, "btc-updown-5m-2026-04-16.price-change-derived.ndjson.gz"),
  books: join(DATA, "btc-updown-5m-2026-04-16.book-frames.ndjson.gz"),
};

describe.skipIf(!existsSync(DATA))("on the recorded tapes (skipped where ../shared/data is missing)", () => {
  it("proves every state of the delta tape and agrees on every best price", () => {
    const proof = proveTape(TAPES.deltas);
    expect(proof.totals()).toMatchObject({ states: { proven: 37_653, inferred: 0, contradicted: 0, unprovable: 0 } });
    const { bbo } = proof.totals();
    expect(bbo).toEqual({ checked: 37_641, agreed: 37_641 });
  });

  it("proves or infers every state of the tape of whole books", () => {
    const { states } = proveTape(TAPES.books).totals();
    expect(states.proven + states.inferred).toBe(37_664);
    expect(states.contradicted + states.unprovable).toBe(0);
  });
});

type Json = Record<string, string | undefined> & {
  bids?: JsonLevel[];
  asks?: JsonLevel[];
  price_changes?: Record<string, string>[];
};
interface JsonLevel {
  readonly price: string;
  readonly size: string;
}

function proveTape(file: string): Prover {
  const proof = new Prover();
  const lines = gunzipSync(readFileSync(file)).toString().trimEnd().split("\n");
  for (const [index, line] of lines.entries()) {
    const { receivedAtMicros, frame } = JSON.parse(line) as { receivedAtMicros: UnixMicros; frame: string };
    const parsed = JSON.parse(frame) as Json | Json[];
    for (const message of Array.isArray(parsed) ? parsed : [parsed]) {
      proof.apply(eventOf(message), { seq: index as Seq, receivedAt: receivedAtMicros });
    }
  }
  proof.flush();
  return proof;
}

function eventOf(message: Json): VenueEvent {
  const ids = { market: message.market as MarketId, sentAt: fromMillis(message.timestamp ?? "") as UnixMicros };
  const own = { ...ids, instrument: message.asset_id as InstrumentId };
  const levels = (side: readonly JsonLevel[] = []): Level[] =>
    side
      .map(({ price, size }) => ({ price: parsePrice(price) as PriceMicros, size: parseSize(size) as SizeMicros }))
      .toReversed();
  if (message.bids) {
    const snapshot = {
      kind: "book" as const,
      ...own,
      digest: message.hash as Digest,
      bids: levels(message.bids),
      asks: levels(message.asks),
    };
    if (message.tick_size === undefined) return snapshot;
    const last = message.last_trade_price ? (parsePrice(message.last_trade_price) as PriceMicros) : null;
    return { ...snapshot, tickSize: parsePrice(message.tick_size) as PriceMicros, lastTradePrice: last };
  }
  if (message.price_changes) {
    const changes = message.price_changes.map((change) => ({
      instrument: change.asset_id as InstrumentId,
      side: change.side === "BUY" ? ("bid" as const) : ("ask" as const),
      price: parsePrice(change.price ?? "") as PriceMicros,
      size: parseSize(change.size ?? "") as SizeMicros,
      digest: change.hash as Digest,
      bestBid: noneIf(change.best_bid, "0"),
      bestAsk: noneIf(change.best_ask, "1"),
    }));
    return { kind: "price_change", ...ids, changes };
  }
  const nothing = { size: null, takerSide: null, transaction: null };
  return { kind: "trade", ...own, price: parsePrice(message.price ?? "") as PriceMicros, ...nothing };
}

function noneIf(text: string | undefined, none: string): PriceMicros | null {
  return text === undefined || text === "" || text === "0" || text === none ? null : (parsePrice(text) as PriceMicros);
}
