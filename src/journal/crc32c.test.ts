import { describe, expect, it } from "vitest";
import { crc32c } from "./crc32c.ts";

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("crc32c", () => {
  // RFC 3720 appendix B.4, and the usual check value of the polynomial.
  it.each([
    ["check value", ascii("123456789"), 0xe3069283],
    ["32 zeros", new Uint8Array(32), 0x8a9136aa],
    ["32 bytes of ones", new Uint8Array(32).fill(0xff), 0x62a8ab43],
    ["32 rising bytes", Uint8Array.from({ length: 32 }, (_, index) => index), 0x46dd794e],
    ["32 falling bytes", Uint8Array.from({ length: 32 }, (_, index) => 31 - index), 0x113fdb5c],
    ["nothing", new Uint8Array(0), 0],
    ["one letter", ascii("a"), 0xc1d04330],
  ])("is the published one for %s", (_name, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected);
  });

  it("can be continued, and can begin anywhere", () => {
    const bytes = Uint8Array.from({ length: 1_000 }, (_, index) => (index * 37) & 0xff);
    for (const at of [0, 1, 7, 8, 9, 500, 999, 1_000]) {
      expect(crc32c(bytes, at, 1_000, crc32c(bytes, 0, at))).toBe(crc32c(bytes));
    }
  });
});
