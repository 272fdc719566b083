import { noVerdicts, type Outcome, proofRate, VERDICTS } from "#model";
import { findDifferences } from "./differences.ts";
import { outcomeName, type Recorded } from "./market-register.ts";
import type { Recorder } from "./recorder.ts";
import type { CaptureStatus, CaptureTotals, ConnectionStatus, MarketStatus, OutcomeStatus } from "./status.ts";

/** A snapshot of a running recording; costs a walk over its markets. */
export function takeStatus(recorder: Recorder): CaptureStatus {
  const { ledger, register, references, view, witness, priceSockets, catalog, options } = recorder;
  const at = options.clock.now();
  const status: Omit<CaptureStatus, "differences"> = {
    at,
    startedAt: recorder.startedAt,
    markets: [...register.all()].map((recorded) => marketStatus(recorder, recorded)).sort(byTime),
    finished: register.finished,
    finishedCount: register.finishedCount,
    resolvedCount: register.resolvedCount,
    totals: totalsOf(recorder),
    connections: connectionsOf(recorder),
    openGaps: ledger.open,
    gaps: ledger.opened,
    witness: { ...witness.counts },
    faults: view.faults.toObject(),
    unknownMessages: view.unknownMessages.toObject(),
    references: references.status(at),
  };
  const differences = findDifferences(status, {
    speed: options.clock.speed,
    dumps: view.dumps,
    dumpsWithoutTick: view.dumpsWithoutTick,
    referenceExpected: priceSockets.expected,
    notes: [...priceSockets.notes, ...catalog.problems],
    requestErrors: catalog.requestErrors,
  });
  return { ...status, differences };
}

/** Windows by their start, then the markets without one. */
function byTime(a: MarketStatus, b: MarketStatus): number {
  return (a.startsAt ?? Number.POSITIVE_INFINITY) - (b.startsAt ?? Number.POSITIVE_INFINITY) || 0;
}

function marketStatus(recorder: Recorder, recorded: Recorded): MarketStatus {
  const { carriage, ledger, proof, references, register, view, options } = recorder;
  const { market, strike, finalPrice, winner } = recorded;
  const now = options.clock.now();
  const states = noVerdicts();
  let framesPerSecond = 0;
  let openGaps = 0;
  let lastAt: number | null = null;
  for (const { instrument } of market.outcomes) {
    const counts = proof.countsOf(instrument);
    for (const verdict of VERDICTS) states[verdict] += counts[verdict];
    framesPerSecond += view.rateOf(instrument);
    openGaps += ledger.gapsOf(instrument).length;
    lastAt = Math.max(lastAt ?? 0, carriage.of(instrument)?.last?.at ?? 0) || null;
  }
  return {
    slug: market.slug,
    market: market.id,
    phase: register.phaseOf(recorded, now),
    startsAt: market.window?.startsAt ?? null,
    endsAt: market.window?.endsAt ?? null,
    timeLeft: market.window ? market.window.endsAt - now : null,
    strike: strike && { exact: strike.exact, by: strike.by },
    finalPrice: finalPrice && { exact: finalPrice.exact, by: finalPrice.by },
    referencePrice: references.forMarket(market),
    winner: outcomeName(market, winner?.instrument),
    outcomes: market.outcomes.map((outcome) => outcomeStatus(recorder, outcome)),
    framesPerSecond,
    states,
    proofRate: proofRate(states),
    openGaps,
    lastFrameAge: lastAt === null ? null : now - lastAt,
  };
}

function outcomeStatus({ proof }: Recorder, { name, instrument }: Outcome): OutcomeStatus {
  const book = proof.book(instrument);
  const [bestBid] = book?.state.ladder.levels("bid", 1) ?? [];
  const [bestAsk] = book?.state.ladder.levels("ask", 1) ?? [];
  return {
    name,
    instrument,
    bestBid: bestBid ?? null,
    bestAsk: bestAsk ?? null,
    replica: book?.replica ?? null,
    contradicted: book?.contradicted ?? false,
  };
}

function totalsOf({ intake, view, carriage, proof, queue, lag, diskFreeBytes, options }: Recorder): CaptureTotals {
  const { states, bbo, crossed } = proof.totals();
  const { health, backlog } = options.journal;
  const skew = view.skew.at(0.01, 0.5, 0.99);
  return {
    frames: intake.frames,
    bytes: intake.bytes,
    framesPerSecond: view.frames.perSecond,
    instruments: carriage.size,
    states,
    proofRate: proofRate(states),
    bbo,
    crossed,
    backlog: { frames: backlog.frames, bytes: backlog.bytes },
    durableLag: lag.micros,
    journal: health.state,
    journalCause: health.cause,
    refused: { frames: intake.refusedFrames, bytes: intake.refusedBytes },
    live: { waiting: queue.waiting, behind: queue.behind, skipped: queue.skippedFrames },
    diskFreeBytes,
    skew: skew && { p1: skew[0]!, p50: skew[1]!, p99: skew[2]! },
  };
}

function connectionsOf({ sockets, priceSockets, view, options }: Recorder): ConnectionStatus[] {
  const now = options.clock.now();
  const prices = priceSockets.states().map((each) => ({ ...each, instruments: 0 }));
  return [...sockets.states(), ...prices].map(({ connection, state, instruments }) => {
    const { opens, lastFrameAt } = view.tallyOf(connection);
    return { connection, state, instruments, opens, lastFrameAge: lastFrameAt === null ? null : now - lastFrameAt };
  });
}
