import type { UnixMicros } from "#model";
import { SECOND } from "#model";
import { Fifo, Heap } from "#timeline";
import { EXCH, type HftEvent, LOCAL } from "./hft-events.ts";

/** How long an event waits for one that happened before it and was heard of later. */
const HOLD = 10 * SECOND;
const MOST_HELD = 100_000;

interface Held {
  readonly event: HftEvent;
  readonly order: number;
  isOnExchange: boolean;
}

/**
 * hftbacktest plays one file to two clocks: what carries EXCH must be in order of exch_ts, what carries LOCAL in order of
 * local_ts. An event in its place for both is written once; one that the venue had earlier than what was heard before it
 * is written twice, once for each clock. Events come in order of local_ts.
 */
export class EventOrder {
  readonly #write: (event: HftEvent, flags: number) => void;
  readonly #byLocal = new Fifo<Held>();
  readonly #byExchange = new Heap<Held>(
    (a, b) => a.event.exchAt < b.event.exchAt || (a.event.exchAt === b.event.exchAt && a.order < b.order),
  );
  #order = 0;
  #localAt = 0 as UnixMicros;
  #exchAt = 0 as UnixMicros;
  #raised = 0;
  #split = 0;

  constructor(write: (event: HftEvent, flags: number) => void) {
    this.#write = write;
  }

  /** Times that were raised, since what should have come after them was already written. */
  get raised(): number {
    return this.#raised;
  }

  /** Events that were written once for each clock. */
  get split(): number {
    return this.#split;
  }

  push(event: HftEvent): void {
    const localAt = Math.max(event.localAt, this.#localAt) as UnixMicros;
    if (localAt !== event.localAt) this.#raised++;
    this.#localAt = localAt;
    const held = { event: { ...event, localAt }, order: this.#order++, isOnExchange: false };
    this.#byLocal.push(held);
    this.#byExchange.push(held);
    for (let head = this.#byLocal.peek(); head; head = this.#byLocal.peek()) {
      if (localAt - head.event.localAt <= HOLD && this.#byLocal.length <= MOST_HELD) return;
      this.#release();
    }
  }

  flush(): void {
    while (this.#byLocal.length > 0) this.#release();
  }

  /** Writes what is next on our clock, and before it all that the venue had earlier. */
  #release(): void {
    const next = this.#byLocal.shift() as Held;
    if (next.isOnExchange) return this.#write(next.event, LOCAL);
    for (let first = this.#byExchange.pop() as Held; first !== next; first = this.#byExchange.pop() as Held) {
      first.isOnExchange = true;
      this.#split++;
      this.#write(this.#inOrder(first.event), EXCH);
    }
    this.#write(this.#inOrder(next.event), EXCH + LOCAL);
  }

  #inOrder(event: HftEvent): HftEvent {
    if (event.exchAt >= this.#exchAt) {
      this.#exchAt = event.exchAt;
      return event;
    }
    this.#raised++;
    return { ...event, exchAt: this.#exchAt };
  }
}
