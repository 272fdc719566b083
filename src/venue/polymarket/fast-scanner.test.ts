import { createReadStream, existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createGunzip } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Decoder, decodeSlowly } from "./decoder.ts";
import { FastScanner } from "./fast-scanner.ts";

/*
 * The byte scanner must give what JSON.parse gives, or give way to it. One decoder lives through all runs, so that what
 * an earlier frame left in its slab and its table of ids could betray a later one.
 */

const decoder = new Decoder();
const scanner = new FastScanner();

function expectSame(frame: Uint8Array): void {
  expect(decoder.decode("market", frame)).toStrictEqual(decodeSlowly("market", frame));
}

const digits = (length: number) => fc.stringMatching(new RegExp(`^[1-9][0-9]{${length - 1}}$`));
const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`));
// Few ids in many frames, as on a real socket: most are found, not added.
const TOKENS = fc.sample(fc.oneof(digits(77), digits(78), digits(76)), { seed: 1, numRuns: 12 });
const MARKETS = fc.sample(hex(64), { seed: 2, numRuns: 5 }).map((id) => `0x${id}`);
const token = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(...TOKENS) },
  { weight: 1, arbitrary: fc.oneof(digits(77), fc.constantFrom("1", "1111", "9".repeat(80))) },
);
const market = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(...MARKETS) },
  { weight: 1, arbitrary: fc.string({ maxLength: 70 }) },
);

const plainPrice = fc.integer({ min: 0, max: 1_000 }).map((tenths) => String(tenths / 1_000));
const price = fc.oneof(
  { weight: 8, arbitrary: plainPrice },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      "0.2700000",
      "1.01",
      ".48",
      "5.",
      "",
      "0",
      "1",
      "1.0",
      "-0.5",
      "1e-2",
      "0.1234567",
      "abc",
      "0.2\u0037",
    ),
  },
);
const size = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 2 ** 31 - 1 }).map((cents) => String(cents / 100)) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      "0",
      "219.217767",
      "1219.217767",
      "112689",
      "99999999999",
      "9007199254.740992",
      "0.0000001",
      "1,5",
      "",
      "٣",
    ),
  },
);
const digest = fc.oneof(
  { weight: 9, arbitrary: hex(40) },
  { weight: 1, arbitrary: fc.oneof(fc.constant(""), hex(8), fc.string({ minLength: 40, maxLength: 40 })) },
);
const time = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: 1_700_000_000_000, max: 1_900_000_000_000 }).map(String) },
  { weight: 1, arbitrary: fc.constantFrom("0", "", "123456789", "99999999999999", "17e12") },
);
const best = fc.oneof(price, fc.constantFrom("", "0", "1"));

/** Members in the venue's order, which some runs shuffle. */
function members(entries: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Record<string, unknown>> {
  const keys = Object.keys(entries);
  return fc
    .record({
      values: fc.record(entries),
      order: fc.oneof(
        { weight: 8, arbitrary: fc.constant(keys) },
        { weight: 1, arbitrary: fc.shuffledSubarray(keys, { minLength: keys.length }) },
        { weight: 1, arbitrary: fc.subarray(keys) },
      ),
    })
    .map(({ values, order }) => Object.fromEntries(order.map((key) => [key, values[key]])));
}

const change = members({
  asset_id: token,
  price,
  size,
  side: fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom("BUY", "SELL") },
    { weight: 1, arbitrary: fc.constantFrom("buy", "", "BUYS") },
  ),
  hash: digest,
  best_bid: best,
  best_ask: best,
});
const priceChange = members({
  market,
  price_changes: fc.array(change, { maxLength: 4 }),
  timestamp: time,
  event_type: fc.constant("price_change"),
});
const levels = fc.array(members({ price, size }), { maxLength: 12 });
const sortedLevels = fc
  .uniqueArray(fc.integer({ min: 1, max: 99 }), { maxLength: 20 })
  .chain((cents) =>
    fc.tuple(
      ...cents.sort((a, b) => a - b).map((cent) => size.map((shares) => ({ price: String(cent / 100), size: shares }))),
    ),
  );
const book = members({
  market,
  asset_id: token,
  bids: fc.oneof(levels, sortedLevels),
  asks: fc.oneof(
    levels,
    sortedLevels.map((ascending) => [...ascending].reverse()),
  ),
  hash: digest,
  timestamp: time,
  event_type: fc.constant("book"),
});
const message = fc.oneof(priceChange, book);
const spacing = fc.record({
  comma: fc.constantFrom(",", ", "),
  colon: fc.constantFrom(":", ": "),
  end: fc.constantFrom("", "\n"),
});

function write(value: unknown, comma: string, colon: string): string {
  if (Array.isArray(value)) return `[${value.map((each) => write(each, comma, colon)).join(comma)}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const inner = Object.entries(value).map(([key, member]) => JSON.stringify(key) + colon + write(member, comma, colon));
  return `{${inner.join(comma)}}`;
}

const frame = fc
  .record({ message, spacing })
  .map(({ message, spacing }) => Buffer.from(write(message, spacing.comma, spacing.colon) + spacing.end));

const damage = fc.oneof(
  fc.record({ kind: fc.constant("set"), at: fc.nat(), byte: fc.nat(255) }),
  fc.record({
    kind: fc.constant("insert"),
    at: fc.nat(),
    byte: fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from(' ,:"{}[]\\0.9'))),
  }),
  fc.record({ kind: fc.constant("remove"), at: fc.nat(), byte: fc.constant(0) }),
  fc.record({ kind: fc.constant("cut"), at: fc.nat(), byte: fc.constant(0) }),
);

