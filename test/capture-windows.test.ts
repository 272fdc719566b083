import { describe, expect, it, onTestFinished } from "vitest";
import type { UnixMicros } from "#model";
import { SECOND } from "#model";
import { parseTarget, windowSlug } from "#venue";
import { STARTS_AT, startRig } from "./capture-rig.ts";

describe("capture over loopback", () => {
  it("rolls from window to window: all proven, no gap, strike and outcome known, nothing left behind", async () => {
    // Ten seconds before a window opens: its predecessor's end and a whole one pass.
    const startsAt = (STARTS_AT + 230 * SECOND) as UnixMicros;
    const rig = await startRig({ speed: 60, startsAt, capture: { plan: { grace: 20 * SECOND } } });
    onTestFinished(() => rig.close());
    const live = await rig.until("two windows on", ({ markets }) => {
      const subscribed = markets.filter((each) => each.phase !== "ahead");
      const proving = subscribed.length >= 2 && subscribed.every((each) => each.states.proven > 10);
      return proving && subscribed.every((each) => each.referencePrice !== null);
    });
    expect(live.markets[0]!.outcomes.every((outcome) => outcome.bestBid !== null || outcome.bestAsk !== null)).toBe(
      true,
    );
    const status = await rig.until("two windows over", (each) => each.finishedCount >= 2, 30_000);
    await rig.end();

    for (const finished of status.finished.slice(1)) {
      expect(finished.winner).toMatch(/^(Up|Down)$/);
      expect(finished.strike).not.toBeNull();
      expect(finished.finalPrice).not.toBeNull();
    }
    expect(status.totals.states).toMatchObject({ contradicted: 0, unprovable: 0 });
    expect(status.totals.bbo.agreed).toBe(status.totals.bbo.checked);
    expect(status.markets.length).toBeLessThanOrEqual(4);
    expect(status.totals.instruments).toBe(status.markets.filter((each) => each.phase !== "ahead").length * 2);
    expect(status.differences).toEqual([]);
    expect(await rig.gaps()).toEqual([]);

    const proof = await rig.prove();
    expect(proof.states).toMatchObject({ contradicted: 0, unprovable: 0 });
    expect(proof.states.proven).toBeGreaterThan(1_000);
    expect(proof.gaps).toEqual([]);
    expect(proof.faults).toBe(0);
  });

  it("ends by itself when the one market that was asked for is resolved and its grace is over", async () => {
    const startsAt = (STARTS_AT + 210 * SECOND) as UnixMicros;
    const window = parseTarget(windowSlug("btc", "5m", (STARTS_AT - 60 * SECOND) as UnixMicros));
    const rig = await startRig({
      speed: 60,
      startsAt,
      capture: { targets: [window], replicas: 1, plan: { grace: 10 * SECOND } },
    });
    onTestFinished(() => rig.close());
    await rig.capture.done;
    const status = rig.capture.status();
    expect(status.finished).toMatchObject([{ winner: expect.stringMatching(/^(Up|Down)$/) }]);
    expect(status.totals.instruments).toBe(0);
    expect(status.connections).toEqual([]);
    expect(await rig.gaps()).toEqual([]);
    const last = (await rig.frames()).at(-1)!;
    expect(last.kind).toBe("session");
    expect(new TextDecoder().decode(last.bytes)).toContain('"phase":"stopped"');
  });
});
