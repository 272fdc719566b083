import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FEED_EVENTS, FEED_STATES, type FeedEvent, type FeedState, feedStep } from "./feed-states.ts";

/** The table as its readers should find it; "-" nothing to do, "!" cannot happen. */
const EXPECTED: Record<FeedState, Record<FeedEvent, string>> = {
  idle: row("connecting: dial", "closed: finish", "-", "!", "!", "!", "!", "!"),
  connecting: row(
    "!",
    "closed: rest abandon",
    "-",
    "open: rest greet",
    "waiting: rest schedule",
    "stale: rest abandon",
    "!",
    "!",
  ),
  open: row(
    "!",
    "closed: rest hang_up",
    "stale: rest abandon",
    "!",
    "waiting: rest schedule",
    "!",
    "stale: rest abandon",
    "!",
  ),
  stale: row("!", "closed: ", "-", "-", "waiting: schedule", "!", "!", "!"),
  waiting: row("!", "closed: rest finish", "-", "!", "!", "!", "!", "connecting: dial"),
  closed: row("!", "-", "-", "-", "closed: rest finish", "!", "!", "!"),
};

function row(...cells: readonly string[]): Record<FeedEvent, string> {
  return Object.fromEntries(FEED_EVENTS.map((event, index) => [event, cells[index]])) as Record<FeedEvent, string>;
}

function cell(state: FeedState, event: FeedEvent): string {
  try {
    const step = feedStep(state, event);
    return step.to === state && step.actions.length === 0 ? "-" : `${step.to}: ${step.actions.join(" ")}`;
  } catch {
    return "!";
  }
}

const pairs = FEED_STATES.flatMap((state) => FEED_EVENTS.map((event) => ({ state, event })));

describe("the feed's table", () => {
  it.each(pairs)("$state x $event", ({ state, event }) => {
    expect(cell(state, event)).toBe(EXPECTED[state][event]);
  });

  it("never leaves closed, and never holds a second socket", () => {
    // What can happen depends on whether a socket lives, is being timed, or a wait runs: the driver's side of the pact.
    const possible = (state: FeedState, sockets: number): FeedEvent[] => [
      "close",
      "reconnect",
      ...(state === "idle" ? (["start"] as const) : []),
      ...(state === "connecting" ? (["opened", "late"] as const) : []),
      ...(state === "open" ? (["silent"] as const) : []),
      ...(state === "waiting" ? (["retry"] as const) : []),
      ...(sockets > 0 ? (["ended"] as const) : []),
    ];
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 60 }), (choices) => {
        let state: FeedState = "idle";
        let sockets = 0;
        let timed = false;
        for (const choice of choices) {
          const events = possible(state, sockets);
          const event = events[choice % events.length]!;
          if (event === "ended") sockets--;
          const step = feedStep(state, event);
          if (state === "closed") expect(step.to).toBe("closed");
          if (step.actions.includes("dial")) sockets++;
          timed = step.actions.includes("schedule") || (timed && step.to === "waiting");
          state = step.to;
          expect(sockets).toBeLessThanOrEqual(1);
          // No state waits for something that will not come: a socket's end, or a timer.
          if (state === "connecting" || state === "open" || state === "stale") expect(sockets).toBe(1);
          if (state === "waiting") expect(timed).toBe(true);
        }
      }),
    );
  });
});
