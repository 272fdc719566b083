/**
 * How a rebuilt book stands to the venue's own digest of it:
 * - proven: equal, with every field of the digest known
 * - inferred: equal for a last trade price that no frame had shown (160 bits against at most 2,000 candidates)
 * - contradicted: equal for no candidate; a frame was lost, or our book is wrong
 * - unprovable: no digest, or no opening book to start from
 */
export const VERDICTS = ["proven", "inferred", "contradicted", "unprovable"] as const;
export type Verdict = (typeof VERDICTS)[number];

/** Verdicts counted; mutable, because one lives per instrument and is bumped per frame. */
export type VerdictCounts = Record<Verdict, number>;

export function noVerdicts(): VerdictCounts {
  return { proven: 0, inferred: 0, contradicted: 0, unprovable: 0 };
}

/** Share of the provable states that agreed with the venue, 0..1; null where nothing was provable. */
export function proofRate(counts: VerdictCounts): number | null {
  const agreed = counts.proven + counts.inferred;
  const judged = agreed + counts.contradicted;
  return judged === 0 ? null : agreed / judged;
}
