import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ConnectionId, FRAME_KINDS, type Frame, type MonotonicMicros, type Seq, type UnixMicros } from "#model";
import { decodeRest, encodeRest } from "./rest-chunk.ts";

const time = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

const frames: fc.Arbitrary<Frame[]> = fc
  .uniqueArray(
    fc.record({
      seq: time.map((value) => value as Seq),
      connection: fc.string().map((label) => Buffer.from(label).toString() as ConnectionId),
      kind: fc.constantFrom(...FRAME_KINDS),
      receivedAt: time.map((value) => value as UnixMicros),
      monotonicAt: time.map((value) => value as MonotonicMicros),
      bytes: fc.uint8Array({ maxLength: 300 }),
    }),
    { selector: ({ seq }) => seq, maxLength: 40 },
  )
  .map((some) => some.sort((a, b) => a.seq - b.seq));

const plain = (some: readonly Frame[]) => some.map((frame) => ({ ...frame, bytes: [...frame.bytes] }));

describe("a rest chunk", () => {
  it("gives back any frames as they are", () => {
    fc.assert(
      fc.property(frames, (some) => {
        expect(plain(decodeRest(encodeRest(some)))).toEqual(plain(some));
      }),
    );
  });

  it("that is damaged is an error, or frames, and nothing else", () => {
    fc.assert(
      fc.property(frames, fc.nat(), fc.nat(7), fc.nat(), (some, place, bit, end) => {
        const bytes = encodeRest(some);
        bytes[place % bytes.length]! ^= 1 << bit;
        for (const wrong of [bytes, bytes.subarray(0, end % bytes.length)]) {
          try {
            expect(Array.isArray(decodeRest(wrong))).toBe(true);
          } catch (cause) {
            expect(cause).toBeInstanceOf(RangeError);
          }
        }
      }),
    );
  });
});
