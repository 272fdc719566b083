import { describe, expect, it } from "vitest";
import { SECOND } from "#model";
import { manualClock } from "./manual-clock.ts";
import { BucketOverloaded, TokenBucket } from "./token-bucket.ts";

function bucketOf(clock = manualClock()) {
  return { clock, bucket: new TokenBucket({ clock, burst: 2, perSecond: 1, maxWaiting: 2 }) };
}

describe("a token bucket", () => {
  it("lets a burst through and then one for each token", async () => {
    const { clock, bucket } = bucketOf();
    const start = clock.monotonic();
    const turns: number[] = [];
    const calls = [1, 2, 3, 4].map(() => bucket.take().then(() => turns.push(clock.monotonic() - start)));
    await clock.advance(10 * SECOND);
    await Promise.all(calls);
    expect(turns).toEqual([0, 0, SECOND, 2 * SECOND]);
  });

  it("refuses who would have to queue behind its bound", async () => {
    const { clock, bucket } = bucketOf();
    const calls = [1, 2, 3, 4].map(() => bucket.take());
    await expect(bucket.take()).rejects.toBeInstanceOf(BucketOverloaded);
    await clock.advance(2 * SECOND);
    await Promise.all(calls);
    await clock.advance(SECOND);
    await bucket.take();
  });

  it("holds everybody while the venue asks for a pause", async () => {
    const { clock, bucket } = bucketOf();
    const start = clock.monotonic();
    bucket.hold(5 * SECOND);
    const call = bucket.take().then(() => clock.monotonic() - start);
    await clock.advance(5 * SECOND);
    expect(await call).toBe(5 * SECOND);
  });
});
