import { type InstrumentFacts, judgeBook } from "#book";
import { SECOND, type UnixMicros, type Verdict } from "#model";
import type { ChunkVerdict, InstrumentCheckpoint, MarketCheckpoint } from "./chunk.ts";

/** The messages of a batch come within milliseconds of each other. */
const LONGEST_BATCH = 2 * SECOND;

export interface VerdictQuestion {
  readonly at: UnixMicros;
  readonly market: MarketCheckpoint;
  readonly state: InstrumentCheckpoint;
  /** All of the chunk. */
  readonly verdicts: VerdictList;
  readonly facts: InstrumentFacts | undefined;
  /** The market's last trade price as it stood when the state's last message came, and just before. */
  readonly earlier: () => readonly MarketCheckpoint["lastTradePrice"][];
}

/** The verdicts of a chunk, by instrument, ready to be looked up. */
export class VerdictList {
  readonly #byInstrument = new Map<string, ChunkVerdict[]>();

  constructor(verdicts: readonly ChunkVerdict[]) {
    for (const verdict of verdicts) {
      const list = this.#byInstrument.get(verdict.instrument);
      if (list) list.push(verdict);
      else this.#byInstrument.set(verdict.instrument, [verdict]);
    }
    for (const list of this.#byInstrument.values()) list.sort((a, b) => a.seq - b.seq);
  }

  /** The last word on the state whose last message is that of frame `seq`; undefined amid a state. */
  of(instrument: string, seq: number): Verdict | undefined {
    const list = this.#byInstrument.get(instrument) ?? [];
    const found = list[lastUpTo(list, seq)];
    return found?.seq === seq ? found.verdict : undefined;
  }

  /** Whether the last state before frame `seq` that could be judged was contradicted: the gap is then open. */
  isGapOpen(instrument: string, seq: number): boolean {
    const list = this.#byInstrument.get(instrument) ?? [];
    for (let index = lastUpTo(list, seq - 1); index >= 0; index--) {
      const { verdict } = list[index]!;
      if (verdict !== "unprovable") return verdict === "contradicted";
    }
    return false;
  }

  /** The verdict that fell on the first state that ended after frame `seq`. */
  next(instrument: string, seq: number): Verdict | undefined {
    const list = this.#byInstrument.get(instrument) ?? [];
    return list[lastUpTo(list, seq) + 1]?.verdict;
  }
}

/**
 * How the state at a moment stands to the venue's digest, as a prover that had heard everything up to that moment and
 * nothing later would say it (Prover.verdictNow): by the verdict recorded when the state was over; amid a state by
 * holding the book against the digest now.
 */
export function verdictAt(question: VerdictQuestion): Verdict {
  const { at, state, verdicts } = question;
  const { instrument, seq } = state;
  const recorded = verdicts.of(instrument, seq);
  const isOver = at - state.receivedAt > LONGEST_BATCH;
  const disagrees = (): Verdict => (isOver || verdicts.isGapOpen(instrument, seq) ? "contradicted" : "unprovable");
  if (recorded === undefined) return amid(question, disagrees);
  if (recorded === "contradicted") return disagrees();
  if (recorded !== "proven") return recorded;
  return isProvenBy(question) ? "proven" : "inferred";
}

/**
 * A state may have been proven by a trade that was published after it: a reader of that moment could only have searched
 * for its price.
 */
function isProvenBy(question: VerdictQuestion): boolean {
  const { market } = question;
  if (agreement(question, market.lastTradePrice, "off") !== "none") return true;
  return question.earlier().some((price) => agreement(question, price, "off") !== "none");
}

function amid(question: VerdictQuestion, disagrees: () => Verdict): Verdict {
  const { state, market, verdicts } = question;
  const found = agreement(question, market.lastTradePrice, "full");
  if (found === "none") return disagrees();
  if (found === "found") return "inferred";
  // Whether the fields were shown or found is what the state's own verdict says.
  return verdicts.next(state.instrument, state.seq) === "inferred" ? "inferred" : "proven";
}

function agreement(
  { state, market, facts }: VerdictQuestion,
  lastTradePrice: MarketCheckpoint["lastTradePrice"],
  search: "full" | "off",
): "known" | "found" | "none" {
  return judgeBook({ ...state, market: market.market, lastTradePrice }, facts, search);
}

/** Place of the last verdict at or before `seq`; -1 where there is none. */
function lastUpTo(list: readonly ChunkVerdict[], seq: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle]!.seq <= seq) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
