import { describe, expect, it } from "vitest";
import { bookDigest, Ladder } from "#book";
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
  UnixMicros,
} from "#model";
import { MILLISECOND, SECOND } from "#model";
import { GapLedger } from "./gap-ledger.ts";
import { LiveProof } from "./live-proof.ts";

const X = "100" as InstrumentId;
const MARKET = "0xm" as MarketId;

/** A venue of one instrument that makes true messages, and two replicas that may lose some. */
function rig() {
  const records: GapRecord[] = [];
  const redriven: string[] = [];
  const carrying = new Set(["a", "b"]);
  const ledger = new GapLedger((record) => records.push(record));
  const proof = new LiveProof({
    replicas: ["a", "b"],
    ledger,
    facts: () => ({ minOrderSize: 5_000_000 as SizeMicros, negRisk: false }),
    carries: (_, replica) => carrying.has(replica),
    redrive: (_, replica) => redriven.push(replica),
  });
  const truth = new Ladder(10_000 as PriceMicros);
  let seq = 0;
  let sentAt = 1_000 * SECOND;
  const digest = (): Digest =>
    bookDigest(truth, {
      market: MARKET,
      instrument: X,
      sentAt: sentAt as UnixMicros,
      tickSize: 10_000 as PriceMicros,
      minOrderSize: 5_000_000 as SizeMicros,
      negRisk: false,
      lastTradePrice: null,
    });
  const position = () => ({ seq: seq++ as Seq, receivedAt: sentAt as UnixMicros });
  const give = (event: BookSnapshot | PriceChange, replicas: readonly string[]) => {
    for (const replica of replicas) proof.apply(replica, event, position());
  };
  return {
    proof,
    ledger,
    records,
    redriven,
    carrying,
    dump(...replicas: string[]) {
      const bids: readonly Level[] = truth.levels("bid");
      const asks: readonly Level[] = truth.levels("ask");
      const tickSize = 10_000 as PriceMicros;
      const sent = sentAt as UnixMicros;
      const book = { kind: "book", market: MARKET, instrument: X, digest: digest(), bids, asks } as const;
      give({ ...book, sentAt: sent, tickSize, lastTradePrice: null }, replicas);
    },
    change(price: number, size: number, ...replicas: string[]) {
      sentAt += 500 * MILLISECOND;
      const [at, of] = [(price * 10_000) as PriceMicros, (size * 1_000_000) as SizeMicros];
      truth.set("bid", at, of);
      const change = { instrument: X, side: "bid", price: at, size: of, digest: digest() } as const;
      const best = { bestBid: truth.bestBid(), bestAsk: truth.bestAsk() };
      give(
        { kind: "price_change", market: MARKET, sentAt: sentAt as UnixMicros, changes: [{ ...change, ...best }] },
        replicas,
      );
    },
  };
}

describe("LiveProof", () => {
  it("proves each state on each replica", () => {
    const { proof, dump, change, records } = rig();
    dump("a", "b");
    for (let price = 1; price <= 20; price++) change(price, price, "a", "b");
    proof.flush();
    expect(proof.totals().states).toEqual({ proven: 42, inferred: 0, contradicted: 0, unprovable: 0 });
    expect(proof.countsOf(X).proven).toBe(21);
    expect(records).toEqual([]);
  });

  it("redrives the replica that lost a frame; with the other well there is no gap, and the book is the well one's", () => {
    const { proof, dump, change, records, redriven } = rig();
    dump("a", "b");
    change(10, 1, "a", "b");
    change(20, 2, "a");
    change(15, 3, "a", "b");
    change(16, 3, "a", "b");
    expect(redriven).toEqual(["b"]);
    expect(records).toEqual([]);
    expect(proof.book(X)).toMatchObject({ replica: "a", contradicted: false });
    expect(proof.book(X)!.state.ladder.bestBid()).toBe(200_000);
  });

  it("opens a gap when no replica is well, from the last good state to the first good one after a new opening book", () => {
    const { dump, change, records, redriven, ledger } = rig();
    dump("a", "b");
    change(10, 1, "a", "b");
    change(20, 2);
    change(15, 3, "a", "b");
    change(16, 3, "a", "b");
    expect(records).toMatchObject([{ phase: "opened", gap: { cause: "contradiction", instruments: [X], to: null } }]);
    expect(redriven).toEqual(["a", "b"]);
    dump("b");
    expect(records[1]).toMatchObject({ phase: "closed", gap: { id: records[0]!.gap.id } });
    expect(records[1]!.gap.to).toBeGreaterThan(records[1]!.gap.from);
    expect(ledger.open).toEqual([]);
  });

  it("counts a replica that has not shown a book as none", () => {
    const { dump, change, records, carrying } = rig();
    carrying.delete("b");
    dump("a");
    change(10, 1, "a");
    change(20, 2);
    change(15, 3, "a");
    change(16, 3, "a");
    expect(records).toHaveLength(1);
  });

  it("redrives again, ever more rarely, while it does not help", () => {
    const { dump, change, redriven } = rig();
    dump("a", "b");
    change(20, 2, "b");
    for (let index = 0; index < 400; index++) change(1 + (index % 10), 1 + index, "a", "b");
    // 200 s of contradiction: at 0, 5, 15, 35, 75, 155 s.
    expect(redriven).toEqual(["a", "a", "a", "a", "a", "a"]);
  });

  it("calls nothing lost after a connection was, until a book has come", () => {
    const { proof, dump, change, records } = rig();
    dump("a", "b");
    change(10, 1, "a", "b");
    for (const replica of ["a", "b"]) proof.invalidate(X, replica);
    change(20, 2);
    change(15, 3, "a", "b");
    change(16, 3, "a", "b");
    expect(records).toEqual([]);
    expect(proof.totals().states.contradicted).toBe(0);
    dump("a", "b");
    change(17, 3, "a", "b");
    proof.flush();
    expect(proof.countsOf(X).proven).toBeGreaterThan(2);
  });

  it("keeps its totals when an instrument is let go, and nothing else of it", () => {
    const { proof, dump, change } = rig();
    dump("a", "b");
    change(10, 1, "a", "b");
    change(11, 1, "a", "b");
    const before = proof.totals();
    proof.forget(X);
    expect(proof.totals().bbo).toEqual(before.bbo);
    expect(proof.totals().states.proven).toBe(6);
    expect(proof.book(X)).toBeUndefined();
    expect(proof.countsOf(X).proven).toBe(0);
  });
});
