import { join } from "node:path";
import { ByteCache } from "./byte-cache.ts";
import { packsFolder } from "./names.ts";
import { PackFile } from "./pack-file.ts";

/** Open packs are files that the system must hold. */
const MOST_OPEN = 64;

interface Lent {
  readonly pack: Promise<PackFile>;
  /** How many are reading it. */
  users: number;
  dropped: boolean;
}

/** The packs that are open, each once; those unused for longest are closed when too many are. */
export class PackShelf {
  readonly #archive: string;
  readonly #packs = new ByteCache<string, Lent>(MOST_OPEN, (lent) => this.#drop(lent));

  constructor(archive: string) {
    this.#archive = archive;
  }

  /** Lends a pack for as long as the work takes: it is not closed meanwhile. */
  async with<T>(file: string, work: (pack: PackFile) => Promise<T>): Promise<T> {
    const lent = this.#lend(file);
    try {
      return await work(await lent.pack);
    } finally {
      this.#giveBack(lent);
    }
  }

  async *reading<T>(file: string, work: (pack: PackFile) => AsyncIterable<T>): AsyncGenerator<T, void> {
    const lent = this.#lend(file);
    try {
      yield* work(await lent.pack);
    } finally {
      this.#giveBack(lent);
    }
  }

  forget(file: string): void {
    this.#packs.delete(file);
  }

  close(): void {
    this.#packs.clear();
  }

  #lend(file: string): Lent {
    let lent = this.#packs.get(file);
    if (lent === undefined) {
      lent = { pack: PackFile.open(join(packsFolder(this.#archive), file)), users: 0, dropped: false };
      this.#packs.set(file, lent, 1);
      // One that could not be opened is tried anew the next time.
      lent.pack.catch(() => this.#packs.delete(file));
    }
    lent.users++;
    return lent;
  }

  #giveBack(lent: Lent): void {
    lent.users--;
    if (lent.dropped && lent.users === 0) close(lent);
  }

  #drop(lent: Lent): void {
    lent.dropped = true;
    if (lent.users === 0) close(lent);
  }
}

function close({ pack }: Lent): void {
  pack.then((opened) => opened.close()).catch(() => undefined);
}
