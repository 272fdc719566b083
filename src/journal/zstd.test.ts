import { zstdDecompressSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compressOnce, createCompressor } from "./zstd.ts";

describe("a kept compressor", () => {
  it("is what this Node gives, and not the one-shot call", () => {
    expect(createCompressor()).not.toBe(compressOnce);
  });

  it("gives a whole frame of its own for each call, whatever came before", () => {
    const compress = createCompressor();
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 3_000 }),
      fc.tuple(fc.string(), fc.nat(4_000)).map(([text, times]) => Buffer.from(text.repeat(times).slice(0, 300_000))),
    );
    fc.assert(
      fc.property(bytes, (raw) => {
        const packed = compress(raw);
        if (packed) expect(zstdDecompressSync(packed).equals(raw)).toBe(true);
        else expect(compressOnce(raw)).toBeUndefined();
      }),
    );
  });

  it("says the length of what is inside, as the one-shot call does", () => {
    const raw = Buffer.from("frame ".repeat(500));
    expect(createCompressor()(raw)?.length).toBeLessThanOrEqual(compressOnce(raw)!.length + 4);
  });

  it("gives way to the one-shot call where the handle is not what is expected", () => {
    const left = new Uint32Array(2);
    expect(createCompressor(undefined)).toBeTypeOf("function");
    expect(createCompressor({ left, handle: { writeSync: () => undefined } })).toBe(compressOnce);
    const refuses = () => {
      throw new TypeError("other arguments");
    };
    expect(createCompressor({ left, handle: { writeSync: refuses } })).toBe(compressOnce);
  });
});
