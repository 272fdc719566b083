import { describe, expect, it } from "vitest";
import type { Seq } from "#model";
import { Waiters } from "./waiters.ts";

describe("waiters", () => {
  it("are settled by seq, whatever the order of asking, each exactly once", async () => {
    const waiters = new Waiters();
    const settled: number[] = [];
    // 0..99 in an order that jumps, each asked for twice.
    for (let index = 0; index < 200; index++) {
      const seq = (index * 37) % 100;
      waiters.add(seq as Seq).then(() => settled.push(seq));
    }
    for (let durableNext = 0; durableNext <= 100; durableNext += 7) {
      waiters.settle(durableNext as Seq);
      await Promise.resolve();
      await Promise.resolve();
      expect(settled.length).toBe(durableNext * 2);
      expect(settled.every((seq) => seq < durableNext)).toBe(true);
    }
    waiters.add(3 as Seq).then(() => settled.push(3));
    waiters.settle(98 as Seq);
    await Promise.resolve();
    expect(settled).toHaveLength(197);
  });

  it("that are left fail together", async () => {
    const waiters = new Waiters();
    const early = waiters.add(1 as Seq);
    const late = waiters.add(9 as Seq);
    waiters.settle(5 as Seq);
    waiters.fail(new Error("gone"));
    await early;
    await expect(late).rejects.toThrow("gone");
  });
});
