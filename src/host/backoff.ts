import type { Random } from "./random.ts";

export interface BackoffBounds {
  readonly floorMicros: number;
  readonly ceilingMicros: number;
}

/**
 * How long to wait before try number `attempt` + 1 (from 0), in micros: uniform between the floor and a cap that doubles
 * with each try up to the ceiling. The jitter keeps many clients from coming back in the same moment.
 */
export function backoffMicros(attempt: number, bounds: BackoffBounds, random: Random): number {
  // 2^30 floors is beyond any ceiling in use, and keeps the power finite for a try that never succeeds.
  const cap = Math.min(bounds.ceilingMicros, bounds.floorMicros * 2 ** Math.min(attempt + 1, 30));
  return Math.round(bounds.floorMicros + random.next() * Math.max(0, cap - bounds.floorMicros));
}
