import type { BookState, StateVerdict } from "#book";
import type { InstrumentId, UnixMicros, Verdict } from "#model";
import { SECOND } from "#model";
import type { MarketBook } from "#timeline";
import { ProofLabels } from "./proof-labels.ts";
import type { Selection } from "./selection.ts";
import type { Trust } from "./trust.ts";
import type { Touch, Visitor, WalkEnd } from "./walk.ts";

/** How often books are looked at: a time between, or after each message that changes them. */
export type Every = { readonly kind: "tick" } | { readonly kind: "interval"; readonly micros: number };

export interface SamplerOptions {
  readonly every: Every;
  readonly selection: Selection;
  readonly markets: MarketBook;
  readonly trust: Trust;
  /**
   * A book as it stood at a moment, everything received up to then in it. Called at once; what it returns is called when
   * the state's proof is known.
   */
  sample(book: BookState, at: UnixMicros): (verdict: Verdict) => void;
  /** Time to write out what has piled up: a long quiet stretch is many moments at once. */
  drain(): Promise<void>;
}

/** The messages of a batch come within milliseconds of each other. */
const LONGEST_BATCH = 2 * SECOND;
const MOMENTS_AT_ONCE = 500;

/**
 * Books at moments, without looking ahead and without carrying a book over a gap: a moment that lies in one is left out and
 * counted. A book is sampled from its first whole message to its last one, and beyond it to the end of the range only
 * where the catalog says that its market went on. Rows of one instrument are in order of time.
 */
export class Sampler implements Visitor {
  readonly #options: SamplerOptions;
  readonly #labels = new ProofLabels();
  /** The next moment of each instrument that has a book. */
  readonly #due = new Map<InstrumentId, UnixMicros>();
  #leftOut = 0;

  constructor(options: SamplerOptions) {
    this.#options = options;
  }

  /** Moments that lay in a gap. */
  get leftOut(): number {
    return this.#leftOut;
  }

  /** A book that was there before the range begins has its first moment at the beginning. */
  begin(books: readonly BookState[]): void {
    for (const { instrument } of books) this.#due.set(instrument, this.#boundaryFrom(this.#options.selection.from));
  }

  before({ instrument, book, step, verdict }: Touch): void | Promise<void> {
    const { every } = this.#options;
    if (!book || every.kind !== "interval") return;
    const last = (step.knownAt - 1) as UnixMicros;
    // A moment is hardly ever due, and many hardly ever at once: only then it takes a promise.
    if (last < (this.#due.get(instrument) ?? Number.POSITIVE_INFINITY)) return;
    return this.#until(book, last, verdict);
  }

  after({ instrument, book, step, verdict }: Touch): void {
    if (!book) return;
    this.#labels.goesOn(book);
    if (this.#options.every.kind === "tick") this.#look(book, step.knownAt, verdict);
    else if (!this.#due.has(instrument)) this.#due.set(instrument, this.#boundaryFrom(step.knownAt));
  }

  verdict(verdict: StateVerdict): void {
    this.#labels.judged(verdict);
  }

  async end({ at, book, verdict }: WalkEnd): Promise<void> {
    const { markets, every } = this.#options;
    if (every.kind !== "interval") return;
    for (const instrument of [...this.#due.keys()]) {
      const state = book(instrument);
      if (!state) continue;
      const market = markets.ofInstrument(instrument);
      const goesOn = market && market.winner === null ? Math.min(at, market.window?.endsAt ?? at) : state.receivedAt;
      const last = Math.max(goesOn, state.receivedAt) as UnixMicros;
      await this.#until(state, last, () => verdict(instrument));
    }
  }

  /** After the last verdict. */
  finish(): void {
    this.#labels.flush();
  }

  /** All moments that are due up to one, the book being as it is. */
  async #until(book: BookState, last: UnixMicros, verdict: () => Verdict): Promise<void> {
    const { every, drain } = this.#options;
    let due = this.#due.get(book.instrument);
    if (every.kind !== "interval" || due === undefined) return;
    for (let looked = 0; due <= last; due = (due + every.micros) as UnixMicros) {
      this.#look(book, due, verdict);
      if (++looked % MOMENTS_AT_ONCE === 0) await drain();
    }
    this.#due.set(book.instrument, due);
  }

  #look(book: BookState, at: UnixMicros, verdict: () => Verdict): void {
    const { trust, sample } = this.#options;
    if (!trust.at(book.instrument, at)) this.#leftOut++;
    else if (at - book.receivedAt > LONGEST_BATCH) this.#labels.settle(book, verdict(), sample(book, at));
    else this.#labels.add(book, sample(book, at));
  }

  #boundaryFrom(at: UnixMicros): UnixMicros {
    const { every } = this.#options;
    const micros = every.kind === "interval" ? every.micros : 1;
    return (Math.ceil(at / micros) * micros) as UnixMicros;
  }
}
