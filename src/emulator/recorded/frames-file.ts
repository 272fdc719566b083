import type { Frame, FrameSource, Seq, UnixMicros } from "#model";
import { readFramesFile } from "#replay";

const BATCH = 256;

/** A frames file, read from the start each time. What is no frame is skipped and counted. */
export class FramesFile implements FrameSource {
  readonly #path: string;
  #badLines = 0;
  #span: FrameSource["span"] = null;

  constructor(path: string) {
    this.#path = path;
  }

  /** Of the last whole reading; null before. */
  get span(): FrameSource["span"] {
    return this.#span;
  }

  /** Lines of the last reading that were no frames. */
  get badLines(): number {
    return this.#badLines;
  }

  /** @throws Error of the file system, or of a gzip stream that is damaged or cut. */
  async *read(): AsyncGenerator<readonly Frame[]> {
    this.#badLines = 0;
    let seq = 0;
    let batch: Frame[] = [];
    let [first, last] = [Number.MAX_SAFE_INTEGER, 0];
    for await (const { parsed } of readFramesFile(this.#path)) {
      if (typeof parsed === "string") {
        this.#badLines++;
        continue;
      }
      batch.push({ ...parsed, seq: seq++ as Seq });
      first = Math.min(first, parsed.receivedAt);
      last = Math.max(last, parsed.receivedAt);
      if (batch.length < BATCH) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0) yield batch;
    if (seq > 0) {
      this.#span = { firstReceivedAt: first as UnixMicros, lastReceivedAt: last as UnixMicros, frames: seq };
    }
  }
}
