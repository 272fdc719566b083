import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ConnectionId, Frame, FrameKind, MonotonicMicros, Seq, UnixMicros } from "#model";
import { SECOND } from "#model";
import { ConnectionMerge, type MergedFrame, replicaGroup } from "./merge.ts";

const A = "market-a-0" as ConnectionId;
const B = "market-b-0" as ConnectionId;

let nextSeq = 0;
function frame(connection: ConnectionId, text: string, at: number, kind: FrameKind = "received"): Frame {
  return {
    seq: nextSeq++ as Seq,
    connection,
    kind,
    receivedAt: at as UnixMicros,
    monotonicAt: 0 as MonotonicMicros,
    bytes: new TextEncoder().encode(text),
  };
}

function merged(frames: readonly Frame[]): MergedFrame[] {
  const merge = new ConnectionMerge();
  return [...frames.flatMap((each) => merge.push(each)), ...merge.flush()];
}

const texts = (frames: readonly MergedFrame[]): string[] =>
  frames.filter(({ frame }) => frame.kind === "received").map(({ frame }) => new TextDecoder().decode(frame.bytes));

describe("replicaGroup", () => {
  it("takes replicas of one shard together and leaves other labels alone", () => {
    expect(replicaGroup(A)).toBe(replicaGroup(B));
    expect(replicaGroup("market-a-1" as ConnectionId)).not.toBe(replicaGroup(A));
    expect(replicaGroup("btc-updown-5m-1776323400" as ConnectionId)).toBe("btc-updown-5m-1776323400");
  });
});

describe("ConnectionMerge", () => {
  it("gives a frame that both sockets carried once, as the first showed it", () => {
    const out = merged([frame(A, "1", 10), frame(B, "1", 12), frame(B, "2", 20), frame(A, "2", 25)]);
    expect(texts(out)).toEqual(["1", "2"]);
    expect(out.map((each) => each.frame.connection)).toEqual([A, B]);
  });

  it("puts a frame that one socket lost where the other had it, even when it comes late", () => {
    const out = merged([
      frame(A, "1", 1),
      frame(B, "1", 1),
      frame(B, "3", 2),
      frame(A, "2", 5),
      frame(A, "3", 6),
      frame(A, "4", 7),
      frame(B, "4", 8),
    ]);
    expect(texts(out)).toEqual(["1", "2", "3", "4"]);
    // "3" was on B at 2, but its place after "2" is known only once "2" is.
    expect(out.map((each) => each.knownAt)).toEqual([1, 5, 5, 7]);
  });

  it("keeps equal contents that the venue really sent twice", () => {
    const out = merged([frame(A, "x", 1), frame(A, "x", 2), frame(B, "x", 3), frame(B, "x", 4)]);
    expect(texts(out)).toEqual(["x", "x"]);
  });

  it("does not wait for a socket that is closed, and waits a bounded time for one that is silent", () => {
    const merge = new ConnectionMerge();
    const out = [merge.push(frame(A, "1", 1)), merge.push(frame(B, "1", 1)), merge.push(frame(A, "2", 2))].flat();
    expect(texts(out)).toEqual(["1"]);
    expect(texts(merge.push(frame(B, "{}", 3, "closed")))).toEqual(["2"]);
    expect(texts(merge.push(frame(A, "3", 4)))).toEqual(["3"]);
    merge.push(frame(B, "{}", 5, "opened"));
    expect(texts(merge.push(frame(A, "4", 6)))).toEqual([]);
    expect(texts(merge.push(frame("other" as ConnectionId, "5", 6 + 5 * SECOND)))).toEqual(["4", "5"]);
  });

  it("knows a copy that comes after the wait", () => {
    const out = merged([
      frame(A, "1", 1),
      frame(B, "1", 1),
      frame(A, "2", 2),
      frame(A, "3", 10 * SECOND),
      frame(B, "2", 10 * SECOND + 1),
      frame(B, "3", 10 * SECOND + 2),
    ]);
    expect(texts(out)).toEqual(["1", "2", "3"]);
  });

  it("tells of each copy which frame it repeats", () => {
    const copies: [Seq, Seq][] = [];
    const merge = new ConnectionMerge({ onCopy: (copy, original) => copies.push([copy.seq, original.seq]) });
    const frames = [frame(A, "1", 1), frame(B, "1", 2), frame(B, "2", 3), frame(A, "x", 4), frame(A, "2", 5)];
    for (const each of frames) merge.push(each);
    const [first, second, third, , last] = frames.map(({ seq }) => seq);
    expect(copies).toEqual([
      [second, first],
      [last, third],
    ]);
  });

  it("orders groups by the time at which they were known", () => {
    const other = "polybolt-a-0" as ConnectionId;
    const out = merged([
      frame(A, "1", 1),
      frame(B, "1", 2),
      frame(A, "2", 3),
      frame(other, "p", 4),
      frame(B, "2", 9),
      frame(other, "q", 10),
    ]);
    expect(texts(out)).toEqual(["1", "2", "p", "q"]);
  });

  it("loses nothing, doubles nothing and keeps the venue's order, whatever each socket loses or delays", () => {
    const socket = fc.array(
      fc.record({ lost: fc.integer({ min: 0, max: 9 }), delay: fc.integer({ min: 0, max: 900 }) }),
      {
        minLength: 40,
        maxLength: 40,
      },
    );
    fc.assert(
      fc.property(socket, socket, (a, b) => {
        const arrivals: { at: number; connection: ConnectionId; text: string }[] = [];
        for (const [connection, path] of [
          [A, a],
          [B, b],
        ] as const) {
          let last = 0;
          for (const [index, step] of path.entries()) {
            if (step.lost === 0) continue;
            last = Math.max(last, index * 1_000 + step.delay * 5);
            arrivals.push({ at: last, connection, text: String(index) });
          }
        }
        arrivals.sort((x, y) => x.at - y.at);
        const opened = [A, B].map((connection) => frame(connection, "{}", 0, "opened"));
        const out = merged([...opened, ...arrivals.map((each) => frame(each.connection, each.text, each.at))]);
        const seen = texts(out);
        expect([...new Set(seen)].length).toBe(seen.length);
        expect(new Set(seen)).toEqual(new Set(arrivals.map((each) => each.text)));
        for (const [connection] of [[A], [B]] as const) {
          const own = arrivals.filter((each) => each.connection === connection).map((each) => each.text);
          const places = own.map((text) => seen.indexOf(text));
          expect(places).toEqual([...places].sort((x, y) => x - y));
        }
        for (const [index, each] of out.entries()) {
          expect(each.knownAt).toBeGreaterThanOrEqual(each.frame.receivedAt);
          expect(each.knownAt).toBeGreaterThanOrEqual(out[index - 1]?.knownAt ?? 0);
        }
      }),
      { numRuns: 300 },
    );
  });
});
