import type { Digest, Gap, InstrumentId, Level, MarketId, PriceMicros, Seq, SizeMicros, UnixMicros } from "#model";
import {
  type FramePosition,
  type InstrumentState,
  type KnownTick,
  newInstrumentState,
  type Run,
} from "./instrument-state.ts";
import { type LastTrade, type MarketState, newMarketState } from "./last-trade.ts";

/*
 * All that a prover knows of its books, as plain values that JSON keeps: so that a long recording can be proven in parts,
 * each verdict as if it had been proven in one go. Counts are not in it; each part has its own.
 */

export interface ProverMemory {
  readonly markets: readonly MarketMemory[];
  readonly instruments: readonly InstrumentMemory[];
}

export interface MarketMemory {
  readonly id: MarketId;
  readonly lastTrade: LastTrade | null;
  readonly shown: readonly LastTrade[];
  readonly order: number;
}

export interface InstrumentMemory {
  readonly instrument: InstrumentId;
  readonly market: MarketId;
  readonly opened: boolean;
  readonly doubtful: boolean;
  readonly confirmed: boolean;
  readonly disagreed: number;
  readonly tick: KnownTick | null;
  readonly minOrderSize: SizeMicros | null;
  readonly negRisk: boolean | null;
  readonly good: FramePosition | null;
  readonly gap: Gap | null;
  readonly run: RunMemory | null;
  readonly gridTick: PriceMicros;
  /** Best first. */
  readonly bids: readonly Level[];
  readonly asks: readonly Level[];
}

interface RunMemory {
  readonly sentAt: UnixMicros;
  readonly digest: Digest;
  readonly seq: Seq;
  readonly receivedAt: UnixMicros;
  readonly lastTrade: LastTrade | null;
  readonly tick: KnownTick | null;
  readonly isOver: boolean;
}

export function rememberMarket({ id, lastTrade, shown, order }: MarketState): MarketMemory {
  return { id, lastTrade: lastTrade ?? null, shown: [...shown], order };
}

export function rememberInstrument(state: InstrumentState): InstrumentMemory {
  const { instrument, opened, doubtful, confirmed, disagreed, ladder, run } = state;
  return {
    instrument,
    market: state.market.id,
    opened,
    doubtful,
    confirmed,
    disagreed,
    tick: state.tick ?? null,
    minOrderSize: state.minOrderSize ?? null,
    negRisk: state.negRisk ?? null,
    good: state.good && { seq: state.good.seq, receivedAt: state.good.receivedAt },
    gap: state.gap,
    run: run && rememberRun(run),
    gridTick: ladder.tickSize,
    bids: ladder.levels("bid"),
    asks: ladder.levels("ask"),
  };
}

function rememberRun({ sentAt, digest, seq, receivedAt, lastTrade, tick, isOver }: Run): RunMemory {
  return { sentAt, digest, seq, receivedAt, lastTrade: lastTrade ?? null, tick: tick ?? null, isOver };
}

export function restoreMarket({ id, lastTrade, shown, order }: MarketMemory): MarketState {
  const market = newMarketState(id);
  market.shown.push(...shown);
  market.lastTrade =
    lastTrade === null ? undefined : (market.shown.find((each) => sameTrade(each, lastTrade)) ?? lastTrade);
  market.order = order;
  return market;
}

export function restoreInstrument(memory: InstrumentMemory, market: MarketState): InstrumentState {
  const state = newInstrumentState(memory.instrument, market);
  state.ladder.regrid(memory.gridTick);
  state.ladder.replace(memory.bids, memory.asks);
  state.opened = memory.opened;
  state.doubtful = memory.doubtful;
  state.confirmed = memory.confirmed;
  state.disagreed = memory.disagreed;
  state.tick = memory.tick ?? undefined;
  state.minOrderSize = memory.minOrderSize ?? undefined;
  state.negRisk = memory.negRisk ?? undefined;
  state.good = memory.good;
  state.gap = memory.gap;
  state.run = memory.run && restoreRun(memory.run, state);
  return state;
}

/** What was learned since a run began is told by identity: what is equal was the same. */
function restoreRun({ lastTrade, tick, ...run }: RunMemory, state: InstrumentState): Run {
  const known = state.market.lastTrade;
  return {
    ...run,
    lastTrade: lastTrade === null ? undefined : known && sameTrade(known, lastTrade) ? known : lastTrade,
    tick:
      tick === null ? undefined : state.tick?.size === tick.size && state.tick.shown === tick.shown ? state.tick : tick,
    judgement: null,
    judgedAfter: 0,
  };
}

function sameTrade(a: LastTrade, b: LastTrade): boolean {
  return a.order === b.order && a.price === b.price && a.shown === b.shown;
}
