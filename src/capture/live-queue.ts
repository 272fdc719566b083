import type { Frame } from "#model";

/** How much may wait to be decoded. The journal has it all; only the live view can fall behind. */
const MOST_FRAMES = 100_000;
const MOST_BYTES = 64 * 1024 * 1024;
/** Frames worked on between two turns of the event loop, so that sockets are read and stamped in time. */
const SLICE = 128;

export interface LiveQueueOptions {
  /** A frame in its turn. */
  work(frame: Frame): void;
  /** Frames of this connection were skipped just before the next one: what the live view knows of it is doubtful. */
  skipped(connection: Frame["connection"], frames: number): void;
  readonly mostFrames?: number;
  readonly mostBytes?: number;
}

/**
 * Takes the work of decoding and proving out of the socket's handler. Bounded: when it is full, frames that the venue
 * sent are skipped for the live view alone and counted; the opening and closing of connections never is.
 */
export class LiveQueue {
  readonly #options: LiveQueueOptions;
  readonly #mostFrames: number;
  readonly #mostBytes: number;
  #frames: Frame[] = [];
  #head = 0;
  #bytes = 0;
  #skips = new Map<Frame["connection"], number>();
  #scheduled = false;
  skippedFrames = 0;

  constructor(options: LiveQueueOptions) {
    this.#options = options;
    this.#mostFrames = options.mostFrames ?? MOST_FRAMES;
    this.#mostBytes = options.mostBytes ?? MOST_BYTES;
  }

  get waiting(): number {
    return this.#frames.length - this.#head;
  }

  /** True from the first skipped frame until the queue was empty once. */
  get behind(): boolean {
    return this.#skips.size > 0;
  }

  push(frame: Frame): void {
    const full = this.waiting >= this.#mostFrames || this.#bytes + frame.bytes.length > this.#mostBytes;
    if (frame.kind === "received" && (full || this.#skips.has(frame.connection))) {
      // Once one frame of a connection is skipped, all are until the queue is empty: half a stream proves nothing.
      this.#skips.set(frame.connection, (this.#skips.get(frame.connection) ?? 0) + 1);
      this.skippedFrames++;
    } else {
      this.#frames.push(frame);
      this.#bytes += frame.bytes.length;
    }
    if (!this.#scheduled) this.#schedule();
  }

  /** Works off everything at once: for the end of a session. */
  drain(): void {
    while (this.waiting > 0) this.#slice();
    this.#settleSkips();
  }

  #schedule(): void {
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#slice();
      if (this.waiting > 0) this.#schedule();
      else this.#settleSkips();
    });
  }

  #slice(): void {
    const end = Math.min(this.#frames.length, this.#head + SLICE);
    while (this.#head < end) {
      const frame = this.#frames[this.#head++]!;
      this.#bytes -= frame.bytes.length;
      this.#options.work(frame);
    }
    if (this.#head === this.#frames.length) {
      this.#frames = [];
      this.#head = 0;
    } else if (this.#head > 4_096 && this.#head * 2 > this.#frames.length) {
      this.#frames = this.#frames.slice(this.#head);
      this.#head = 0;
    }
  }

  #settleSkips(): void {
    const skips = this.#skips;
    if (skips.size === 0) return;
    this.#skips = new Map();
    for (const [connection, frames] of skips) this.#options.skipped(connection, frames);
  }
}
