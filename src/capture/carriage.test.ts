import { describe, expect, it } from "vitest";
import type { Digest, InstrumentId, MarketId, Seq, UnixMicros } from "#model";
import { Carriage } from "./carriage.ts";
import type { Moment } from "./gap-ledger.ts";

const X = "x" as InstrumentId;
const Y = "y" as InstrumentId;
const at = (micros: number): Moment => ({ at: micros as UnixMicros, seq: micros as Seq });
const book = (micros: number, snapshot = true) => ({
  moment: at(micros),
  sentAt: micros as UnixMicros,
  digest: "d" as Digest,
  snapshot,
});

/** Two replicas of one shard, both open, both carrying X and Y. */
function carriage(): Carriage {
  const carriage = new Carriage(["a", "b"]);
  for (const instrument of [X, Y]) carriage.add(instrument, "m" as MarketId, 0);
  for (const replica of ["a", "b"]) {
    carriage.opened(replica, 0, at(1));
    for (const instrument of [X, Y]) carriage.saw(instrument, replica, book(2));
  }
  return carriage;
}

describe("Carriage", () => {
  it("loses nothing when one of two replicas closes", () => {
    expect(carriage().closed("a", 0).lost).toEqual([]);
  });

  it("loses everything of the shard when the second closes too, since that one was last heard", () => {
    const both = carriage();
    both.closed("a", 0);
    both.heard("b", 0, at(9));
    expect(both.closed("b", 0)).toEqual({ lost: [X, Y], from: at(9) });
  });

  it("counts a replica that came back only when it has shown a book again", () => {
    const both = carriage();
    both.closed("a", 0);
    both.opened("a", 0, at(5));
    both.saw(X, "a", book(6));
    both.saw(Y, "a", book(6, false));
    expect(both.closed("b", 0).lost).toEqual([Y]);
  });

  it("does not lose an instrument twice, nor one that never came", () => {
    const both = carriage();
    both.add("z" as InstrumentId, "m" as MarketId, 0);
    both.closed("a", 0);
    both.closed("b", 0);
    both.opened("b", 0, at(7));
    expect(both.closed("b", 0).lost).toEqual([]);
  });

  it("knows what hangs on one socket alone", () => {
    const both = carriage();
    expect(both.carriedOnlyBy("b", 0)).toEqual([]);
    both.closed("a", 0);
    both.opened("a", 0, at(5));
    both.saw(X, "a", book(6));
    expect(both.carriedOnlyBy("b", 0)).toEqual([Y]);
    expect(both.carriedOnlyBy("a", 0)).toEqual([]);
  });

  it("leaves other shards alone", () => {
    const both = carriage();
    both.add("z" as InstrumentId, "n" as MarketId, 1);
    both.opened("a", 1, at(3));
    both.saw("z" as InstrumentId, "a", book(4));
    both.closed("a", 0);
    both.closed("b", 0);
    expect(both.closed("a", 1).lost).toEqual(["z"]);
  });

  it("forgets what left", () => {
    const both = carriage();
    both.remove(X);
    expect(both.size).toBe(1);
    expect(both.saw(X, "a", book(9))).toBeUndefined();
  });
});
