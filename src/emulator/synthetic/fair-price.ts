import { SECOND, type UnixMicros, type Window } from "#model";
import { SIGMA_BP } from "./figures.ts";
import { type PricePath, TWAP_SECONDS } from "./price-path.ts";

/** Standard normal distribution function, to about 1e-7 (Abramowitz and Stegun 26.2.17). */
export function normalShare(x: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(x));
  const tail =
    Math.exp((-x * x) / 2) *
    0.3989422804014327 *
    t *
    (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return x >= 0 ? 1 - tail : tail;
}

/**
 * Probability of Up: the share of paths whose average over the window's last minute ends at or above the strike,
 * Phi(distance / (sigma sqrt(time left))). In the last minute part of that average is already known, and only the rest
 * can still move it.
 * @param strike in units of 1e-8 dollars
 */
export function fairProbability(path: PricePath, strike: number, window: Window, at: UnixMicros): number {
  const second = Math.min(Math.floor(at / SECOND), path.second);
  const left = (window.endsAt - at) / SECOND;
  const spot = spotAt(path, at);
  const known =
    left >= TWAP_SECONDS ? 0 : Math.min(TWAP_SECONDS, Math.max(0, second - window.endsAt / SECOND + TWAP_SECONDS));
  const expected = known === 0 ? spot : (path.sum(second, known) + spot * (TWAP_SECONDS - known)) / TWAP_SECONDS;
  // Variance of the mean of the last minute: a third of its length counts, shrunk by the part that is known.
  const open = Math.max(0, Math.min(left, TWAP_SECONDS));
  const seconds = Math.max(0, left - TWAP_SECONDS) + (open * open * open) / (3 * TWAP_SECONDS * TWAP_SECONDS);
  const distance = ((expected - strike) / strike) * 10_000;
  if (seconds <= 0) return distance >= 0 ? 1 : 0;
  return normalShare(distance / (SIGMA_BP * Math.sqrt(seconds)));
}

/** Between two whole seconds the price goes straight; needs the path to be a second ahead. In units of 1e-8 dollars. */
function spotAt(path: PricePath, at: UnixMicros): number {
  const second = Math.floor(at / SECOND);
  if (second >= path.second) return path.spot(path.second);
  const along = at / SECOND - second;
  return path.spot(second) * (1 - along) + path.spot(second + 1) * along;
}
