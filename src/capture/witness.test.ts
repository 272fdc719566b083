import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BookSnapshot, Digest, InstrumentId, Level, MarketId, UnixMicros } from "#model";
import { SECOND } from "#model";
import {
  behindSince,
  judgeWitness,
  mayAct,
  type OurBook,
  type RestWord,
  remedyAfter,
  type Sighting,
  suspect,
  WITNESS_DEFAULTS,
} from "./witness.ts";

const NOW = (1_000 * SECOND) as UnixMicros;
const ago = (seconds: number) => (NOW - seconds * SECOND) as UnixMicros;

function sighting(replica: string, parts: Partial<Sighting> = {}): Sighting {
  return {
    replica,
    subscribedAt: ago(300),
    lastFrameAt: ago(1),
    sentAt: ago(1),
    behindSince: null,
    remedyAt: null,
    remedies: 0,
    ...parts,
  };
}

const suspectNow = (...sightings: Sighting[]) => suspect(sightings, "active", NOW, WITNESS_DEFAULTS);

describe("suspect", () => {
  it("leaves a lively book alone", () => {
    expect(suspectNow(sighting("a"), sighting("b")).kind).toBe("none");
  });

  it("finds the replica that stands still while the other moves", () => {
    const frozen = sighting("b", { lastFrameAt: ago(30), sentAt: ago(30), behindSince: ago(29) });
    expect(suspectNow(sighting("a"), frozen)).toMatchObject({ kind: "behind", replicas: ["b"] });
  });

  it("gives the slower replica its delay", () => {
    const late = sighting("b", { lastFrameAt: ago(30), sentAt: ago(30), behindSince: ago(2) });
    expect(suspectNow(sighting("a"), late).kind).toBe("none");
  });

  it("finds the replica that never delivered a first book", () => {
    const empty = { lastFrameAt: null, sentAt: null };
    expect(suspectNow(sighting("a"), sighting("b", { ...empty, subscribedAt: ago(16) })).kind).toBe("behind");
    expect(suspectNow(sighting("a"), sighting("b", { ...empty, subscribedAt: ago(14) })).kind).toBe("none");
  });

  it("asks for a witness when nobody moves, sooner in an active window than ahead of it", () => {
    const still = [sighting("a", { lastFrameAt: ago(11) }), sighting("b", { lastFrameAt: ago(12) })];
    expect(suspectNow(...still)).toEqual({ kind: "silent", since: ago(11) });
    expect(suspect(still, "opening", NOW, WITNESS_DEFAULTS).kind).toBe("none");
    expect(suspect(still, "resolved", NOW, WITNESS_DEFAULTS).kind).toBe("none");
  });

  it("asks for a witness when no replica ever showed a book", () => {
    const empty = { lastFrameAt: null, sentAt: null, subscribedAt: ago(16) };
    expect(suspectNow(sighting("a", empty), sighting("b", empty)).kind).toBe("silent");
  });

  it("does not call a replica frozen that is not connected", () => {
    const gone = sighting("b", { subscribedAt: null, lastFrameAt: null, sentAt: null });
    expect(suspectNow(sighting("a"), gone).kind).toBe("none");
    expect(suspectNow(gone).kind).toBe("none");
  });

  it("lets a remedy work before the next one", () => {
    const frozen = sighting("b", { lastFrameAt: ago(90), sentAt: ago(90), behindSince: ago(80), remedies: 1 });
    expect(suspectNow(sighting("a"), { ...frozen, remedyAt: ago(4) }).kind).toBe("none");
    expect(suspectNow(sighting("a"), { ...frozen, remedyAt: ago(6) }).kind).toBe("behind");
  });
});

