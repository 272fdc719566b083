/**
 * - idle: not started
 * - connecting: a socket was dialled and has not opened
 * - open: frames may come
 * - stale: we gave the socket up and wait for its end
 * - waiting: no socket; the next try is timed
 * - closed: over, on request
 */
export const FEED_STATES = ["idle", "connecting", "open", "stale", "waiting", "closed"] as const;
export type FeedState = (typeof FEED_STATES)[number];

/**
 * - start, close, reconnect: asked of us
 * - opened, ended: the socket's word
 * - late: it did not open in time
 * - silent: open, and no sign of life in time
 * - retry: the wait is over
 */
export const FEED_EVENTS = ["start", "close", "reconnect", "opened", "ended", "late", "silent", "retry"] as const;
export type FeedEvent = (typeof FEED_EVENTS)[number];

/**
 * - dial: open a socket, and time it
 * - greet: send the greeting, begin the heartbeat, watch for silence
 * - rest: stop all timers of the connection
 * - abandon: end the socket without ceremony
 * - hang_up: end the socket by a close frame
 * - schedule: time the next try by how the last one ended
 * - finish: tell who waits for the end
 */
export type FeedAction = "dial" | "greet" | "rest" | "abandon" | "hang_up" | "schedule" | "finish";

export interface FeedStep {
  readonly to: FeedState;
  readonly actions: readonly FeedAction[];
}

/** Nothing to do: the event is late or already served. */
const stay = "stay";
/** Cannot happen unless this module or its driver is wrong. */
const never = "never";

function go(to: FeedState, ...actions: readonly FeedAction[]): FeedStep {
  return { to, actions };
}

/** Every state against every event: nothing is left to an else branch. */
const TABLE: Record<FeedState, Record<FeedEvent, FeedStep | typeof stay | typeof never>> = {
  idle: {
    start: go("connecting", "dial"),
    close: go("closed", "finish"),
    reconnect: stay,
    opened: never,
    ended: never,
    late: never,
    silent: never,
    retry: never,
  },
  connecting: {
    start: never,
    close: go("closed", "rest", "abandon"),
    reconnect: stay,
    opened: go("open", "rest", "greet"),
    ended: go("waiting", "rest", "schedule"),
    late: go("stale", "rest", "abandon"),
    silent: never,
    retry: never,
  },
  open: {
    start: never,
    close: go("closed", "rest", "hang_up"),
    reconnect: go("stale", "rest", "abandon"),
    opened: never,
    ended: go("waiting", "rest", "schedule"),
    late: never,
    silent: go("stale", "rest", "abandon"),
    retry: never,
  },
  stale: {
    start: never,
    close: go("closed"),
    reconnect: stay,
    opened: stay,
    ended: go("waiting", "schedule"),
    late: never,
    silent: never,
    retry: never,
  },
  waiting: {
    start: never,
    close: go("closed", "rest", "finish"),
    // The wait is what the venue asked for or has earned: wishing does not shorten it.
    reconnect: stay,
    opened: never,
    ended: never,
    late: never,
    silent: never,
    retry: go("connecting", "dial"),
  },
  closed: {
    start: never,
    close: stay,
    reconnect: stay,
    opened: stay,
    ended: go("closed", "rest", "finish"),
    late: never,
    silent: never,
    retry: never,
  },
};

/**
 * The step that an event makes from a state.
 * @throws Error where the pair cannot happen: the driver is wrong, and going on would hide it.
 */
export function feedStep(state: FeedState, event: FeedEvent): FeedStep {
  const step = TABLE[state][event];
  if (step === never) throw new Error(`a feed that is ${state} cannot see "${event}"`);
  return step === stay ? { to: state, actions: [] } : step;
}
