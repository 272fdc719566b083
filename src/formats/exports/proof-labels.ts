import type { BookState, StateVerdict } from "#book";
import type { InstrumentId, Verdict } from "#model";

type Settle = (verdict: Verdict) => void;

interface Pending {
  /** The run that the state is of. */
  readonly run: string;
  readonly waiting: Settle[];
}

/** A run without an end would hold its states for ever. */
const MOST_WAITING = 500;

/**
 * A state's proof is known when its run of messages is over, which is after the state was looked at: what was made of it
 * waits here for the verdict. A state amid a run is none that the venue vouches for, and is unprovable.
 */
export class ProofLabels {
  readonly #pending = new Map<InstrumentId, Pending>();
  readonly #last = new Map<InstrumentId, { readonly run: string; readonly verdict: Verdict }>();

  /** `settle` is called once, now or when the state's run is over. */
  add(book: BookState, settle: Settle): void {
    const run = runOf(book);
    const last = this.#last.get(book.instrument);
    if (last?.run === run) return settle(last.verdict);
    const pending = this.#pending.get(book.instrument);
    if (pending?.run === run && pending.waiting.length < MOST_WAITING) {
      pending.waiting.push(settle);
      return;
    }
    this.#release(book.instrument, "unprovable");
    this.#pending.set(book.instrument, { run, waiting: [settle] });
  }

  /** The state's batch is over, and this is its verdict: for what waits too. */
  settle(book: BookState, verdict: Verdict, settle: Settle): void {
    if (this.#pending.get(book.instrument)?.run === runOf(book)) this.#release(book.instrument, verdict);
    settle(verdict);
  }

  /** A message has come: where it goes on with the run, what was looked at before it was amid the run. */
  goesOn(book: BookState): void {
    if (this.#pending.get(book.instrument)?.run === runOf(book)) this.#release(book.instrument, "unprovable");
  }

  judged(verdict: StateVerdict): void {
    const run = runOf(verdict);
    this.#last.set(verdict.instrument, { run, verdict: verdict.verdict });
    if (this.#pending.get(verdict.instrument)?.run === run) this.#release(verdict.instrument, verdict.verdict);
  }

  /** The end: no more verdicts come. */
  flush(): void {
    for (const instrument of [...this.#pending.keys()]) this.#release(instrument, "unprovable");
  }

  #release(instrument: InstrumentId, verdict: Verdict): void {
    const pending = this.#pending.get(instrument);
    if (!pending) return;
    this.#pending.delete(instrument);
    for (const settle of pending.waiting) settle(verdict);
  }
}

function runOf({ sentAt, digest }: Pick<BookState, "sentAt" | "digest">): string {
  return `${sentAt} ${digest}`;
}
