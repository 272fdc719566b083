import { describe, expect, it } from "vitest";
import { seededRandom } from "#host";
import { MINUTE, SECOND } from "#model";
import { FEED_BACKOFF, type FeedEnding, planRetry } from "./feed-retry.ts";

const middle = { next: () => 0.5 };
const plan = (ending: FeedEnding, attempt = 0) => planRetry(ending, attempt, FEED_BACKOFF, middle);

describe("the next try", () => {
  it("comes within half a second after a lost connection, and never later than 30 s however often it fails", () => {
    expect(plan({ kind: "dropped", code: 1006, reason: "" }).waitMicros).toBeLessThanOrEqual(SECOND / 2);
    for (const attempt of [10, 1_000, 1e9]) {
      const { waitMicros, severity } = plan({ kind: "failed", reason: "ECONNREFUSED" }, attempt);
      expect(waitMicros).toBeLessThanOrEqual(30 * SECOND);
      expect(severity).toBe("warn");
    }
  });

  it("waits as long as Retry-After says, and some more, but no longer than a window can bear", () => {
    const asked = (retryAfterMicros: number) => plan({ kind: "refused", status: 429, retryAfterMicros }).waitMicros;
    expect(asked(7 * SECOND)).toBeGreaterThan(7 * SECOND);
    expect(asked(7 * SECOND)).toBeLessThan(8 * SECOND);
    expect(asked(86_400 * SECOND)).toBeLessThanOrEqual(5 * MINUTE + SECOND);
    expect(plan({ kind: "refused", status: 503, retryAfterMicros: null }).waitMicros).toBeLessThanOrEqual(SECOND / 2);
  });

  it("is slow and loud where only a person can help", () => {
    for (const ending of [
      { kind: "dropped", code: 4001, reason: "auth_invalid" },
      { kind: "refused", status: 401, retryAfterMicros: null },
    ] as const) {
      expect(plan(ending).severity).toBe("error");
      expect(plan(ending).waitMicros).toBeGreaterThanOrEqual(MINUTE);
    }
    const policy = plan({ kind: "dropped", code: 4008, reason: "sub_limit" });
    expect(policy.severity).toBe("error");
    expect(policy.waitMicros).toBeGreaterThanOrEqual(5 * MINUTE);
  });

  it("is spread over ten seconds when the service drains", () => {
    const random = seededRandom(3);
    const waits = Array.from(
      { length: 200 },
      () => planRetry({ kind: "dropped", code: 4003, reason: "" }, 5, FEED_BACKOFF, random).waitMicros,
    );
    expect(Math.min(...waits)).toBeLessThan(SECOND);
    expect(Math.max(...waits)).toBeGreaterThan(9 * SECOND);
    expect(Math.max(...waits)).toBeLessThanOrEqual(10 * SECOND);
  });
});
