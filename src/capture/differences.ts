import { MINUTE, SECOND } from "#model";
import type { CaptureStatus } from "./status.ts";

/** What the status itself does not say. */
export interface Observations {
  /** Opening dumps seen, and those of them without a tick size. */
  readonly dumps: number;
  readonly dumpsWithoutTick: number;
  /** True where some market settles by a reference price and there is a feed to bring it. */
  readonly referenceExpected: boolean;
  /** What the plan of the price feeds and the catalog have to say, in lines of their own. */
  readonly notes: readonly string[];
  /** Of the clock: at 60x a millisecond of network is 60 ms. */
  readonly speed: number;
  readonly requestErrors: number;
}

/** Before so many judged states a low rate means nothing. */
const ENOUGH_STATES = 200;
const PROOF_GOAL = 0.99;
/** Median receive-minus-sent beyond this is a clock, or a network that makes latencies meaningless. */
const SKEW_LOW = -250_000;
const SKEW_HIGH = 2 * SECOND;
const FIRST_PRICE_WITHIN = MINUTE;
const PRICE_STALE = MINUTE;

/**
 * Where the venue is not as this version expects it: the first minutes of a recording tell, and each line says what to
 * do. Nothing of it stops a recording; the frames are kept raw either way.
 */
export function findDifferences(status: Omit<CaptureStatus, "differences">, seen: Observations): string[] {
  const { totals, unknownMessages, faults, references } = status;
  const lines: string[] = [...seen.notes];
  for (const [type, count] of Object.entries(unknownMessages)) {
    lines.push(`${count} messages of unknown type "${type}": kept raw; see whether a newer version reads them`);
  }
  for (const [reason, count] of Object.entries(faults)) {
    lines.push(`${count} messages could not be read (${reason}): kept raw; "polypunt verify" shows the first of them`);
  }
  const { proven, inferred, contradicted, unprovable } = totals.states;
  const judged = proven + inferred + contradicted;
  if (judged >= ENOUGH_STATES && totals.proofRate !== null && totals.proofRate < PROOF_GOAL) {
    const share = (totals.proofRate * 100).toFixed(1);
    lines.push(
      `${share} % of ${judged} states proven: frames are lost, or the venue changed its digest; compare two replicas`,
    );
  }
  if (unprovable > ENOUGH_STATES && unprovable > judged) {
    lines.push(`${unprovable} states could not be proven at all: the venue sends no digest, or no opening books`);
  }
  if (totals.skew && (totals.skew.p50 < SKEW_LOW * seen.speed || totals.skew.p50 > SKEW_HIGH * seen.speed)) {
    const millis = Math.round(totals.skew.p50 / 1_000);
    lines.push(`frames arrive ${millis} ms after their venue time (median): set this machine's clock by NTP`);
  }
  if (seen.dumpsWithoutTick > 0) {
    lines.push(
      `${seen.dumpsWithoutTick} of ${seen.dumps} opening books without tick_size: the catalog's is used instead`,
    );
  }
  if (seen.referenceExpected) lines.push(...referenceDifferences(status, references));
  if (seen.requestErrors > 0) {
    lines.push(`${seen.requestErrors} requests to Gamma or the CLOB failed: see the log, and try "polypunt doctor"`);
  }
  if (totals.live.skipped > 0) {
    lines.push(
      `the live view skipped ${totals.live.skipped} frames (the journal has them): this machine is too slow to prove live`,
    );
  }
  return lines;
}

function referenceDifferences(
  { at, startedAt }: { at: number; startedAt: number },
  references: CaptureStatus["references"],
): string[] {
  if (references.length === 0) {
    return at - startedAt < FIRST_PRICE_WITHIN
      ? []
      : [
          "no reference price came: strikes and outcomes come from Gamma alone; check the price feeds' addresses and credentials",
        ];
  }
  const freshest = Math.min(...references.map((reference) => reference.age));
  if (freshest <= PRICE_STALE) return [];
  return [`no reference price for ${Math.round(freshest / SECOND)} s: the price feed is connected but silent, or down`];
}
