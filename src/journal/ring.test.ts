import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRing, RingConsumer, RingProducer, recordBytes } from "./ring.ts";

const pattern = (length: number, seed: number): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => (index * 31 + seed) & 0xff);

describe("the ring", () => {
  it("gives out what was put in, in order, whatever the sizes and however it wraps", () => {
    const ring = createRing(1);
    const size = ring.data.byteLength;
    const producer = new RingProducer(ring);
    const consumer = new RingConsumer(ring);
    const sent: { who: number; bytes: Uint8Array }[] = [];
    let used = 0;
    const step = fc.record({ length: fc.oneof(fc.nat(64), fc.nat(size / 8)), takes: fc.nat(4) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        for (const { length, takes } of steps) {
          const bytes = pattern(length, used);
          if (producer.push(((used % 5_000) << 4) | 3, used, used + 0.5, bytes))
            sent.push({ who: used % 5_000, bytes });
          used++;
          for (let taken = 0; taken < takes; taken++) {
            const record = consumer.take();
            const expected = sent.shift();
            expect(record?.connection).toBe(expected?.who);
            expect(record && Buffer.compare(record.bytes, expected!.bytes)).toBe(expected && 0);
            consumer.release();
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  it("takes as much as was promised whatever happened before, also right after it was empty", () => {
    const backlog = 300 * 1024;
    const largest = 64 * 1024;
    for (const before of [0, 1, 100, 4_000, 5_000, 9_000]) {
      const ring = createRing(backlog + 2 * recordBytes(largest));
      const producer = new RingProducer(ring);
      const consumer = new RingConsumer(ring);
      for (let index = 0; index < before; index++) {
        expect(producer.push(0, 0, 0, new Uint8Array(100))).toBe(true);
        consumer.take();
        consumer.release();
      }
      for (let bytes = 0; bytes + recordBytes(largest) <= backlog; bytes += recordBytes(largest)) {
        expect(producer.push(0, 0, 0, new Uint8Array(largest))).toBe(true);
      }
    }
  });

  it("refuses what has no room and is none the worse for it", () => {
    const ring = createRing(1);
    const producer = new RingProducer(ring);
    const consumer = new RingConsumer(ring);
    let pushed = 0;
    while (producer.push(pushed << 4, 0, 0, new Uint8Array(1_000))) pushed++;
    expect(pushed).toBe(Math.floor(ring.data.byteLength / recordBytes(1_000)));
    for (let index = 0; index < pushed; index++) expect(consumer.take()?.connection).toBe(index);
    expect(consumer.take()).toBeUndefined();
    consumer.release();
    expect(producer.push(7 << 4, 0, 0, new Uint8Array(1_000))).toBe(true);
    expect(consumer.take()?.connection).toBe(7);
  });
});
