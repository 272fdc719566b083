// The queue between the thread that receives and the thread that commits: a ring in shared memory with one producer
// and one consumer. It needs no event loop on either side, so that frames already appended become durable while the
// receiving thread is busy, and an append costs a copy and two atomic stores.
//
// Positions are byte counts modulo 2^32; the ring's size is a power of two, so `position & mask` is the place.
// A record begins at a multiple of 8:
//   0 u32 length of its bytes, or WRAP: go on at the start of the ring
//   4 u32 connection number * 16 + kind; kind LABEL: the bytes are the UTF-8 label of that connection
//   8 f64 receivedAt   16 f64 monotonicAt   24 bytes, padded to 8

export const RECORD_HEADER_BYTES = 24;
/** Kind of a record that carries a connection's label instead of a frame. */
export const LABEL = 15;
const WRAP = -1;
/** An empty ring starts over beyond this, so that a journal that keeps up stays within the processor's cache. */
const START_OVER = 256 * 1024;

/** Slots of the control words. */
const HEAD = 0;
const TAIL = 1;
const SIGNAL = 2;
const SLEEPING = 3;
const COMMAND = 4;
const ACKED_FRAMES = 5;
const ACKED_BYTES = 6;
const TOLD = 7;
const NEVER = 8;
const CONTROL_WORDS = 9;

export interface SharedRing {
  readonly control: SharedArrayBuffer;
  readonly data: SharedArrayBuffer;
}

/** Commands to the consumer; bits. */
export const ROLL = 1;
export const CLOSE = 2;

/** `bytes`: what must fit at least, padding and wrap included. Memory is only touched as far as the queue grows. */
export function createRing(bytes: number): SharedRing {
  const size = 2 ** Math.ceil(Math.log2(Math.max(bytes, START_OVER * 2)));
  if (size > 2 ** 30) throw new RangeError(`a backlog of ${bytes} bytes is more than the ring can hold`);
  return { control: new SharedArrayBuffer(CONTROL_WORDS * 4), data: new SharedArrayBuffer(size) };
}

export function recordBytes(length: number): number {
  return (RECORD_HEADER_BYTES + length + 7) & ~7;
}

export class RingProducer {
  readonly #control: Int32Array;
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #bytes: Uint8Array;
  readonly #size: number;
  #head = 0;

  constructor(ring: SharedRing) {
    this.#control = new Int32Array(ring.control);
    this.#words = new Int32Array(ring.data);
    this.#doubles = new Float64Array(ring.data);
    this.#bytes = new Uint8Array(ring.data);
    this.#size = ring.data.byteLength;
  }

