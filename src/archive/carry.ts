import type { ProverMemory } from "#book";
import type { InstrumentId, Market, MarketId, UnixMicros } from "#model";
import type { CutsMemory } from "#timeline";
import type { ChunkVerdict, MarketCheckpoint } from "./chunk.ts";

/*
 * What one pack hands to the next, so that the books go on over the boundary as if there were none: the closing
 * checkpoints, and what prover, merge and catalog know. It makes a pack independent of whoever packs it: an hour packed in
 * one run with the hour before gives the same bytes as after a restart.
 */

export interface CarriedMarket {
  readonly opening: MarketCheckpoint;
  readonly instruments: readonly InstrumentId[];
  readonly lastKnownAt: UnixMicros;
  readonly resolved: boolean;
  /** The last verdict of each instrument. */
  readonly verdicts: readonly ChunkVerdict[];
}

export interface Carry {
  readonly markets: readonly CarriedMarket[];
  readonly prover: ProverMemory;
  readonly cuts: CutsMemory;
  readonly newest: readonly (readonly [InstrumentId, UnixMicros])[];
  /** The catalog's word on markets that are not over: the digest covers fields that only it knows. */
  readonly catalog: readonly Market[];
}

export const NOTHING_CARRIED: Carry = {
  markets: [],
  prover: { markets: [], instruments: [] },
  cuts: { live: [], carried: [] },
  newest: [],
  catalog: [],
};

/** JSON has no undefined, and a last trade price that was never known is just that. */
export function parseCarry(text: string): Carry {
  const carry = JSON.parse(text) as Carry;
  const markets = carry.markets.map((market) => ({
    ...market,
    opening: { ...market.opening, lastTradePrice: market.opening.lastTradePrice },
  }));
  return { ...carry, markets };
}

/** Less what belongs to markets that do not go on. */
export function keptOf(carry: Carry, kept: ReadonlySet<MarketId>): Carry {
  const instruments = new Set(
    carry.markets.filter(({ opening }) => kept.has(opening.market)).flatMap((market) => market.instruments),
  );
  return {
    markets: carry.markets.filter(({ opening }) => kept.has(opening.market)),
    prover: {
      markets: carry.prover.markets.filter(({ id }) => kept.has(id)),
      instruments: carry.prover.instruments.filter(({ market }) => kept.has(market)),
    },
    cuts: {
      live: carry.cuts.live,
      carried: carry.cuts.carried.map(([shard, each]) => [shard, each.filter((one) => instruments.has(one))]),
    },
    newest: carry.newest.filter(([instrument]) => instruments.has(instrument)),
    catalog: carry.catalog,
  };
}
