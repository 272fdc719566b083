import { type BackoffBounds, backoffMicros, type Random } from "#host";
import { MINUTE, SECOND } from "#model";

/**
 * How a connection came to its end:
 * - dropped: it was open and the socket closed (1006: without a close frame)
 * - refused: the upgrade was answered by an HTTP status
 * - failed: it never opened
 * - abandoned: we gave it up
 */
export type FeedEnding =
  | { readonly kind: "dropped"; readonly code: number; readonly reason: string }
  | { readonly kind: "refused"; readonly status: number; readonly retryAfterMicros: number | null }
  | { readonly kind: "failed"; readonly reason: string }
  | { readonly kind: "abandoned"; readonly reason: string };

export interface RetryPlan {
  readonly waitMicros: number;
  /** "error": somebody has to do something about it; trying again will not heal it. */
  readonly severity: "info" | "warn" | "error";
  readonly note: string;
}

export const FEED_BACKOFF: BackoffBounds = { floorMicros: 250_000, ceilingMicros: 30 * SECOND };

/** What needs a person: tried again now and then, since the person may have come. */
const SLOW: BackoffBounds = { floorMicros: MINUTE, ceilingMicros: 2 * MINUTE };
/** Broken rules: a loop here gets the address banned. */
const PENALTY: BackoffBounds = { floorMicros: 5 * MINUTE, ceilingMicros: 10 * MINUTE };
const DRAIN_MICROS = 10 * SECOND;
// A window is minutes long: a longer Retry-After is a mistake or an outage, and never a reason to miss it whole.
const LONGEST_RETRY_AFTER = 5 * MINUTE;

/** PolyBolt's close codes (reference/polymarket.md §4.1); no other service of the venue sends them. */
const AUTH = 4001;
const DRAINING = 4003;
const POLICY = 4008;

/** 451: not served in this country, which is Binance's answer to some. */
const NO_ACCESS: readonly number[] = [401, 403, 451];

/** When to try again and how loudly to say so. `attempt` counts the tries since a connection last proved useful. */
export function planRetry(ending: FeedEnding, attempt: number, bounds: BackoffBounds, random: Random): RetryPlan {
  const usual = (note: string): RetryPlan => ({
    waitMicros: backoffMicros(attempt, bounds, random),
    severity: attempt < 3 ? "info" : "warn",
    note,
  });
  switch (ending.kind) {
    case "failed":
      return usual(`could not connect: ${ending.reason}`);
    case "abandoned":
      return usual(`given up: ${ending.reason}`);
    case "refused":
      return planRefused(ending.status, ending.retryAfterMicros, usual, random);
    case "dropped": {
      const said = `closed with ${ending.code}${ending.reason === "" ? "" : ` (${ending.reason})`}`;
      switch (ending.code) {
        case AUTH:
          return slow(SLOW, `${said}: the venue does not accept the credentials; check them`, random);
        case POLICY:
          return slow(PENALTY, `${said}: the venue says that we broke its limits; this is a bug of ours`, random);
        case DRAINING:
          return { waitMicros: Math.round(random.next() * DRAIN_MICROS), severity: "info", note: `${said}: draining` };
        default:
          return usual(said);
      }
    }
  }
}

function planRefused(
  status: number,
  retryAfterMicros: number | null,
  usual: (note: string) => RetryPlan,
  random: Random,
): RetryPlan {
  if (NO_ACCESS.includes(status)) return slow(SLOW, `refused with HTTP ${status}: check access from here`, random);
  const plan = usual(`refused with HTTP ${status}`);
  if (retryAfterMicros === null) return plan;
  // The backoff on top spreads all clients that were told the same moment.
  const asked = Math.min(retryAfterMicros, LONGEST_RETRY_AFTER);
  return {
    waitMicros: asked + plan.waitMicros,
    severity: "warn",
    note: `${plan.note}, asked to wait ${retryAfterMicros / SECOND} s`,
  };
}

function slow(bounds: BackoffBounds, note: string, random: Random): RetryPlan {
  return { waitMicros: backoffMicros(0, bounds, random), severity: "error", note };
}
