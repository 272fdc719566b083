import { describe, expect, it } from "vitest";
import type { ConnectionId, Frame, FrameKind } from "#model";
import { LiveQueue } from "./live-queue.ts";

const frame = (connection: string, kind: FrameKind = "received", bytes = 1) =>
  ({ connection: connection as ConnectionId, kind, bytes: new Uint8Array(bytes) }) as Frame;

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("LiveQueue", () => {
  it("works nothing in the call that hands it over, and everything in order after", async () => {
    const done: number[] = [];
    const queue = new LiveQueue({ work: ({ bytes }) => done.push(bytes.length), skipped: () => undefined });
    for (let size = 1; size <= 1_000; size++) queue.push(frame("a", "received", size));
    expect(done).toEqual([]);
    while (queue.waiting > 0) await turn();
    expect(done).toEqual(Array.from({ length: 1_000 }, (_, index) => index + 1));
  });

  it("skips a connection's frames when it is full, until it was empty, and then says so", async () => {
    const done: string[] = [];
    const skipped: [string, number][] = [];
    const queue = new LiveQueue({
      work: ({ connection, kind }) => done.push(`${connection} ${kind}`),
      skipped: (connection, frames) => skipped.push([connection, frames]),
      mostFrames: 2,
    });
    queue.push(frame("a"));
    queue.push(frame("a"));
    queue.push(frame("a"));
    queue.push(frame("b", "closed"));
    expect(queue.behind).toBe(true);
    queue.drain();
    expect(done).toEqual(["a received", "a received", "b closed"]);
    expect(skipped).toEqual([["a", 1]]);
    expect(queue.behind).toBe(false);
    queue.push(frame("a"));
    queue.drain();
    expect(done.length).toBe(4);
    expect(queue.skippedFrames).toBe(1);
    await turn();
  });

  it("is bounded by bytes too", () => {
    const queue = new LiveQueue({ work: () => undefined, skipped: () => undefined, mostBytes: 100 });
    queue.push(frame("a", "received", 90));
    queue.push(frame("a", "received", 20));
    expect(queue.waiting).toBe(1);
    queue.drain();
  });
});
