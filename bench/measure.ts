/** One promise of the project, measured beside its baseline in the same run. */
export interface BenchRow {
  readonly name: string;
  readonly promise: string;
  readonly measured: number;
  readonly unit: string;
  /** The baseline's figure in the same unit; null for a promise that stands alone. */
  readonly baseline: number | null;
  /** measured / baseline, the median of the rounds' own ratios; null without a baseline. */
  readonly ratio: number | null;
  /** The promise as a comparison, e.g. "ratio >= 4" or "<= 512 MiB". */
  readonly goal: string;
  readonly holds: boolean;
  /** Lowest and highest of the rounds, of `measured` and of `ratio`. */
  readonly spread?: { readonly measured: readonly [number, number]; readonly ratio?: readonly [number, number] };
  readonly notes?: string;
}

export interface Bench {
  readonly name: string;
  /** A soak runs only when it is named: it takes minutes. */
  readonly soak?: boolean;
  run(): Promise<readonly BenchRow[]>;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

export interface Alternated {
  readonly measured: number;
  readonly baseline: number;
  readonly ratio: number;
  readonly spread: { readonly measured: readonly [number, number]; readonly ratio: readonly [number, number] };
}

/**
 * Runs both sides in turns, so that a noisy neighbour hits both, and takes medians. Each side returns its figure
 * (rate or latency). One warm-up round is thrown away.
 */
export async function alternate(
  rounds: number,
  measured: () => number | Promise<number>,
  baseline: () => number | Promise<number>,
): Promise<Alternated> {
  await measured();
  await baseline();
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    // The order flips each round: whoever runs second finds warmer caches.
    if (round % 2 === 0) {
      ours.push(await measured());
      theirs.push(await baseline());
    } else {
      theirs.push(await baseline());
      ours.push(await measured());
    }
  }
  const ratios = ours.map((value, index) => value / theirs[index]!);
  return {
    measured: median(ours),
    baseline: median(theirs),
    ratio: median(ratios),
    spread: {
      measured: [Math.min(...ours), Math.max(...ours)],
      ratio: [Math.min(...ratios), Math.max(...ratios)],
    },
  };
}

/** Operations a second of `work`, which does `operations` of them. */
export function rate(operations: number, work: () => void): number {
  const start = performance.now();
  work();
  return (operations * 1_000) / (performance.now() - start);
}
