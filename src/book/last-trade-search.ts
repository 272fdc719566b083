import { createHash } from "node:crypto";
import type { Digest, PriceMicros, SizeMicros } from "#model";
import { ONE } from "#model";
import { type DigestFields, digestHead, digestTail } from "./digest.ts";
import type { Ladder } from "./ladder.ts";

/*
 * Which last trade price makes this book's digest? The venue's update frames do not carry it, and a trade may be
 * published after the book that reflects it. At most 999 three-decimal prices and "none" for each of two ticks stand
 * against 160 bits, so a hit is no accident.
 *
 * Only the tail of the preimage differs between candidates: the rest is hashed once and the state copied.
 */

export interface SearchedFields {
  readonly lastTradePrice: PriceMicros | null;
  readonly tickSize: PriceMicros;
}

export interface SearchQuestion {
  readonly ladder: Ladder;
  readonly digest: Digest;
  readonly fields: Pick<DigestFields, "market" | "instrument" | "sentAt">;
  readonly minOrderSize: SizeMicros;
  readonly negRisk: boolean;
  /** Ticks to try, likeliest first. */
  readonly ticks: readonly PriceMicros[];
  /** The last value known, undefined where none ever was. */
  readonly known: PriceMicros | null | undefined;
}

const CENT = 10_000;
const THIRD_DECIMAL = 1_000;
/** How far from the best prices the near candidates reach, in cents. */
const NEAR_CENTS = 6;

/** Searches near the best prices, then (with `wide`) everywhere; undefined where no candidate fits. */
export function searchLastTrade(question: SearchQuestion, wide: boolean): SearchedFields | undefined {
  const { ladder, fields, digest, minOrderSize, negRisk } = question;
  const prefix = createHash("sha1").update(
    digestHead(ladder, { ...fields, minOrderSize, negRisk, tickSize: ladder.tickSize, lastTradePrice: null }),
  );
  const fits = (lastTradePrice: PriceMicros | null, tickSize: PriceMicros): boolean =>
    prefix.copy().update(digestTail({ minOrderSize, negRisk, tickSize, lastTradePrice })).digest("hex") === digest;
  const tried = new Set<PriceMicros | null>();
  for (const candidates of wide ? [near(question), everywhere()] : [near(question)]) {
    for (const lastTradePrice of candidates) {
      if (tried.has(lastTradePrice)) continue;
      tried.add(lastTradePrice);
      for (const tickSize of question.ticks) if (fits(lastTradePrice, tickSize)) return { lastTradePrice, tickSize };
    }
  }
  return undefined;
}

/** A trade takes the best level of either outcome, so its price is near the best bid or ask, in this book's terms or the complement's. */
function* near({ ladder, known }: SearchQuestion): Iterable<PriceMicros | null> {
  if (known !== undefined) yield known;
  const bests = [ladder.bestAsk(), ladder.bestBid()].filter((price) => price !== null);
  for (let distance = 0; distance <= NEAR_CENTS; distance++) {
    for (const best of bests) {
      for (const price of [best + distance * CENT, best - distance * CENT]) {
        if (!isTradePrice(price)) continue;
        yield price as PriceMicros;
        yield (ONE - price) as PriceMicros;
      }
    }
  }
  yield null;
}

function* everywhere(): Iterable<PriceMicros | null> {
  for (let price = CENT; price < ONE; price += CENT) yield price as PriceMicros;
  for (let price = THIRD_DECIMAL; price < ONE; price += THIRD_DECIMAL) yield price as PriceMicros;
}

function isTradePrice(price: number): boolean {
  return price > 0 && price < ONE && price % THIRD_DECIMAL === 0;
}
