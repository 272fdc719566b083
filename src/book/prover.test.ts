import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { beforeEach, describe, expect, it } from "vitest";
import type {
  BookSnapshot,
  Digest,
  GapRecord,
  InstrumentId,
  Level,
  MarketId,
  PriceChange,
  PriceMicros,
  Seq,
  SizeMicros,
  Trade,
  UnixMicros,
  VenueEvent,
  Verdict,
} from "#model";
import { fromMillis, parsePrice, parseSize } from "#model";
import { bookDigest } from "./digest.ts";
import type { StateVerdict } from "./instrument-state.ts";
import { Ladder } from "./ladder.ts";
import { Prover } from "./prover.ts";

const MARKET = "0xmarket" as MarketId;
const UP = "100" as InstrumentId;
const CENT = 10_000;
const p = (cents: number) => (cents * CENT) as PriceMicros;
const s = (shares: number) => (shares * 1_000_000) as SizeMicros;

/** A venue of one book that digests as the real one does. */
class Venue {
  readonly ladder = new Ladder(p(1));
  at = 1_000;
  lastTradePrice: PriceMicros | null = null;
  tickSize = p(1);

  digest(): Digest {
    const { lastTradePrice, tickSize } = this;
    const fields = { market: MARKET, instrument: UP, sentAt: this.sentAt(), minOrderSize: s(5), negRisk: false };
    return bookDigest(this.ladder, { ...fields, tickSize, lastTradePrice });
  }

  sentAt(): UnixMicros {
    return (this.at * 1_000) as UnixMicros;
  }

  dump(): BookSnapshot {
    const { tickSize, lastTradePrice } = this;
    return { ...this.update(), tickSize, lastTradePrice };
  }

  update(): BookSnapshot {
    const [bids, asks]: [Level[], Level[]] = [this.ladder.levels("bid"), this.ladder.levels("ask")];
    return { kind: "book", market: MARKET, instrument: UP, sentAt: this.sentAt(), digest: this.digest(), bids, asks };
  }

  /** Changes a level and says so; `later` leaves the digest to the end of a batch. */
  change(side: "bid" | "ask", cents: number, shares: number, digest?: Digest): PriceChange {
    this.ladder.set(side, p(cents), s(shares));
    const change = {
      instrument: UP,
      side,
      price: p(cents),
      size: s(shares),
      digest: digest ?? this.digest(),
      bestBid: this.ladder.bestBid(),
      bestAsk: this.ladder.bestAsk(),
    };
    return { kind: "price_change", market: MARKET, sentAt: this.sentAt(), changes: [change] };
  }

  trade(cents: number): Trade {
    this.lastTradePrice = p(cents);
    const nothing = { size: null, takerSide: null, transaction: null };
    return { kind: "trade", market: MARKET, instrument: UP, sentAt: this.sentAt(), price: p(cents), ...nothing };
  }
}

