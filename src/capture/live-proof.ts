import { type BookState, type FramePosition, type InstrumentFacts, Prover, type StateVerdict } from "#book";
import type { GapRecord, InstrumentId, UnixMicros, VenueEvent, Verdict, VerdictCounts } from "#model";
import { noVerdicts, SECOND } from "#model";
import type { GapLedger } from "./gap-ledger.ts";

export interface LiveProofOptions {
  readonly replicas: readonly string[];
  readonly ledger: GapLedger;
  /** What the catalog knows of an instrument. */
  facts(instrument: InstrumentId): InstrumentFacts | undefined;
  /** Whether a replica has shown a snapshot since it was connected. */
  carries(instrument: InstrumentId, replica: string): boolean;
  /** Its book is wrong on this replica: ask for a new one there. */
  redrive(instrument: InstrumentId, replica: string): void;
}

/** A book contradicted on one replica. */
interface Contradiction {
  readonly record: GapRecord;
  redrivenAt: UnixMicros;
  redrives: number;
}

export interface LiveBook {
  readonly replica: string;
  readonly state: BookState;
  readonly contradicted: boolean;
}

/** After a redrive that did not help the next one waits twice as long, from here up to 64 times this. */
const FIRST_WAIT = 5 * SECOND;
const MOST_DOUBLINGS = 6;

/**
 * Rebuilds the books of each replica beside the journal and proves every state. An instrument is well as long as one
 * replica is; only when none is does the ledger get a contradiction. Bounded by the subscribed instruments.
 */
export class LiveProof {
  readonly #options: LiveProofOptions;
  readonly #provers: ReadonlyMap<string, Prover>;
  readonly #contradictions = new Map<InstrumentId, Map<string, Contradiction>>();
  readonly #counts = new Map<InstrumentId, Map<string, VerdictCounts>>();
  readonly #totals = noVerdicts();
  readonly #forgotten = { checked: 0, agreed: 0, crossed: 0 };
  /** receivedAt of the state that is being judged. */
  #judgedAt = 0 as UnixMicros;
  contradictionsSeen = 0;

  constructor(options: LiveProofOptions) {
    this.#options = options;
    this.#provers = new Map(options.replicas.map((replica) => [replica, this.#newProver(replica)]));
  }

  apply(replica: string, event: VenueEvent, at: FramePosition): void {
    const prover = this.#prover(replica);
    prover.apply(event, at);
    // A verdict falls when the next state begins, which may be long in coming; whoever waits for a snapshot looks now.
    if (event.kind === "book" && this.#waitsForProof(event.instrument, replica)) {
      const verdict = prover.verdictNow(event.instrument);
      if (verdict === "proven" || verdict === "inferred") this.#recovered(event.instrument, replica, at);
    }
  }

  /** The replica lost frames of it or its connection: until a snapshot, disagreement proves nothing new. */
  invalidate(instrument: InstrumentId, replica: string): void {
    this.#prover(replica).invalidate(instrument);
  }

  forget(instrument: InstrumentId): void {
    for (const prover of this.#provers.values()) {
      for (const proof of prover.proofs()) {
        if (proof.instrument !== instrument) continue;
        this.#forgotten.checked += proof.bbo.checked;
        this.#forgotten.agreed += proof.bbo.agreed;
        this.#forgotten.crossed += proof.crossed;
      }
      prover.forget(instrument);
    }
    this.#contradictions.delete(instrument);
    this.#counts.delete(instrument);
  }

  /** The book of the replica that is well and freshest. */
  book(instrument: InstrumentId): LiveBook | undefined {
    let best: LiveBook | undefined;
    for (const [replica, prover] of this.#provers) {
      const state = prover.book(instrument);
      if (!state) continue;
      const contradicted = this.#contradictions.get(instrument)?.has(replica) ?? false;
      const book = { replica, state, contradicted };
      if (!best || isBetter(book, best)) best = book;
    }
    return best;
  }

  /** Verdicts of the replica that proved most of an instrument's states. */
  countsOf(instrument: InstrumentId): Readonly<VerdictCounts> {
    let best = noVerdicts();
    for (const counts of this.#counts.get(instrument)?.values() ?? []) {
      if (counts.proven + counts.inferred > best.proven + best.inferred) best = counts;
      else if (best.proven + best.inferred === 0 && counts.contradicted + counts.unprovable > 0) best = counts;
    }
    return best;
  }