  /** False where there is no room; nothing was written then. The consumer is woken if it sleeps. */
  push(who: number, receivedAt: number, monotonicAt: number, bytes: Uint8Array): boolean {
    const needed = recordBytes(bytes.length);
    const at = this.#place(needed);
    if (at < 0) return false;
    const word = at >>> 2;
    this.#words[word] = bytes.length;
    this.#words[word + 1] = who;
    this.#doubles[(at >>> 3) + 1] = receivedAt;
    this.#doubles[(at >>> 3) + 2] = monotonicAt;
    this.#bytes.set(bytes, at + RECORD_HEADER_BYTES);
    this.#head = (this.#head + needed) | 0;
    Atomics.store(this.#control, HEAD, this.#head);
    this.#wake();
    return true;
  }

  command(bits: number): void {
    Atomics.or(this.#control, COMMAND, bits);
    this.#wake();
  }

  /** Frames and record bytes that became durable so far, modulo 2^32. */
  acked(): { frames: number; bytes: number } {
    return {
      frames: Atomics.load(this.#control, ACKED_FRAMES) >>> 0,
      bytes: Atomics.load(this.#control, ACKED_BYTES) >>> 0,
    };
  }

  /** The consumer's message about a commit was seen; the next commit sends one again. */
  heard(): void {
    Atomics.store(this.#control, TOLD, 0);
  }

  #place(needed: number): number {
    const tail = Atomics.load(this.#control, TAIL);
    const used = (this.#head - tail) >>> 0;
    const at = (this.#head & (this.#size - 1)) >>> 0;
    const untilEnd = this.#size - at;
    const startOver = used === 0 && at > START_OVER && needed <= at;
    if (!startOver && needed <= untilEnd) return used + needed <= this.#size ? at : -1;
    if (used + untilEnd + needed > this.#size) return -1;
    this.#head = (this.#head + untilEnd) | 0;
    // An empty ring skips its rest by moving the consumer along, so that all of it is free at once. The consumer has
    // released all there was, and writes TAIL again only when it has taken something newer.
    if (startOver) Atomics.store(this.#control, TAIL, this.#head);
    else this.#words[at >>> 2] = WRAP;
    return 0;
  }

  #wake(): void {
    Atomics.add(this.#control, SIGNAL, 1);
    if (Atomics.load(this.#control, SLEEPING) === 1) Atomics.notify(this.#control, SIGNAL);
  }
}

export interface RingRecord {
  kind: number;
  connection: number;
  receivedAt: number;
  monotonicAt: number;
  /** A view into the ring: valid until `release`. */
  bytes: Uint8Array;
}

export class RingConsumer {
  readonly #control: Int32Array;
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #data: SharedArrayBuffer;
  readonly #mask: number;
  #tail = 0;
  #released = 0;

  constructor(ring: SharedRing) {
    this.#control = new Int32Array(ring.control);
    this.#words = new Int32Array(ring.data);
    this.#doubles = new Float64Array(ring.data);
    this.#data = ring.data;
    this.#mask = ring.data.byteLength - 1;
  }

  /** The oldest record, taken; undefined where there is none. Its room is free again after `release`. */
  take(): RingRecord | undefined {
    const head = Atomics.load(this.#control, HEAD);
    if (head === this.#tail) return undefined;
    // Something is there. If it came after the producer had started over, TAIL is no longer what was released last.
    const tail = Atomics.load(this.#control, TAIL);
    if (tail !== this.#released) {
      this.#tail = tail;
      this.#released = tail;
    }
    let at = (this.#tail & this.#mask) >>> 0;
    if (this.#words[at >>> 2] === WRAP) {
      this.#tail = (this.#tail + this.#mask + 1 - at) | 0;
      at = 0;
    }
    const length = this.#words[at >>> 2]!;
    const who = this.#words[(at >>> 2) + 1]! >>> 0;
    this.#tail = (this.#tail + recordBytes(length)) | 0;
    return {
      kind: who & 15,
      connection: who >>> 4,
      receivedAt: this.#doubles[(at >>> 3) + 1]!,
      monotonicAt: this.#doubles[(at >>> 3) + 2]!,
      bytes: new Uint8Array(this.#data, at + RECORD_HEADER_BYTES, length),
    };
  }

  release(): void {
    if (this.#tail === this.#released) return;
    this.#released = this.#tail;
    Atomics.store(this.#control, TAIL, this.#tail);
  }

  /** Whether ROLL was commanded since the last call. */
  rolling(): boolean {
    return (Atomics.and(this.#control, COMMAND, ~ROLL) & ROLL) !== 0;
  }

  /** Whether CLOSE was commanded; it stays so. */
  closing(): boolean {
    return (Atomics.load(this.#control, COMMAND) & CLOSE) !== 0;
  }

  /** Sleeps until something is pushed or commanded, or `millis` passed. Returns at once where that has happened. */
  wait(millis?: number): void {
    Atomics.store(this.#control, SLEEPING, 1);
    const signal = Atomics.load(this.#control, SIGNAL);
    const nothing = Atomics.load(this.#control, HEAD) === this.#tail && Atomics.load(this.#control, COMMAND) === 0;
    if (nothing) Atomics.wait(this.#control, SIGNAL, signal, millis);
    Atomics.store(this.#control, SLEEPING, 0);
  }

  /** Sleeps for `millis`, or until CLOSE is commanded. */
  pause(millis: number): void {
    // Pushes do not set SLEEPING off here: only a command may cut a back-off short, and it is looked for in slices.
    const slice = 20;
    for (let left = millis; left > 0 && !this.closing(); left -= slice) {
      Atomics.wait(this.#control, NEVER, 0, Math.min(slice, left));
    }
  }

  /** Publishes that frames became durable. True where the producer should be told by message. */
  ack(frames: number, bytes: number): boolean {
    Atomics.add(this.#control, ACKED_FRAMES, frames);
    Atomics.add(this.#control, ACKED_BYTES, bytes);
    return Atomics.exchange(this.#control, TOLD, 1) === 0;
  }
}
