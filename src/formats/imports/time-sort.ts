import { createReadStream } from "node:fs";
import { mkdtemp, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { Heap } from "#timeline";
import { byteLines } from "./byte-lines.ts";

export interface SortOptions<T> {
  /** Where runs that do not fit in memory are laid, in a folder of its own that is removed at the end. */
  readonly workFolder: string;
  /** How many items are held in memory. */
  readonly atOnce: number;
  compare(a: T, b: T): number;
}

const FLUSH_CHARACTERS = 1 << 20;
const LONGEST_ITEM = 64 * 1024 * 1024;

/**
 * Sorts any number of items in bounded memory: what does not fit is laid on the disk in sorted runs, which are merged in
 * the end. Items must survive JSON. Equal items keep their order.
 */
export class BoundedSort<T> {
  readonly #options: SortOptions<T>;
  #held: T[] = [];
  #folder: string | null = null;
  readonly #runs: string[] = [];

  constructor(options: SortOptions<T>) {
    this.#options = options;
  }

  /** @throws Error of the file system where a run cannot be laid. */
  async add(item: T): Promise<void> {
    this.#held.push(item);
    if (this.#held.length >= this.#options.atOnce) await this.#lay();
  }

  /** All items in order; then none are held. Throws Error of the file system. */
  async *sorted(): AsyncGenerator<T> {
    const held = this.#held.sort(this.#options.compare);
    this.#held = [];
    if (this.#runs.length === 0) yield* held;
    else yield* this.#merged([...this.#runs.map((path) => itemsOf<T>(path)), itemsIn(held)]);
  }

  /** Removes what was laid on the disk. */
  async close(): Promise<void> {
    if (this.#folder !== null) await rm(this.#folder, { recursive: true, force: true });
  }

  async #lay(): Promise<void> {
    this.#folder ??= await mkdtemp(join(this.#options.workFolder, ".import-"));
    const path = join(this.#folder, `run-${this.#runs.length}`);
    const file = await open(path, "wx");
    try {
      let text = "";
      for (const item of this.#held.sort(this.#options.compare)) {
        text += `${JSON.stringify(item)}\n`;
        if (text.length < FLUSH_CHARACTERS) continue;
        await file.write(text);
        text = "";
      }
      await file.write(text);
    } finally {
      await file.close();
    }
    this.#runs.push(path);
    this.#held = [];
  }

  async *#merged(sources: readonly AsyncGenerator<T>[]): AsyncGenerator<T> {
    interface Head {
      readonly item: T;
      readonly run: number;
    }
    const { compare } = this.#options;
    const heads = new Heap<Head>((a, b) => (compare(a.item, b.item) || a.run - b.run) < 0);
    try {
      for (const [run, source] of sources.entries()) {
        const first = await source.next();
        if (!first.done) heads.push({ item: first.value, run });
      }
      for (let head = heads.pop(); head; head = heads.pop()) {
        yield head.item;
        const next = await (sources[head.run] as AsyncGenerator<T>).next();
        if (!next.done) heads.push({ item: next.value, run: head.run });
      }
    } finally {
      for (const source of sources) await source.return(undefined);
    }
  }
}

async function* itemsOf<T>(path: string): AsyncGenerator<T> {
  for await (const { bytes } of byteLines(createReadStream(path), LONGEST_ITEM))
    yield JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8")) as T;
}

async function* itemsIn<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}
