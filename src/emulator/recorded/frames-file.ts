import type { Frame, FrameSource, Seq } from "#model";
import { readFramesFile } from "#replay";

const BATCH = 256;

/** A frames file, read from the start each time. What is no frame is skipped and counted. */
export class FramesFile implements FrameSource {
  readonly span = null;
  readonly #path: string;
  #badLines = 0;

  constructor(path: string) {
    this.#path = path;
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
    for await (const { parsed } of readFramesFile(this.#path)) {
      if (typeof parsed === "string") {
        this.#badLines++;
        continue;
      }
      batch.push({ ...parsed, seq: seq++ as Seq });
      if (batch.length < BATCH) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0) yield batch;
  }
}