describe("behindSince", () => {
  const newest = sighting("a");
  it("starts when the other shows a newer book and ends when this one shows anything", () => {
    const still = sighting("b", { lastFrameAt: ago(30), sentAt: ago(30) });
    expect(behindSince(still, newest, NOW)).toBe(NOW);
    expect(behindSince({ ...still, behindSince: ago(5) }, newest, NOW)).toBe(ago(5));
    expect(behindSince({ ...still, behindSince: ago(5), lastFrameAt: ago(2) }, newest, NOW)).toBe(NOW);
    expect(behindSince({ ...still, behindSince: ago(5), sentAt: newest.sentAt }, newest, NOW)).toBeNull();
  });

  it("never accuses a replica that delivers within the delay, however the frames of the two interleave", () => {
    // Venue events at random moments; replica b gets each up to two seconds late. Looked at once a second.
    const events = fc.array(
      fc.record({ step: fc.integer({ min: 1, max: 20 * SECOND }), late: fc.integer({ min: 0, max: 2 * SECOND }) }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(events, (list) => {
        let at = 0;
        const times = list.map(({ step, late }) => {
          at += step;
          return { at, late };
        });
        let b = sighting("b", { subscribedAt: 0 as UnixMicros, lastFrameAt: 0 as UnixMicros, sentAt: 0 as UnixMicros });
        let a = { ...b, replica: "a" };
        for (let now = 0; now <= at + 10 * SECOND; now += SECOND) {
          for (const each of times) {
            if (each.at <= now) a = { ...a, sentAt: each.at as UnixMicros, lastFrameAt: each.at as UnixMicros };
          }
          const delivered = times.filter((each) => each.at + each.late <= now);
          if (delivered.length > 0) {
            const sentAt = Math.max(...delivered.map((each) => each.at)) as UnixMicros;
            const lastFrameAt = Math.max(...delivered.map((each) => each.at + each.late)) as UnixMicros;
            b = { ...b, sentAt, lastFrameAt };
          }
          b = { ...b, behindSince: behindSince(b, a, now as UnixMicros) };
          expect(suspect([a, b], "active", now as UnixMicros, WITNESS_DEFAULTS).kind).not.toBe("behind");
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe("remedies", () => {
  it("are redrive, then a new socket, twice; then only redrives", () => {
    expect([0, 1, 2, 3, 4, 5, 6].map(remedyAfter)).toEqual([
      "redrive",
      "reconnect",
      "redrive",
      "reconnect",
      "redrive",
      "redrive",
      "redrive",
    ]);
  });

  it("come ever more rarely but never end", () => {
    const tried = (remedies: number, seconds: number) =>
      mayAct(sighting("a", { remedies, remedyAt: ago(seconds) }), NOW, WITNESS_DEFAULTS);
    expect(tried(1, 6)).toBe(true);
    expect(tried(3, 6)).toBe(false);
    expect(tried(1_000, 5 * 2 ** 5 + 1)).toBe(true);
  });
});

describe("judgeWitness", () => {
  const level = (price: number, size: number) => ({ price, size }) as Level;
  const ours: OurBook = { sentAt: ago(20), digest: "d1" as Digest, bids: [level(1, 1)], asks: [level(3, 1)] };
  const rest = (sentAt: UnixMicros, digest: string, bids: Level[]): RestWord => ({
    kind: "book",
    book: {
      kind: "book",
      market: "m" as MarketId,
      instrument: "i" as InstrumentId,
      sentAt,
      digest: digest as Digest,
      bids,
      asks: [level(3, 1)],
    } satisfies BookSnapshot,
  });
  const cases: [string, OurBook | null, RestWord, string][] = [
    ["newer by more than the margin and different: frozen", ours, rest(ago(5), "d2", [level(2, 1)]), "frozen"],
    ["newer and different but only just: it may be on its way", ours, rest(ago(19.5), "d2", [level(2, 1)]), "early"],
    ["newer with the same levels: quiet", ours, rest(ago(5), "d2", [level(1, 1)]), "quiet"],
    ["the same book: quiet", ours, rest(ago(20), "d1", [level(1, 1)]), "quiet"],
    ["older: the witness is stale, whatever it shows", ours, rest(ago(400), "d0", []), "stale"],
    ["a book where the sockets never showed one: frozen", null, rest(ago(400), "d0", []), "frozen"],
    ["no book anywhere: quiet", null, { kind: "absent" }, "quiet"],
    ["no answer counts against nobody", ours, { kind: "failed", why: "time-out" }, "unheard"],
  ];
  it.each(cases)("%s", (_, book, word, finding) => {
    expect(judgeWitness(book, word, WITNESS_DEFAULTS).finding).toBe(finding);
  });

  it("never calls frozen what REST has no newer word on", () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e9, max: WITNESS_DEFAULTS.margin }), fc.string(), (ahead, digest) => {
        const word = rest((ours.sentAt + ahead) as UnixMicros, digest, [level(9, 9)]);
        expect(judgeWitness(ours, word, WITNESS_DEFAULTS).finding).not.toBe("frozen");
      }),
    );
  });
});
