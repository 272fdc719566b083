import type { ExactPrice, Gap, Market, UnixMicros, VerdictCounts, Window } from "#model";
import { noVerdicts } from "#model";
import type { RecordedStream } from "./recorded-stream.ts";

/** One window of a series: what it was about, and how much of it the recording has. */
export interface WindowReport {
  readonly market: Market;
  readonly window: Window;
  readonly strike: ExactPrice | null;
  readonly finalPrice: ExactPrice | null;
  /** Name of the outcome that won; null while undecided, or not told. */
  readonly outcome: string | null;
  /**
   * Share of the window, 0..1, in which the books of all outcomes were known and in no gap, also none that was found
   * later.
   */
  readonly coverage: number;
  /** States of all outcomes' books within the window. */
  readonly states: VerdictCounts;
  /** Those that touch the window, by time. */
  readonly gaps: readonly Gap[];
}

/** Measures a window by a stream of its instruments from its start to its end; null where nothing of it was recorded. */
export async function measureWindow(
  market: Market,
  window: Window,
  stream: RecordedStream | null,
  recorded: readonly Gap[],
  recordedUntil: UnixMicros,
): Promise<WindowReport> {
  const states = noVerdicts();
  const unseen = new Set(market.outcomes.map((outcome) => outcome.instrument));
  let knownFrom = unseen.size === 0 ? window.startsAt : Number.POSITIVE_INFINITY;
  for await (const items of stream?.steps() ?? []) {
    for (const item of items) {
      if (item.kind === "verdict") states[item.verdict.verdict]++;
      if (unseen.size === 0) continue;
      if (item.kind === "book") unseen.delete(item.book.instrument);
      if (item.kind === "frame")
        for (const event of item.events) if (event.kind === "book") unseen.delete(event.instrument);
      if (unseen.size === 0) knownFrom = item.at;
    }
  }
  const instruments = new Set(market.outcomes.map((outcome) => outcome.instrument));
  const gaps = [...recorded, ...(stream?.prover.gaps() ?? [])]
    .filter((gap) => gap.instruments.length === 0 || gap.instruments.some((each) => instruments.has(each)))
    .filter((gap) => gap.from < window.endsAt && (gap.to ?? window.endsAt) > window.startsAt)
    .sort((a, b) => a.from - b.from);
  const winner = market.outcomes.find((outcome) => outcome.instrument === market.winner);
  return {
    market,
    window,
    strike: market.strike,
    finalPrice: market.finalPrice,
    outcome: winner?.name ?? null,
    coverage: coverageOf(window, knownFrom, recordedUntil, gaps),
    states,
    gaps,
  };
}

/** `gaps` by time. */
export function coverageOf(window: Window, knownFrom: number, knownTo: number, gaps: readonly Gap[]): number {
  const end = Math.min(window.endsAt, knownTo);
  let covered = 0;
  let at = Math.max(window.startsAt, knownFrom);
  for (const { from, to } of gaps) {
    if (from > at) covered += Math.max(0, Math.min(from, end) - at);
    at = Math.max(at, to ?? Number.POSITIVE_INFINITY);
  }
  covered += Math.max(0, end - at);
  return covered / (window.endsAt - window.startsAt);
}
