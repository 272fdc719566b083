import type { Market, UnixMicros } from "#model";
import { MINUTE, SECOND } from "#model";

/*
 * What is still to be learned of a market and when to ask whom. Pure.
 *
 *      opens                        ends
 *   ─────┼────────────────────────────┼──────────────────────────────┤ grace
 *        │ +3 s strike service        │ +10 s Gamma                  │ give up, loudly
 *        │ +45 s Gamma as well        │ each second try the CLOB     │
 *
 * Gamma knows the strike once the window before is resolved (about a minute), the winner 15 s to 316 s after the end
 * (median 21 s; §5.3).
 */

export type InquirySource = "gamma" | "clob" | "strike_service";

export interface InquiryState {
  readonly about: "strike" | "outcome";
  /** Tries so far. */
  readonly tries: number;
  /** null: never. */
  readonly askedAt: UnixMicros | null;
}

export type InquiryStep =
  /** All is known. */
  | { readonly kind: "done" }
  | { readonly kind: "wait"; readonly until: UnixMicros }
  | { readonly kind: "ask"; readonly sources: readonly InquirySource[]; readonly next: InquiryState }
  /** The grace is over; these are still missing. */
  | { readonly kind: "give_up"; readonly missing: readonly MissingFact[] };

export type MissingFact = "strike" | "final price" | "winner";

export interface InquiryOptions {
  /** How long after its end a window may stay unresolved before nobody asks any more. */
  readonly graceMicros: number;
}

/** The longest honest delay seen is 316 s; hourly and daily markets take 13 minutes. */
export const INQUIRY_DEFAULTS: InquiryOptions = { graceMicros: 30 * MINUTE };

const STRIKE_SERVICE_AFTER = 3 * SECOND;
const GAMMA_STRIKE_AFTER = 45 * SECOND;
const OUTCOME_AFTER = 10 * SECOND;
const FIRST_SPACING = 5 * SECOND;
const LONGEST_SPACING = MINUTE;
/** For markets without a window, which end when they end. */
const SLOW_SPACING = 5 * MINUTE;

export const NEVER_ASKED: InquiryState = { about: "strike", tries: 0, askedAt: null };

/** Which facts a market of its kind should come to have and does not have. Strikes exist where a stream's value settles. */
export function missingFacts(market: Market): readonly MissingFact[] {
  const missing: MissingFact[] = [];
  const settlesByStream = market.settlement.kind === "chainlink_twap" || market.settlement.kind === "chainlink_spot";
  if (settlesByStream && market.window !== null && market.strike === null) missing.push("strike");
  if (settlesByStream && market.window !== null && market.finalPrice === null) missing.push("final price");
  if (market.winner === null) missing.push("winner");
  return missing;
}

/** The next step for a market at a moment. */
export function nextInquiry(
  market: Market,
  state: InquiryState,
  now: UnixMicros,
  options: InquiryOptions = INQUIRY_DEFAULTS,
): InquiryStep {
  const missing = missingFacts(market);
  if (missing.length === 0) return { kind: "done" };
  if (market.window === null) return slowly(market, state, now, options);
  const { startsAt, endsAt } = market.window;
  const overAt = (endsAt + options.graceMicros) as UnixMicros;
  if (now >= overAt) return { kind: "give_up", missing };
  const strikeWanted = missing.includes("strike") && now < endsAt;
  return strikeWanted
    ? atDue(afresh(state, "strike"), (startsAt + STRIKE_SERVICE_AFTER) as UnixMicros, endsAt, now, () =>
        now < startsAt + GAMMA_STRIKE_AFTER ? ["strike_service"] : ["strike_service", "gamma"],
      )
    : atDue(afresh(state, "outcome"), (endsAt + OUTCOME_AFTER) as UnixMicros, overAt, now, (tries) =>
        tries % 2 === 1 ? ["gamma", "clob"] : ["gamma"],
      );
}

/** Tries for the strike do not slow down the question for the outcome. */
function afresh(state: InquiryState, about: InquiryState["about"]): InquiryState {
  return state.about === about ? state : { about, tries: 0, askedAt: null };
}

function atDue(
  state: InquiryState,
  first: UnixMicros,
  /** When another question begins or none is left, so that nobody sleeps through it. */
  changesAt: UnixMicros,
  now: UnixMicros,
  sources: (tries: number) => readonly InquirySource[],
): InquiryStep {
  const spacing = Math.min(LONGEST_SPACING, FIRST_SPACING * 1.5 ** Math.min(state.tries - 1, 20));
  const due = state.askedAt === null ? first : state.askedAt + Math.round(spacing);
  if (now < due) return { kind: "wait", until: Math.min(due, changesAt) as UnixMicros };
  return { kind: "ask", sources: sources(state.tries), next: { ...state, tries: state.tries + 1, askedAt: now } };
}

function slowly(market: Market, state: InquiryState, now: UnixMicros, options: InquiryOptions): InquiryStep {
  if (market.closed && market.closedAt !== null && now >= market.closedAt + options.graceMicros) {
    return { kind: "give_up", missing: missingFacts(market) };
  }
  const due = state.askedAt === null ? now : state.askedAt + SLOW_SPACING;
  if (now < due) return { kind: "wait", until: due as UnixMicros };
  return {
    kind: "ask",
    sources: ["gamma"],
    next: { about: "outcome", tries: state.tries + 1, askedAt: now },
  };
}

/** What is known of a market from both; a fact once learned stays, and newer words on the rest win. */
export function mergeMarket(known: Market, fresh: Market): Market {
  return {
    ...fresh,
    groupSlug: fresh.groupSlug ?? known.groupSlug,
    seriesSlug: fresh.seriesSlug ?? known.seriesSlug,
    window: fresh.window ?? known.window,
    fee: fresh.fee ?? known.fee,
    strike: fresh.strike ?? known.strike,
    finalPrice: fresh.finalPrice ?? known.finalPrice,
    winner: fresh.winner ?? known.winner,
    closed: fresh.closed || known.closed,
    closedAt: fresh.closedAt ?? known.closedAt,
  };
}