  /** Sums over all replicas and all instruments of the session: each replica's states are proven for themselves. */
  totals(): { states: VerdictCounts; bbo: { checked: number; agreed: number }; crossed: number } {
    const sums = { states: { ...this.#totals }, bbo: { checked: 0, agreed: 0 }, crossed: this.#forgotten.crossed };
    sums.bbo.checked = this.#forgotten.checked;
    sums.bbo.agreed = this.#forgotten.agreed;
    for (const prover of this.#provers.values()) {
      const { bbo, crossed } = prover.totals();
      sums.bbo.checked += bbo.checked;
      sums.bbo.agreed += bbo.agreed;
      sums.crossed += crossed;
    }
    return sums;
  }

  /** The end of the session: states that were still going on get their verdict. */
  flush(): void {
    for (const prover of this.#provers.values()) prover.flush();
  }

  #newProver(replica: string): Prover {
    return new Prover({
      facts: (instrument) => this.#options.facts(instrument),
      onVerdict: (verdict) => this.#judged(replica, verdict),
      onGap: (record) => this.#contradicted(replica, record),
    });
  }

  #judged(replica: string, verdict: StateVerdict): void {
    this.#judgedAt = verdict.receivedAt;
    this.#totals[verdict.verdict]++;
    this.#count(verdict.instrument, replica, verdict.verdict);
    if (verdict.verdict === "proven" || verdict.verdict === "inferred") {
      this.#recovered(verdict.instrument, replica, verdict);
    } else if (verdict.verdict === "contradicted") this.#redriveAgain(replica, verdict);
  }

  #count(instrument: InstrumentId, replica: string, verdict: Verdict): void {
    const replicas = this.#counts.get(instrument) ?? new Map<string, VerdictCounts>();
    const counts = replicas.get(replica) ?? noVerdicts();
    this.#counts.set(instrument, replicas);
    replicas.set(replica, counts);
    counts[verdict]++;
  }

  #contradicted(replica: string, record: GapRecord): void {
    const instrument = record.gap.instruments[0];
    if (record.phase !== "opened" || instrument === undefined) return;
    this.contradictionsSeen++;
    const ofInstrument = this.#contradictions.get(instrument) ?? new Map<string, Contradiction>();
    this.#contradictions.set(instrument, ofInstrument);
    ofInstrument.set(replica, { record, redrivenAt: this.#judgedAt, redrives: 1 });
    this.#openGapUnlessWell(instrument);
    this.#options.redrive(instrument, replica);
  }

  #openGapUnlessWell(instrument: InstrumentId): void {
    const contradictions = [...(this.#contradictions.get(instrument) ?? [])];
    if (contradictions.length === 0 || this.#isWellSomewhere(instrument)) return;
    // It was good until the last of the replicas was lost.
    const last = contradictions.reduce((best, next) => (seqOf(next[1]) > seqOf(best[1]) ? next : best));
    const { from, fromSeq } = last[1].record.gap;
    this.#options.ledger.begin({
      cause: "contradiction",
      instruments: [instrument],
      connection: null,
      from: { at: from, seq: fromSeq },
      evidence: contradictions.map(([replica, { record }]) => `replica ${replica}: ${record.gap.evidence}`).join("; "),
    });
  }

  #redriveAgain(replica: string, { instrument, receivedAt }: StateVerdict): void {
    const contradiction = this.#contradictions.get(instrument)?.get(replica);
    if (!contradiction) return;
    this.#openGapUnlessWell(instrument);
    const { redrives, redrivenAt } = contradiction;
    const wait = FIRST_WAIT * 2 ** Math.min(redrives - 1, MOST_DOUBLINGS);
    if (receivedAt - redrivenAt < wait) return;
    contradiction.redrives++;
    contradiction.redrivenAt = receivedAt;
    this.#options.redrive(instrument, replica);
  }

  #recovered(instrument: InstrumentId, replica: string, { receivedAt, seq }: FramePosition): void {
    const ofInstrument = this.#contradictions.get(instrument);
    if (ofInstrument?.delete(replica) && ofInstrument.size === 0) this.#contradictions.delete(instrument);
    this.#options.ledger.recover(instrument, "proof", { at: receivedAt, seq });
  }

  #isWellSomewhere(instrument: InstrumentId): boolean {
    const contradicted = this.#contradictions.get(instrument);
    return this.#options.replicas.some(
      (replica) => !contradicted?.has(replica) && this.#options.carries(instrument, replica),
    );
  }

  #waitsForProof(instrument: InstrumentId, replica: string): boolean {
    return (
      this.#contradictions.get(instrument)?.has(replica) === true ||
      this.#options.ledger.has("contradiction", instrument)
    );
  }

  #prover(replica: string): Prover {
    const prover = this.#provers.get(replica);
    if (!prover) throw new Error(`no replica ${replica}`);
    return prover;
  }
}

function seqOf({ record }: Contradiction): number {
  return record.gap.fromSeq ?? -1;
}

function isBetter(a: LiveBook, b: LiveBook): boolean {
  if (a.contradicted !== b.contradicted) return b.contradicted;
  if (a.state.sentAt !== b.state.sentAt) return a.state.sentAt > b.state.sentAt;
  return a.state.receivedAt > b.state.receivedAt;
}
