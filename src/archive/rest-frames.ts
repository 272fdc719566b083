import type { Frame } from "#model";
import { least, most } from "./market-chunks.ts";
import type { ChunkEntry, SectionPlace } from "./pack-layout.ts";
import { encodeRest } from "./rest-chunk.ts";

const MOST_FRAMES = 4_096;
const MOST_BYTES = 2 * 1024 * 1024;
const FRAME_COST = 300;

/** Frames that no market's chunk takes, on their way into rest chunks. */
export class RestFrames {
  readonly chunks: ChunkEntry[] = [];
  readonly #write: (body: Uint8Array) => SectionPlace;
  #frames: Frame[] = [];
  #bytes = 0;

  constructor(write: (body: Uint8Array) => SectionPlace) {
    this.#write = write;
  }

  /** An estimate of the memory they take. */
  get cost(): number {
    return this.#bytes + FRAME_COST * this.#frames.length;
  }

  add(frames: readonly Frame[]): void {
    for (const frame of frames) {
      this.#frames.push({ ...frame, bytes: copyOf(frame.bytes) });
      this.#bytes += frame.bytes.length;
    }
    if (this.#frames.length >= MOST_FRAMES || this.#bytes >= MOST_BYTES) this.close();
  }

  close(): void {
    const frames = this.#frames.sort((a, b) => a.seq - b.seq);
    const times = frames.map(({ receivedAt }) => receivedAt);
    const first = frames[0];
    if (first === undefined) return;
    const [firstReceivedAt, lastReceivedAt] = [least(times), most(times)];
    this.chunks.push({
      ...this.#write(encodeRest(frames)),
      firstSeq: first.seq,
      lastSeq: frames.at(-1)!.seq,
      firstReceivedAt,
      lastReceivedAt,
      firstKnownAt: firstReceivedAt,
      lastKnownAt: lastReceivedAt,
      frames: frames.length,
      messages: 0,
      levelChanges: 0,
      rawMessages: 0,
      rawDigests: 0,
      frameBytes: this.#bytes,
    });
    this.#frames = [];
    this.#bytes = 0;
  }
}

/** A frame's bytes are a view of a block of the journal, which they would keep in memory as a whole. */
export function copyOf(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(bytes);
}
