import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FRAME_KINDS, type Frame, type Seq } from "#model";
import { BlockBuilder, decodeBlock } from "./block.ts";
import { BLOCK_HEADER_BYTES, blockIsWhole, decodeBlockHeader, stampBlock } from "./layout.ts";
import { ByteReader, ByteWriter } from "./varint.ts";

const SALT = Buffer.from("saltsalt");

interface Plain {
  readonly connection: string;
  readonly kind: number;
  readonly receivedAt: number;
  readonly monotonicAt: number;
  readonly bytes: Uint8Array;
}

function build(builder: BlockBuilder, frames: readonly Plain[], firstSeq: number): Buffer {
  const numbers = new Map<string, number>();
  const labels: Uint8Array[] = [];
  for (const frame of frames) {
    if (!numbers.has(frame.connection)) {
      numbers.set(frame.connection, numbers.size);
      labels.push(new TextEncoder().encode(frame.connection));
    }
    builder.add(frame, numbers.get(frame.connection)!, (number) => labels[number]!);
  }
  const block = builder.build(firstSeq as Seq);
  stampBlock(block, SALT);
  return block;
}

function decode(block: Buffer): Frame[] {
  const header = decodeBlockHeader(block, SALT);
  if (header === undefined || !blockIsWhole(block)) throw new Error("no whole block");
  return decodeBlock(header, block.subarray(BLOCK_HEADER_BYTES));
}

const time = fc.oneof(fc.nat(), fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }));
const anyFrame: fc.Arbitrary<Plain> = fc.record({
  // Whole code points only: a lone surrogate is no UTF-8.
  connection: fc.string({ unit: "binary", maxLength: 12 }),
  kind: fc.nat({ max: FRAME_KINDS.length - 1 }),
  receivedAt: time,
  monotonicAt: time,
  bytes: fc.uint8Array({ maxLength: 300 }),
});

describe("a block", () => {
  it("gives back any frames: times forth and back, any label, any bytes; its builder is as new afterwards", () => {
    const builder = new BlockBuilder();
    fc.assert(
      fc.property(fc.array(anyFrame, { minLength: 1, maxLength: 40 }), fc.nat(), (frames, firstSeq) => {
        const block = build(builder, frames, firstSeq);
        const header = decodeBlockHeader(block, SALT)!;
        expect(header.minReceivedAt).toBe(Math.min(...frames.map((frame) => frame.receivedAt)));
        expect(header.maxReceivedAt).toBe(Math.max(...frames.map((frame) => frame.receivedAt)));
        expect(decode(block)).toEqual(
          frames.map((frame, index) => ({ ...frame, kind: FRAME_KINDS[frame.kind], seq: firstSeq + index })),
        );
        expect(builder.count + builder.bytes).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  it("stays raw where zstd does not help, and shrinks where it does", () => {
    const noise = Uint8Array.from({ length: 4_000 }, (_, index) => (Math.imul(index, 2_654_435_761) >>> 13) & 0xff);
    const frame = { connection: "market-a-0", kind: 0, receivedAt: 1, monotonicAt: 1 };
    const incompressible = build(new BlockBuilder(), [{ ...frame, bytes: crypto.getRandomValues(noise) }], 0);
    const repetitive = build(new BlockBuilder(), [{ ...frame, bytes: new Uint8Array(4_000) }], 0);
    expect(decodeBlockHeader(incompressible, SALT)!.encoding).toBe("raw");
    expect(decodeBlockHeader(repetitive, SALT)!.encoding).toBe("zstd");
    expect(repetitive.length).toBeLessThan(200);
  });

  it("is refused when header and body disagree, though every checksum is right", () => {
    const block = build(
      new BlockBuilder(),
      [{ connection: "a", kind: 0, receivedAt: 5, monotonicAt: 1, bytes: new Uint8Array(10) }],
      0,
    );
    const header = decodeBlockHeader(block, SALT)!;
    const body = block.subarray(BLOCK_HEADER_BYTES);
    for (const wrong of [
      { count: 2 },
      { count: 0 },
      { payloadLength: 9 },
      { payloadLength: 99 },
      { rawLength: header.rawLength + 1 },
      { maxReceivedAt: 4 as typeof header.maxReceivedAt },
    ]) {
      expect(() => decodeBlock({ ...header, ...wrong }, body), JSON.stringify(wrong)).toThrow(RangeError);
    }
  });
});

describe("variable-length integers", () => {
  it("come back exactly over the whole range of safe integers", () => {
    const signed = fc.maxSafeInteger();
    fc.assert(
      fc.property(fc.array(signed), (values) => {
        const writer = new ByteWriter(1);
        for (const value of values) {
          writer.signed(value);
          writer.unsigned(Math.abs(value));
        }
        const reader = new ByteReader(writer.bytes, 0, writer.length);
        for (const value of values) {
          expect(reader.signed()).toBe(value === 0 ? 0 : value);
          expect(reader.unsigned()).toBe(Math.abs(value));
        }
        expect(reader.position).toBe(writer.length);
      }),
    );
  });

  it("that end early or are too large are refused", () => {
    expect(() => new ByteReader(Uint8Array.of(0x80), 0, 1).unsigned()).toThrow(RangeError);
    expect(() => new ByteReader(new Uint8Array(12).fill(0xff), 0, 12).signed()).toThrow(RangeError);
    expect(() => new ByteReader(Uint8Array.of(1), 0, 1).take(2)).toThrow(RangeError);
  });
});