describe("Prover", () => {
  let venue: Venue;
  let verdicts: StateVerdict[];
  let ledger: GapRecord[];
  let seq: number;

  beforeEach(() => {
    venue = new Venue();
    venue.ladder.replace([{ price: p(48), size: s(10) }], [{ price: p(52), size: s(10) }]);
    verdicts = [];
    ledger = [];
    seq = 0;
  });

  function prover(search: "full" | "near" | "off" = "full"): Prover {
    return new Prover({ search, onVerdict: (each) => verdicts.push(each), onGap: (each) => ledger.push(each) });
  }

  function feed(to: Prover, ...events: VenueEvent[]): void {
    for (const event of events) {
      to.apply(event, { seq: seq as Seq, receivedAt: (seq * 1_000) as UnixMicros });
      seq++;
    }
  }

  function next(): void {
    venue.at += 10;
  }

  const kinds = (): Verdict[] => verdicts.map((each) => each.verdict);

  it("proves a snapshot and each change after it, once the next state begins or the stream ends", () => {
    const proof = prover();
    feed(proof, venue.dump());
    next();
    feed(proof, venue.change("bid", 49, 5));
    expect(kinds()).toEqual(["proven"]);
    expect(proof.verdictNow(UP)).toBe("proven");
    next();
    feed(proof, venue.change("ask", 52, 0), venue.change("bid", 48, 0));
    proof.flush();
    expect(kinds()).toEqual(["proven", "proven", "proven", "proven"]);
    expect(proof.totals().bbo).toEqual({ checked: 3, agreed: 3 });
  });

  it("judges a batch at its end: messages of one moment and digest are one state", () => {
    const proof = prover("off");
    feed(proof, venue.dump());
    next();
    const final = new Venue();
    final.at = venue.at;
    final.ladder.replace(
      [
        { price: p(48), size: s(10) },
        { price: p(49), size: s(1) },
      ],
      [
        { price: p(51), size: s(1) },
        { price: p(52), size: s(10) },
      ],
    );
    feed(proof, venue.change("bid", 49, 1, final.digest()));
    expect(proof.verdictNow(UP)).toBe("contradicted");
    feed(proof, venue.change("ask", 51, 1, final.digest()));
    proof.flush();
    expect(kinds()).toEqual(["proven", "proven"]);
    expect(ledger).toEqual([]);
  });

  it("counts as proven a book whose trade was published after it", () => {
    const proof = prover("off");
    feed(proof, venue.dump());
    next();
    const trade = venue.trade(52);
    feed(proof, venue.change("ask", 52, 4), trade);
    next();
    feed(proof, venue.change("bid", 47, 1));
    proof.flush();
    expect(kinds()).toEqual(["proven", "proven", "proven"]);
  });

  it("infers a last trade price that no frame showed, and carries it on", () => {
    const proof = prover();
    feed(proof, venue.dump());
    next();
    venue.trade(7);
    feed(proof, venue.change("ask", 52, 4));
    next();
    feed(proof, venue.change("bid", 47, 1));
    proof.flush();
    expect(kinds()).toEqual(["proven", "inferred", "inferred"]);
    expect(ledger).toEqual([]);
  });

  it("finds a change of tick that the recording lacks", () => {
    const proof = prover();
    feed(proof, venue.dump());
    next();
    venue.tickSize = 1_000 as PriceMicros;
    feed(proof, venue.change("ask", 52, 4));
    proof.flush();
    expect(kinds()).toEqual(["proven", "inferred"]);
  });

  it("opens a gap at a lost change and closes it at the next state that agrees", () => {
    const proof = prover();
    feed(proof, venue.dump());
    next();
    venue.change("bid", 49, 5);
    next();
    feed(proof, venue.change("bid", 47, 1));
    next();
    feed(proof, venue.change("ask", 53, 1));
    next();
    feed(proof, venue.change("bid", 49, 6));
    proof.flush();
    expect(kinds()).toEqual(["proven", "contradicted", "contradicted", "proven"]);
    expect(ledger.map((each) => each.phase)).toEqual(["opened", "closed"]);
    expect(proof.gaps()).toMatchObject([
      { cause: "contradiction", fromSeq: 0, toSeq: 3, from: 0, to: 3_000, instruments: [UP] },
    ]);
    expect(proof.totals().bbo).toEqual({ checked: 3, agreed: 1 });
  });

  it("leaves a gap open where the stream ends contradicted", () => {
    const proof = prover();
    feed(proof, venue.dump());
    next();
    venue.change("bid", 49, 5);
    feed(proof, venue.change("bid", 47, 1));
    proof.flush();
    expect(proof.gaps()).toMatchObject([{ to: null, toSeq: null }]);
  });

  it("can prove nothing before the first snapshot, and applies nothing to no book", () => {
    const proof = prover();
    feed(proof, venue.change("bid", 49, 5));
    expect(proof.book(UP)).toBeUndefined();
    next();
    feed(proof, venue.dump());
    proof.flush();
    expect(kinds()).toEqual(["unprovable", "proven"]);
  });

  it("does not call a new loss what followed a known one", () => {
    const proof = prover();
    feed(proof, venue.dump());
    proof.invalidate(UP);
    venue.change("bid", 49, 5);
    next();
    feed(proof, venue.change("bid", 47, 1));
    next();
    feed(proof, venue.change("bid", 49, 0));
    next();
    feed(proof, venue.change("bid", 46, 1));
    proof.flush();
    expect(kinds()).toEqual(["proven", "unprovable", "proven", "proven"]);
    expect(ledger).toEqual([]);
  });

  it("takes the tick's change to 0.001 and back without losing a level", () => {
    const proof = prover("off");
    feed(proof, venue.dump());
    const tick = (micros: number): VenueEvent => {
      venue.tickSize = micros as PriceMicros;
      const event = { kind: "tick_size_change" as const, market: MARKET, instrument: UP, sentAt: venue.sentAt() };
      return { ...event, tickSize: venue.tickSize, previous: null };
    };
    next();
    feed(proof, tick(1_000), venue.change("bid", 48.1, 5));
    next();
    feed(proof, tick(10_000), venue.change("bid", 47, 5));
    proof.flush();
    expect(kinds()).toEqual(["proven", "proven", "proven"]);
    expect(proof.book(UP)?.ladder.levels("bid")).toHaveLength(3);
  });

  it("reports crossed and locked books and repairs neither", () => {
    const proof = prover();
    feed(proof, venue.dump());
    next();
    feed(proof, venue.change("bid", 52, 1));
    next();
    feed(proof, venue.change("bid", 53, 1));
    proof.flush();
    expect(kinds()).toEqual(["proven", "proven", "proven"]);
    expect(proof.totals()).toMatchObject({ crossed: 1, locked: 1 });
  });
});

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
