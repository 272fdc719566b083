import { beforeEach, describe, expect, it } from "vitest";
import type { GapRecord, Seq, UnixMicros, VenueEvent, Verdict } from "#model";
import { inBatch, p, s, UP, Venue } from "./fixtures/venue.ts";
import type { StateVerdict } from "./instrument-state.ts";
import { Prover } from "./prover.ts";

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
    feed(proof, inBatch(venue.change("bid", 49, 1), final.digest()));
    expect(proof.verdictNow(UP)).toBe("unprovable");
    expect(proof.verdictNow(UP, true)).toBe("contradicted");
    feed(proof, venue.change("ask", 51, 1));
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
    venue.tick(1_000);
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
    next();
    feed(proof, venue.change("bid", 46, 1));
    proof.flush();
    expect(kinds()).toEqual(["proven", "contradicted", "contradicted"]);
    expect(proof.gaps()).toMatchObject([{ to: null, toSeq: null }]);
  });

  it("does not contradict a batch that the end of the stream or of a connection cut off", () => {
    const proof = prover();
    feed(proof, venue.dump());
    next();
    const end = new Venue();
    end.at = venue.at;
    feed(proof, inBatch(venue.change("bid", 49, 1), end.digest()));
    proof.invalidate(UP);
    next();
    feed(proof, venue.dump());
    next();
    end.at = venue.at;
    feed(proof, inBatch(venue.change("bid", 45, 1), end.digest()));
    proof.flush();
    expect(kinds()).toEqual(["proven", "unprovable", "proven", "unprovable"]);
    expect(ledger).toEqual([]);
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
    next();
    feed(proof, venue.tick(1_000), venue.change("bid", 48.1, 5));
    next();
    feed(proof, venue.tick(10_000), venue.change("bid", 47, 5));
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
