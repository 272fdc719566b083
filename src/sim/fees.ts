import type { CashMicros, FeeSchedule, PriceMicros, SizeMicros } from "#model";
import { ONE } from "#model";

/** The venue charges whole hundred-thousandths of a dollar. */
const STEP = 10;
const MICRO = BigInt(ONE);

/**
 * The taker's fee: shares x rate x (p(1-p))^exponent dollars, at least 0.00001, in steps of 0.00001. How the venue rounds
 * is not documented; rounding up is what its SDK estimates with, and never flatters. Makers pay nothing.
 *
 * Exact for whole exponents, which is all that were ever seen; the rate counts to a millionth.
 */
export function takerFee(schedule: FeeSchedule | null, price: PriceMicros, size: SizeMicros): CashMicros {
  if (schedule === null || schedule.rate <= 0 || size === 0) return 0 as CashMicros;
  const { rate, exponent } = schedule;
  const steps = Number.isInteger(exponent) && exponent >= 0 ? exactSteps(rate, exponent, price, size) : null;
  const roughly = steps ?? Math.ceil(((size * rate) / STEP) * ((price / ONE) * (1 - price / ONE)) ** exponent);
  return (Math.max(roughly, 1) * STEP) as CashMicros;
}

function exactSteps(rate: number, exponent: number, price: PriceMicros, size: SizeMicros): number {
  const power = BigInt(exponent);
  const product = (BigInt(price) * (MICRO - BigInt(price))) ** power;
  const above = BigInt(size) * BigInt(Math.round(rate * ONE)) * product;
  const below = BigInt(STEP) * MICRO * MICRO ** (2n * power);
  return Number((above + below - 1n) / below);
}
