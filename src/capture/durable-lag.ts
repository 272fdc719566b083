import type { Clock } from "#host";
import type { Journal } from "#journal";

interface Mark {
  readonly seq: number;
  readonly at: number;
}

/** Bound of the marks: at one a second, the age of a longer stall is told as this many seconds. */
const MOST_MARKS = 3_600;

/** How long the oldest frame that is not durable has waited, to the second. */
export class DurableLag {
  readonly #journal: Pick<Journal, "durable" | "next">;
  readonly #clock: Clock;
  readonly #marks: Mark[] = [];

  constructor(journal: Pick<Journal, "durable" | "next">, clock: Clock) {
    this.#journal = journal;
    this.#clock = clock;
  }

  /** Call about once a second. */
  look(): void {
    const newest = this.#journal.next - 1;
    if (this.#marks.length < MOST_MARKS && this.#marks.at(-1)?.seq !== newest) {
      this.#marks.push({ seq: newest, at: this.#clock.monotonic() });
    }
    while (this.#marks[0] && this.#marks[0].seq <= this.#journal.durable) this.#marks.shift();
  }

  /** 0 where all that was appended by the last look is durable. */
  get micros(): number {
    const oldest = this.#marks.find((mark) => mark.seq > this.#journal.durable);
    return oldest ? this.#clock.monotonic() - oldest.at : 0;
  }
}
