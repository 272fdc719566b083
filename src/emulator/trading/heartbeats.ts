import type { Clock } from "#host";
import { SECOND } from "#model";

/** Ten seconds, and five of grace. */
const SILENCE = 15 * SECOND;

interface Watch {
  readonly id: string;
  readonly stop: () => void;
}

/**
 * The dead-man switch: whoever sent one heartbeat must go on, or all its orders are cancelled. It watches the client's
 * process and not the market, so it goes by the network's clock.
 */
export class Heartbeats {
  readonly #clock: Clock;
  readonly #nextId: () => string;
  readonly #onSilence: (address: string) => void;
  readonly #watches = new Map<string, Watch>();

  constructor(clock: Clock, nextId: () => string, onSilence: (address: string) => void) {
    this.#clock = clock;
    this.#nextId = nextId;
    this.#onSilence = onSilence;
  }

  /** @returns the id to send next time, and whether the one that came was right ("" begins anew) */
  beat(address: string, id: string): { readonly id: string; readonly isRight: boolean } {
    const watch = this.#watches.get(address);
    if (watch && id !== watch.id && id !== "") return { id: watch.id, isRight: false };
    watch?.stop();
    const next = this.#nextId();
    const stop = this.#clock.after(SILENCE, () => {
      this.#watches.delete(address);
      this.#onSilence(address);
    });
    this.#watches.set(address, { id: next, stop });
    return { id: next, isRight: true };
  }

  close(): void {
    for (const { stop } of this.#watches.values()) stop();
    this.#watches.clear();
  }
}
