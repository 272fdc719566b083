import { type InstrumentProof, Prover } from "#book";
import type { Fault, FaultReason, FrameRange, FrameSource, Gap, InstrumentId, Seq, VerdictCounts } from "#model";
import { Cuts, MarketBook, RecordedGaps, timeline } from "#timeline";

export interface FaultAt extends Fault {
  readonly seq: Seq;
}

export interface ProvenInstrument extends InstrumentProof {
  /** From the catalog in the recording; null where it has none. */
  readonly slug: string | null;
  readonly outcome: string | null;
}

/** What a recording is worth: every state of every book held against the venue's digest. */
export interface ProofReport {
  /** Frames of the recording, of all kinds. */
  readonly frames: number;
  /** Frames once each after redundant connections were merged. */
  readonly merged: number;
  readonly faults: number;
  /** The first of them, enough to see what they are. */
  readonly faultSamples: readonly FaultAt[];
  readonly faultsByReason: Readonly<Partial<Record<FaultReason, number>>>;
  /** Well-formed messages of types this version does not know, by type. */
  readonly unknownTypes: Readonly<Record<string, number>>;
  readonly states: VerdictCounts;
  readonly bbo: { readonly checked: number; readonly agreed: number };
  readonly crossed: number;
  readonly locked: number;
  /** Those the recorder wrote down and the contradictions found now, by time. */
  readonly gaps: readonly Gap[];
  readonly instruments: readonly ProvenInstrument[];
}

export interface ProveOptions {
  /** Whether an unknown last trade price may be searched for. */
  readonly search: "full" | "near" | "off";
  onProgress?(frames: number): void;
}

const MOST_FAULT_SAMPLES = 20;

/** Replays a whole recording and proves it. Reads the catalog first, since the digest covers fields that only it knows. */
export async function proveRecording(source: FrameSource, options: ProveOptions): Promise<ProofReport> {
  const markets = await marketsOf(source);
  const prover = new Prover({
    search: options.search,
    facts: (instrument: InstrumentId) => {
      const market = markets.ofInstrument(instrument);
      return market && { minOrderSize: market.minOrderSize, negRisk: market.negRisk };
    },
  });
  const recorded = new RecordedGaps();
  const cuts = new Cuts();
  const tally = new Tally();
  for await (const steps of timeline(source)) {
    for (const { frame, knownAt, events } of steps) {
      tally.merged++;
      recorded.learn(frame);
      for (const instrument of cuts.learn(frame, events)) prover.invalidate(instrument);
      if (frame.kind === "unreadable")
        tally.fault({
          kind: "fault",
          reason: "bad_shape",
          detail: "an imported line that is no frame",
          seq: frame.seq,
        });
      for (const event of events) {
        if (event.kind === "fault") tally.fault({ ...event, seq: frame.seq });
        else if (event.kind === "unknown") tally.unknown(event.type);
        else prover.apply(event, { seq: frame.seq, receivedAt: knownAt });
      }
    }
    options.onProgress?.(tally.merged);
  }
  prover.flush();
  // A contradiction that the recorder saw on one socket may be whole in the merged stream: those found now stand for them.
  const gaps = [...recorded.all().filter((gap) => gap.cause !== "contradiction"), ...prover.gaps()];
  return {
    frames: source.span?.frames ?? 0,
    ...tally.report(),
    ...prover.totals(),
    gaps: gaps.sort((a, b) => a.from - b.from),
    instruments: [...prover.proofs()].map((proof) => ({ ...proof, ...nameOf(markets, proof.instrument) })),
  };
}

/** The catalog as a part of a recording tells it; without a range, all of it. */
export async function marketsOf(source: FrameSource, range: FrameRange = {}): Promise<MarketBook> {
  const markets = new MarketBook();
  for await (const frames of source.read(range))
    for (const frame of frames) if (frame.kind === "answered") markets.learn(frame, []);
  return markets;
}

export function nameOf(markets: MarketBook, instrument: InstrumentId): { slug: string | null; outcome: string | null } {
  const market = markets.ofInstrument(instrument);
  const outcome = market?.outcomes.find((each) => each.instrument === instrument);
  return { slug: market?.slug ?? null, outcome: outcome?.name ?? null };
}

class Tally {
  merged = 0;
  readonly #samples: FaultAt[] = [];
  readonly #byReason: Partial<Record<FaultReason, number>> = {};
  readonly #unknown: Record<string, number> = {};
  #faults = 0;

  fault(fault: FaultAt): void {
    this.#faults++;
    this.#byReason[fault.reason] = (this.#byReason[fault.reason] ?? 0) + 1;
    if (this.#samples.length < MOST_FAULT_SAMPLES) this.#samples.push(fault);
  }

  unknown(type: string): void {
    this.#unknown[type] = (this.#unknown[type] ?? 0) + 1;
  }

  report(): Pick<ProofReport, "merged" | "faults" | "faultSamples" | "faultsByReason" | "unknownTypes"> {
    return {
      merged: this.merged,
      faults: this.#faults,
      faultSamples: this.#samples,
      faultsByReason: this.#byReason,
      unknownTypes: this.#unknown,
    };
  }
}
