import type { UnixMicros } from "#model";

interface Entry<T> {
  readonly at: UnixMicros;
  readonly order: number;
  readonly what: T;
}

/** What is to happen and when: a binary heap. Of things at the same moment, the one that was put in first comes first. */
export class Agenda<T> {
  readonly #entries: Entry<T>[] = [];
  #order = 0;

  get nextAt(): UnixMicros | null {
    return this.#entries[0]?.at ?? null;
  }

  add(at: UnixMicros, what: T): void {
    const entries = this.#entries;
    const entry = { at, order: this.#order++, what };
    let index = entries.length;
    entries.push(entry);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(entry, entries[parent]!)) break;
      entries[index] = entries[parent]!;
      index = parent;
    }
    entries[index] = entry;
  }

  /** Takes out what comes next; undefined where there is nothing. */
  take(): { readonly at: UnixMicros; readonly what: T } | undefined {
    const entries = this.#entries;
    const first = entries[0];
    const last = entries.pop();
    if (first === undefined || last === undefined || entries.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= entries.length) break;
      if (child + 1 < entries.length && isBefore(entries[child + 1]!, entries[child]!)) child++;
      if (!isBefore(entries[child]!, last)) break;
      entries[index] = entries[child]!;
      index = child;
    }
    entries[index] = last;
    return first;
  }
}

function isBefore<T>(a: Entry<T>, b: Entry<T>): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