function damaged(bytes: Buffer, { kind, at, byte }: { kind: string; at: number; byte: number }): Buffer {
  const place = at % (bytes.length + 1);
  const [before, behind] = [bytes.subarray(0, place), bytes.subarray(place)];
  switch (kind) {
    case "set":
      return Buffer.concat([before, Buffer.of(byte), behind.subarray(1)]);
    case "insert":
      return Buffer.concat([before, Buffer.of(byte), behind]);
    case "remove":
      return Buffer.concat([before, behind.subarray(1)]);
    default:
      return before;
  }
}

const soundChange =
  '{"market":"0x5f65177b394277fd294cd75650044e32ba009a95022d88a0c1d565897d72f8f1", "price_changes":[{"asset_id":"71321045679252212594626385532706912750332728571942532289631379312455583992563", "price":"0.5", "size":"200", "side":"BUY", "hash":"56621a121a47ed9333273e21c83b660cff37ae50", "best_bid":"0.5", "best_ask":"1"}, {"asset_id":"52114319501245915516055106046884209969926127482827954674443846427813813222426", "price":"0.5", "size":"200", "side":"SELL", "hash":"1895759e4df7a796bf4f1c5a5950b748306923e2", "best_bid":"0", "best_ask":"0.5"}], "timestamp":"1757908892351", "event_type":"price_change"}';
const soundBook =
  '{"market":"0x5f65177b394277fd294cd75650044e32ba009a95022d88a0c1d565897d72f8f1", "asset_id":"71321045679252212594626385532706912750332728571942532289631379312455583992563", "bids":[{"price":"0.01", "size":"112689"}, {"price":"0.02", "size":"133687.5"}], "asks":[{"price":"0.99", "size":"37677.02"}], "hash":"9e4f2ff8ba2be56177e8bdc8623dfaba4d18f5c8", "timestamp":"1790908667676", "event_type":"book"}';

describe("the byte scanner", () => {
  it("gives what JSON.parse gives, in any spacing and order of keys", () => {
    fc.assert(fc.property(frame, expectSame), { numRuns: 2_000 });
  });

  it("gives what JSON.parse gives for damaged frames", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(soundChange, soundBook),
        fc.array(damage, { minLength: 1, maxLength: 3 }),
        (text, hits) => {
          expectSame(hits.reduce(damaged, Buffer.from(text)));
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it.each([soundChange, soundBook])(
    "gives what JSON.parse gives for a frame cut, or changed by a bit, at every byte: %s",
    (text) => {
      const whole = Buffer.from(text);
      for (let at = 0; at < whole.length; at++) {
        expectSame(whole);
        expectSame(whole.subarray(0, at));
        for (const bit of [0, 1 + (at % 7)]) {
          const flipped = Buffer.from(whole);
          flipped[at]! ^= 1 << bit;
          expectSame(flipped);
        }
      }
    },
  );

  it.each([
    ["compact", ",", ":"],
    ["a space after colons", ",", ": "],
    ["a space after commas", ", ", ":"],
    ["a space after both", ", ", ": "],
  ])("takes sound frames without JSON.parse: %s", (_name, comma, colon) => {
    for (const text of [soundChange, soundBook]) {
      const bytes = Buffer.from(write(JSON.parse(text), comma, colon));
      expect([scanner.scan(bytes)]).toStrictEqual(decodeSlowly("market", bytes));
    }
  });

  it("makes the same string of equal ids, and reads frames that are views into larger buffers", () => {
    const pool = Buffer.from(`xx${soundChange}yy${soundChange}zz`);
    const first = scanner.scan(pool.subarray(2, 2 + soundChange.length));
    const second = scanner.scan(
      new Uint8Array(pool.buffer, pool.byteOffset + 4 + soundChange.length, soundChange.length),
    );
    expect(first).toStrictEqual(second);
    expect(first?.market).toBe("0x5f65177b394277fd294cd75650044e32ba009a95022d88a0c1d565897d72f8f1");
  });

  it("grows for frames of any length", () => {
    const level = (cent: number) => ({ price: String(cent / 10_000), size: "1234567.891" });
    const wide = { ...JSON.parse(soundBook), bids: Array.from({ length: 9_999 }, (_, index) => level(index + 1)) };
    const bytes = Buffer.from(write(wide, ", ", ":"));
    expect(bytes.length).toBeGreaterThan(300_000);
    expect([scanner.scan(bytes)]).toStrictEqual(decodeSlowly("market", bytes));
  });
});

const DATA = join(import.meta.dirname, "../../../../shared/data");
const TAPES = ["book-frames", "price-change-derived"].map((kind) =>
  join(DATA, `btc-updown-5m-2026-04-16.${kind}.ndjson.gz`),
);

describe.each(TAPES)("the recorded tape %s", (tape) => {
  it.skipIf(!existsSync(tape))("decodes without a fault, and every 50th frame as JSON.parse has it", async () => {
    const lines = createInterface({ input: createReadStream(tape).pipe(createGunzip()) });
    let frames = 0;
    for await (const line of lines) {
      const bytes = Buffer.from((JSON.parse(line) as { frame: string }).frame);
      const events = decoder.decode("market", bytes);
      expect(
        events.every((event) => event.kind !== "fault" && event.kind !== "unknown" && event.kind !== "notice"),
      ).toBe(true);
      if (frames++ % 50 === 0) expect(events).toStrictEqual(decodeSlowly("market", bytes));
    }
    expect(frames).toBeGreaterThan(37_000);
  });
});
