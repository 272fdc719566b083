import type { Random } from "#host";

/** Measured values at the shares of QUANTILE_SHARES, between a lowest and a highest. */
export interface Quantiles {
  readonly lowest: number;
  /** At p1, p5, p25, p50, p75, p95, p99. */
  readonly values: readonly [number, number, number, number, number, number, number];
  readonly highest: number;
}

const QUANTILE_SHARES = [0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1] as const;

/**
 * Draws from a measured distribution: its quantiles, joined by straight lines on a log scale, because gaps and sizes
 * span decades. All values must be positive.
 */
export function drawFrom(random: Random, quantiles: Quantiles): number {
  const points = [quantiles.lowest, ...quantiles.values, quantiles.highest];
  const share = random.next();
  let upper = 1;
  while (QUANTILE_SHARES[upper]! < share) upper++;
  const from = QUANTILE_SHARES[upper - 1]!;
  const along = (share - from) / (QUANTILE_SHARES[upper]! - from);
  return points[upper - 1]! * (points[upper]! / points[upper - 1]!) ** along;
}

export function chance(random: Random, probability: number): boolean {
  return random.next() < probability;
}

/** A whole number from 0 to `count` - 1. */
export function pick(random: Random, count: number): number {
  return Math.floor(random.next() * count);
}

/** Mean 1. */
export function exponential(random: Random): number {
  return -Math.log(1 - random.next());
}

/** Mean 0, standard deviation 1 (Box-Muller, one of the pair). */
export function normal(random: Random): number {
  return Math.sqrt(2 * exponential(random)) * Math.cos(2 * Math.PI * random.next());
}
