import { zstdDecompressSync } from "node:zlib";
import type { ConnectionId, Frame, MonotonicMicros, Seq, UnixMicros } from "#model";
import { FRAME_KINDS } from "#model";
import { BLOCK_HEADER_BYTES, type BlockHeader, encodeBlockHeader } from "./layout.ts";
import { ByteReader, ByteWriter } from "./varint.ts";
import { type Compressor, createCompressor } from "./zstd.ts";

// The body of a block, before compression:
//
//   payload    the frames' bytes, one after the other (header: payload length)
//   labels     varint n, then n times: varint length, UTF-8. The connections of this block, in order of appearance
//   table      for each frame: varint connection index * 16 + kind (its index in FRAME_KINDS)
//                              signed varint receivedAt - the previous frame's (the first: - the header's minimum)
//                              signed varint monotonicAt - the previous frame's (the first: - 0)
//                              varint length of its bytes
//
// The payload comes first because a frame's bytes can then be copied to their final place before the table is known.
// A block is read alone: nothing in it refers to another one.

const KINDS = 16;
const NOT_WORTH_COMPRESSING = 96;
const INITIAL_PAYLOAD = 64 * 1024;
const INITIAL_TABLE = 4 * 1024;

/** Collects the frames of the next block. One lives as long as the journal: its buffers are used again. */
export class BlockBuilder {
  readonly #payload = new ByteWriter(INITIAL_PAYLOAD);
  readonly #table = new ByteWriter(INITIAL_TABLE);
  readonly #labels = new ByteWriter(256);
  readonly #compress: Compressor = createCompressor();
  /** By the caller's connection number. */
  readonly #places = new Map<number, number>();
  #count = 0;
  #min = 0;
  #max = 0;
  #firstReceivedAt = 0;
  #receivedAt = 0;
  #monotonicAt = 0;

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#payload.length + this.#table.length + this.#labels.length;
  }

  /** `label` is asked for only when the block has not seen the connection yet. */
  add(
    frame: { kind: number; receivedAt: number; monotonicAt: number; bytes: Uint8Array },
    connection: number,
    label: (connection: number) => Uint8Array,
  ): void {
    let place = this.#places.get(connection);
    if (place === undefined) {
      place = this.#places.size;
      this.#places.set(connection, place);
      const text = label(connection);
      this.#labels.unsigned(text.length);
      this.#labels.append(text);
    }
    this.#table.unsigned(place * KINDS + frame.kind);
    if (this.#count === 0) {
      this.#min = frame.receivedAt;
      this.#max = frame.receivedAt;
      this.#firstReceivedAt = frame.receivedAt;
      // The first frame's distance to the minimum is known only at the end; see `build`.
    } else {
      this.#table.signed(frame.receivedAt - this.#receivedAt);
      if (frame.receivedAt < this.#min) this.#min = frame.receivedAt;
      if (frame.receivedAt > this.#max) this.#max = frame.receivedAt;
    }
    this.#table.signed(frame.monotonicAt - this.#monotonicAt);
    this.#table.unsigned(frame.bytes.length);
    this.#payload.append(frame.bytes);
    this.#receivedAt = frame.receivedAt;
    this.#monotonicAt = frame.monotonicAt;
    this.#count++;
  }

  /** The whole block but for its salt and checksum (stampBlock); the builder is empty again. */
  build(firstSeq: Seq): Buffer {
    const payloadLength = this.#payload.length;
    const tail = new ByteWriter(this.#labels.length + this.#table.length + 24);
    tail.unsigned(this.#places.size);
    tail.append(this.#labels.bytes.subarray(0, this.#labels.length));
    const table = this.#table.bytes.subarray(0, this.#table.length);
    const first = new ByteReader(table, 0, table.length);
    first.unsigned();
    tail.append(table.subarray(0, first.position));
    tail.signed(this.#firstReceivedAt - this.#min);
    tail.append(table.subarray(first.position));
    this.#payload.append(tail.bytes.subarray(0, tail.length));
    const raw = this.#payload.bytes.subarray(0, this.#payload.length);
    // Where zstd does not help, the bytes stay as they are.
    const packed = raw.length < NOT_WORTH_COMPRESSING ? undefined : this.#compress(raw);
    const body = packed ?? raw;
    const block = Buffer.allocUnsafe(BLOCK_HEADER_BYTES + body.length);
    block.set(body, BLOCK_HEADER_BYTES);
    encodeBlockHeader(block, {
      firstSeq,
      count: this.#count,
      encoding: packed ? "zstd" : "raw",
      bodyLength: body.length,
      rawLength: raw.length,
      payloadLength,
      minReceivedAt: this.#min as UnixMicros,
      maxReceivedAt: this.#max as UnixMicros,
    });
    this.#payload.length = 0;
    this.#table.length = 0;
    this.#labels.length = 0;
    this.#places.clear();
    this.#count = 0;
    this.#monotonicAt = 0;
    return block;
  }
}

/**
 * The frames of a block whose checksum was right.
 * @throws RangeError where header and body do not agree: such a block was not written by this format.
 */
export function decodeBlock(header: BlockHeader, body: Uint8Array): Frame[] {
  const raw = decompress(header, body);
  if (raw.length !== header.rawLength || header.payloadLength > raw.length) throw new RangeError("lengths disagree");
  const table = new ByteReader(raw, header.payloadLength, raw.length);
  const labels: ConnectionId[] = [];
  for (let left = table.unsigned(); left > 0; left--) labels.push(decodeLabel(table.take(table.unsigned())));
  const frames: Frame[] = [];
  let start = 0;
  let receivedAt: number = header.minReceivedAt;
  let monotonicAt = 0;
  for (let index = 0; index < header.count; index++) {
    const who = table.unsigned();
    const connection = labels[Math.floor(who / KINDS)];
    const kind = FRAME_KINDS[who % KINDS];
    receivedAt += table.signed();
    monotonicAt += table.signed();
    const length = table.unsigned();
    if (connection === undefined || kind === undefined) throw new RangeError("unknown connection or kind");
    if (!(receivedAt >= header.minReceivedAt && receivedAt <= header.maxReceivedAt)) {
      throw new RangeError("receivedAt outside the block's range");
    }
    if (start + length > header.payloadLength) throw new RangeError("payload ends early");
    frames.push({
      seq: (header.firstSeq + index) as Seq,
      connection,
      kind,
      receivedAt: receivedAt as UnixMicros,
      monotonicAt: monotonicAt as MonotonicMicros,
      bytes: raw.subarray(start, start + length),
    });
    start += length;
  }
  if (start !== header.payloadLength || table.position !== table.end) throw new RangeError("bytes left over");
  return frames;
}

function decompress(header: BlockHeader, body: Uint8Array): Uint8Array {
  if (header.encoding === "raw") return new Uint8Array(body.buffer, body.byteOffset, body.length);
  try {
    const raw = zstdDecompressSync(body, {
      chunkSize: Math.max(64, header.rawLength),
      maxOutputLength: Math.max(1, header.rawLength),
    });
    return new Uint8Array(raw.buffer, raw.byteOffset, raw.length);
  } catch (cause) {
    throw new RangeError("zstd refuses the body", { cause });
  }
}

// Labels repeat in every block: keeping them spares a string for each block and connection. Emptied when it grows, so
// that a journal of ever new labels does not stay in memory.
const LABEL_CACHE_LIMIT = 20_000;
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const labelCache = new Map<string, ConnectionId>();

function decodeLabel(bytes: Uint8Array): ConnectionId {
  const key = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  let label = labelCache.get(key);
  if (label === undefined) {
    label = decoder.decode(bytes) as ConnectionId;
    if (labelCache.size >= LABEL_CACHE_LIMIT) labelCache.clear();
    labelCache.set(key, label);
  }
  return label;
}
