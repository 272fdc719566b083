/** What was used last, up to so many bytes; what was longest unused goes first. */
export class ByteCache<K, V> {
  readonly #most: number;
  readonly #entries = new Map<K, { readonly value: V; readonly bytes: number }>();
  readonly #onDropped: (value: V) => void;
  #bytes = 0;

  constructor(most: number, onDropped: (value: V) => void = () => undefined) {
    this.#most = most;
    this.#onDropped = onDropped;
  }

  get(key: K): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    // A Map keeps the order of insertion: the last used is put behind the others.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** The newest is kept whatever its size. */
  set(key: K, value: V, bytes: number): void {
    this.delete(key);
    this.#entries.set(key, { value, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#most || this.#entries.size === 1) break;
      this.delete(oldest);
    }
  }

  delete(key: K): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
    this.#onDropped(entry.value);
  }

  clear(): void {
    for (const key of [...this.#entries.keys()]) this.delete(key);
  }
}
