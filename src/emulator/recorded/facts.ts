import type { UnixMicros } from "#model";

interface Dated<T> {
  readonly at: UnixMicros;
  readonly fact: T;
}

/** What was said about one thing, each word with the time from which it was known. */
export class Facts<T> {
  /** Oldest first. */
  readonly #all: Dated<T>[] = [];

  /** Puts a fact in its place in time. False where it says nothing new there, or was there already. */
  add(at: UnixMicros, fact: T, isSame: (a: T, b: T) => boolean = (a, b) => a === b): boolean {
    let place = this.#all.length;
    while (place > 0 && this.#all[place - 1]!.at > at) place--;
    const before = this.#all[place - 1];
    if (before && (before.at === at || isSame(before.fact, fact))) return false;
    this.#all.splice(place, 0, { at, fact });
    return true;
  }

  /** The last one known at `now`. */
  at(now: UnixMicros): T | undefined {
    return this.entryAt(now)?.fact;
  }

  entryAt(now: UnixMicros): Dated<T> | undefined {
    for (let place = this.#all.length - 1; place >= 0; place--) {
      const entry = this.#all[place]!;
      if (entry.at <= now) return entry;
    }
    return undefined;
  }

  first(): T | undefined {
    return this.#all[0]?.fact;
  }

  last(): T | undefined {
    return this.#all.at(-1)?.fact;
  }
}
