export interface Timer {
  /** On the clock of whoever fires it. */
  dueAt: number;
  /** null: once. */
  readonly everyMicros: number | null;
  /** Whether somebody awaits it, so that the process should live until then. */
  readonly holds: boolean;
  readonly call: () => void;
}

/** Timers in the order in which they fall due; those due at the same moment in the order of their making. */
export class TimerQueue {
  #timers: Timer[] = [];
  #held = 0;

  /** How many of them hold the process. */
  get held(): number {
    return this.#held;
  }

  /** Returns its cancel. */
  add(timer: Timer): () => void {
    this.#insert(timer);
    if (timer.holds) this.#held++;
    return () => {
      const place = this.#timers.indexOf(timer);
      if (place < 0) return;
      this.#timers.splice(place, 1);
      if (timer.holds) this.#held--;
    };
  }

  /** null: there is none. */
  nextDue(): number | null {
    return this.#timers[0]?.dueAt ?? null;
  }

  /** Calls what is due. A recurring one that was missed several times is called once. */
  fire(now: number): void {
    for (let timer = this.#timers[0]; timer !== undefined && timer.dueAt <= now; timer = this.#timers[0]) {
      this.#timers.shift();
      if (timer.everyMicros === null) {
        if (timer.holds) this.#held--;
      } else {
        const missed = Math.floor((now - timer.dueAt) / timer.everyMicros);
        timer.dueAt += (missed + 1) * timer.everyMicros;
        this.#insert(timer);
      }
      timer.call();
    }
  }

  #insert(timer: Timer): void {
    let low = 0;
    let high = this.#timers.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#timers[middle]!.dueAt <= timer.dueAt) low = middle + 1;
      else high = middle;
    }
    this.#timers.splice(low, 0, timer);
  }
}
