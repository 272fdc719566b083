import type { Clock } from "#host";
import type { InstrumentId } from "#model";
import type { BookAnswer, EmulatorSource } from "../source.ts";
import type { FaultDesk } from "./fault-desk.ts";
import type { Injection } from "./injections.ts";
import type { Outlet } from "./outlet.ts";

export interface FaultInjectorOptions {
  readonly source: EmulatorSource;
  readonly clock: Clock;
  readonly desk: FaultDesk;
  outlets(): Iterable<Outlet>;
  /** Shows a crossed book; gives the number of sockets that saw it. */
  cross(instrument: InstrumentId, socket: number | undefined): number;
}

/** Faults that are no frame's or request's business: they are done here, once, and put on record. */
export class FaultInjector {
  readonly #options: FaultInjectorOptions;
  /** Books that REST and dumps show in place of the true ones, and for how many stale_book faults. */
  readonly #stale = new Map<InstrumentId, BookAnswer>();
  #staleFaults = 0;

  constructor(options: FaultInjectorOptions) {
    this.#options = options;
  }

  /** A book as it is shown. */
  book(instrument: InstrumentId): BookAnswer {
    return this.#stale.get(instrument) ?? this.#options.source.book(instrument);
  }

  /** The source was moved: what was held back of the books is of a moment that is no more. */
  moved(): void {
    this.#stale.clear();
  }

  inject(injection: Injection): void {
    const { desk, source, clock } = this.#options;
    switch (injection.kind) {
      case "disconnect":
        return this.#disconnect(injection);
      case "cross": {
        const seen = this.#options.cross(injection.instrument, injection.socket);
        return desk.note(desk.admit(injection, seen > 0), seen);
      }
      case "stale_book":
        return this.#freezeBooks(injection);
      case "clock_skew": {
        const possible = source.skew(injection.byMicros);
        desk.admit(injection, possible);
        if (possible) clock.after(injection.forMicros, () => source.skew(0));
        return;
      }
      default:
        desk.admit(injection);
    }
  }

  #disconnect(injection: Extract<Injection, { kind: "disconnect" }>): void {
    const { desk } = this.#options;
    const { surface = "market", socket, code } = injection;
    const hit = [...this.#options.outlets()].filter(
      (outlet) => outlet.surface === surface && (socket === undefined || outlet.index === socket),
    );
    for (const outlet of hit) outlet.end(code);
    desk.note(desk.admit(injection, hit.length > 0), hit.length);
  }

  #freezeBooks(injection: Extract<Injection, { kind: "stale_book" }>): void {
    const { desk, source, clock } = this.#options;
    const instruments =
      injection.instruments ??
      [...source.markets()].flatMap(({ outcomes }) => outcomes.map(({ instrument }) => instrument));
    for (const instrument of instruments) {
      const answer = source.book(instrument);
      if (answer.kind === "open" && !this.#stale.has(instrument)) this.#stale.set(instrument, answer);
    }
    this.#staleFaults++;
    desk.note(desk.admit(injection, this.#stale.size > 0), this.#stale.size);
    clock.after(injection.forMicros, () => {
      if (--this.#staleFaults === 0) this.#stale.clear();
    });
  }
}
