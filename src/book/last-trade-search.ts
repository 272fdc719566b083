import { createHash } from "node:crypto";
import type { Digest, PriceMicros } from "#model";
import { ONE } from "#model";
import { type DigestFields, digestHead, digestTail } from "./digest.ts";
import type { Ladder } from "./ladder.ts";

/*
 * Which last trade price makes this book's digest? The venue's update frames do not carry it, and a trade may be
 * published after the book that reflects it. At most 999 three-decimal prices and "none" for each of two ticks stand
 * against 160 bits, so a hit is no accident.
 *
 * Only the tail of the preimage differs between candidates: the rest is hashed once and the state copied (1.9 us a
 * candidate; a compression function of our own would take 0.4 us, which is not worth having our own).
 */

export interface SearchedFields {
  readonly lastTradePrice: PriceMicros | null;
  readonly tickSize: PriceMicros;
}

export interface SearchQuestion {
  readonly ladder: Ladder;
  readonly digest: Digest;
  /** With the last trade price and tick that did not fit. */
  readonly fields: DigestFields;
  /** The value that was thought to hold; undefined: none was ever known. */
  readonly known: PriceMicros | null | undefined;
  /** Ticks to try, likeliest first. */
  readonly ticks: readonly PriceMicros[];
  /** Not only near the known value and the best prices. */
  readonly everywhere: boolean;
}

const CENT = 10_000;
const THIRD_DECIMAL = 1_000;
/** How many steps the near candidates reach from where they start. */
const NEAR_STEPS = 6;

/** undefined where no candidate fits. */
export function searchLastTrade(question: SearchQuestion): SearchedFields | undefined {
  const { ladder, fields, digest, ticks } = question;
  const head = createHash("sha1").update(digestHead(ladder, fields));
  const tried = new Set<PriceMicros | null>();
  for (const candidates of question.everywhere ? [near(question), everywhere()] : [near(question)]) {
    for (const lastTradePrice of candidates) {
      if (tried.has(lastTradePrice)) continue;
      tried.add(lastTradePrice);
      for (const tickSize of ticks) {
        const tail = digestTail({ ...fields, lastTradePrice, tickSize });
        if (head.copy().update(tail).digest("hex") === digest) return { lastTradePrice, tickSize };
      }
    }
  }
  return undefined;
}

/**
 * A trade takes the best level of either outcome, so its price lies near a best price or the last trade's, in this
 * book's terms or the complement's (1 - p).
 */
function* near({ ladder, known, ticks }: SearchQuestion): Iterable<PriceMicros | null> {
  if (known !== undefined) yield known;
  const starts = [ladder.bestAsk(), ladder.bestBid(), known].filter((price) => price !== null && price !== undefined);
  const isFine = ladder.tickSize < CENT || ticks.some((tick) => tick < CENT);
  for (let distance = 0; distance <= NEAR_STEPS; distance++) {
    for (const step of isFine ? [CENT, THIRD_DECIMAL] : [CENT]) {
      for (const start of starts) {
        yield* bothOutcomes(start + distance * step);
        yield* bothOutcomes(start - distance * step);
      }
    }
  }
  yield null;
}

function* bothOutcomes(price: number): Iterable<PriceMicros> {
  if (price <= 0 || price >= ONE || price % THIRD_DECIMAL !== 0) return;
  yield price as PriceMicros;
  yield (ONE - price) as PriceMicros;
}

function* everywhere(): Iterable<PriceMicros> {
  for (let price = CENT; price < ONE; price += CENT) yield price as PriceMicros;
  for (let price = THIRD_DECIMAL; price < ONE; price += THIRD_DECIMAL) yield price as PriceMicros;
}
