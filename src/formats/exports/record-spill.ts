import { appendFile, rm, writeFile } from "node:fs/promises";
import { type HftEvent, putRecord, RECORD_BYTES } from "./hft-events.ts";

const RECORDS_HELD = 4_096;

/** Records of one instrument on their way to a file; only the newest are in memory. */
export class RecordSpill {
  readonly path: string;
  #bytes = new Uint8Array(64 * RECORD_BYTES);
  #held = 0;
  #records = 0;
  #begun = false;

  constructor(path: string) {
    this.path = path;
  }

  /** Bytes in memory. */
  get waiting(): number {
    return this.#held * RECORD_BYTES;
  }

  get isFull(): boolean {
    return this.#held >= RECORDS_HELD;
  }

  get records(): number {
    return this.#records;
  }

  add(event: HftEvent, flags: number): void {
    const at = this.#held * RECORD_BYTES;
    if (at === this.#bytes.length) {
      const grown = new Uint8Array(this.#bytes.length * 2);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    putRecord(new DataView(this.#bytes.buffer), at, event, flags);
    this.#held++;
    this.#records++;
  }

  async flush(): Promise<void> {
    const bytes = this.#bytes.subarray(0, this.#held * RECORD_BYTES);
    if (this.#begun) await appendFile(this.path, bytes);
    else await writeFile(this.path, bytes, { flag: "wx" });
    this.#begun = true;
    this.#held = 0;
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true });
  }
}
