import { crc32 as crcOf } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Ladder } from "#book";
import type {
  ConnectionId,
  Digest,
  Frame,
  InstrumentId,
  MarketId,
  MonotonicMicros,
  PriceMicros,
  Seq,
  SizeMicros,
  UnixMicros,
  VenueEvent,
} from "#model";
import { encodePriceChange } from "#venue";
import { mirroredFrames } from "../bench/fixtures/archived.ts";
import type { Chunk, ChunkFrame, ChunkInput, ChunkMessage, MarketCheckpoint } from "../src/archive/chunk.ts";
import { encodeChunk } from "../src/archive/columns/encode-chunk.ts";
import { openChunk } from "../src/archive/columns/open-chunk.ts";
import { PlainBooks } from "../src/archive/columns/plain-books.ts";
import { instrumentsOf, receivedAtOf } from "../src/archive/columns/plain-chunk.ts";
import { FORM, Sections } from "../src/archive/columns/sections.ts";
import { packFrames } from "./fixtures/chunks.ts";
import { BOOK_TAPE, DELTA_TAPE, haveTapes, readTape } from "./fixtures/tapes.ts";

const MARKET = `0x${"ab".repeat(32)}` as MarketId;
const UP = "71321045679252212594626385532706912750332728571942532289631379312455583992563" as InstrumentId;
const DOWN = "52114319501245915516055106046884209969926127482827954674443846427813813222426" as InstrumentId;
const START = 1_776_323_404_000_000;
const NOTHING: MarketCheckpoint = { market: MARKET, lastTradePrice: undefined, instruments: [] };

function expectExact(chunk: Chunk, input: ChunkInput): void {
  expect(chunk.opening).toEqual(input.opening);
  expect(chunk.verdicts()).toEqual(input.verdicts);
  const messages = chunk.messages();
  expect(messages.length).toBe(input.messages.length);
  messages.forEach(({ seq, knownAt, bytes, events }, index) => {
    const given = input.messages[index]!;
    expect({ seq, knownAt, events }).toEqual({ seq: given.seq, knownAt: given.knownAt, events: given.events });
    expect(bytes === null ? null : Buffer.from(bytes)).toEqual(given.bytes === null ? null : Buffer.from(given.bytes));
  });
  const shown = input.frames.filter(({ message }) => input.messages[message]?.bytes !== null);
  const frames = chunk.frames();
  expect(frames.map(({ bytes: _, kind: __, ...frame }) => frame)).toEqual(
    shown.map(({ message: _, ...frame }) => frame),
  );
  expect(
    frames.every(({ bytes }, index) => Buffer.compare(bytes, input.messages[shown[index]!.message]!.bytes!) === 0),
  ).toBe(true);
}

/** The books by events alone, which know nothing of columns. */
function oracleAt(input: ChunkInput, at: number): MarketCheckpoint {
  const books = new PlainBooks(input.opening);
  const received = receivedAtOf(input.messages, input.frames);
  for (const [index, message] of input.messages.entries())
    if (message.knownAt <= at) books.apply(message, received[index]!);
  return books.checkpoint(instrumentsOf(input));
}

function scanned(chunk: Chunk, until?: number) {
  const ladders = chunk.instruments.map(() => new Ladder(10_000 as PriceMicros));
  const open = new Set<number>();
  chunk.opening.instruments.forEach(({ bids, asks }, place) => {
    open.add(place);
    ladders[place]!.replace(bids, asks);
  });
  chunk.scan(
    {
      clear(place) {
        open.add(place);
        ladders[place]!.clear();
      },
      level: (place, side, price, size) => ladders[place]!.set(side, price, size),
    },
    until as UnixMicros | undefined,
  );
  return [...open].sort().map((place) => ({
    instrument: chunk.instruments[place],
    bids: ladders[place]!.levels("bid"),
    asks: ladders[place]!.levels("ask"),
  }));
}

function expectBooks(chunk: Chunk, input: ChunkInput, at: number): void {
  const oracle = oracleAt(input, at);
  expect(chunk.stateAt(at as UnixMicros).instruments).toEqual(oracle.instruments);
  const levels = oracle.instruments.map(({ instrument, bids, asks }) => ({ instrument, bids, asks }));
  expect(scanned(chunk, at)).toEqual(levels);
}

function inputOf(messages: readonly Omit<ChunkMessage, "seq">[], opening = NOTHING): ChunkInput {
  return {
    opening,
    messages: messages.map((message, seq) => ({ ...message, seq: seq as Seq })),
    frames: messages.map(
      ({ knownAt }, seq): ChunkFrame => ({
        seq: seq as Seq,
        connection: "market-a-0" as ConnectionId,
        receivedAt: knownAt,
        monotonicAt: (knownAt - START + 77) as MonotonicMicros,
        message: seq,
      }),
    ),
    verdicts: [],
  };
}

const at = (step: number) => (START + step * 1_000) as UnixMicros;
const digest = (byte: number) => byte.toString(16).padStart(2, "0").repeat(20) as Digest;

const instrument = fc.constantFrom(UP, DOWN);
const price = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 100 }).map((cents) => (cents * 10_000) as PriceMicros) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 1_000_000 }).map((micros) => micros as PriceMicros) },
);
const size = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(0, 5_000_000, 30_000_000).map((micros) => micros as SizeMicros) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 9_000_000 }).map((cents) => (cents * 10_000) as SizeMicros) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 2 ** 50 }).map((micros) => micros as SizeMicros) },
);
const best = fc.option(price, { nil: null });
const sentAt = fc.integer({ min: 0, max: 20 }).map(at);
const change = fc.record({
  instrument,
  side: fc.constantFrom("bid" as const, "ask" as const),
  price,
  size,
  digest: fc.integer({ min: 0, max: 3 }).map(digest),
  bestBid: fc.option(best, { nil: undefined }),
  bestAsk: fc.option(best, { nil: undefined }),
});
const levels = (ascending: boolean) =>
  fc
    .uniqueArray(fc.record({ price, size: size.filter((micros) => micros > 0) }), {
      selector: (level) => level.price,
      maxLength: 8,
    })
    .map((made) => made.sort((a, b) => (ascending ? a.price - b.price : b.price - a.price)));
const event: fc.Arbitrary<VenueEvent> = fc.oneof(
  fc.record({
    kind: fc.constant("price_change" as const),
    market: fc.constant(MARKET),
    sentAt,
    changes: fc.array(change, { maxLength: 5 }),
  }),
  fc.record(
    {
      kind: fc.constant("book" as const),
      market: fc.constant(MARKET),
      instrument,
      sentAt,
      digest: fc.integer({ min: 0, max: 3 }).map(digest),
      bids: levels(false),
      asks: levels(true),
      tickSize: fc.constantFrom(10_000, 1_000).map((micros) => micros as PriceMicros),
      lastTradePrice: best,
    },
    { requiredKeys: ["kind", "market", "instrument", "sentAt", "digest", "bids", "asks"] },
  ) as fc.Arbitrary<VenueEvent>,
  fc.record({
    kind: fc.constant("trade" as const),
    market: fc.constant(MARKET),
    instrument,
    sentAt,
    price,
    size: fc.option(size, { nil: null }),
    takerSide: fc.constantFrom("buy" as const, "sell" as const, null),
    transaction: fc.constantFrom(null, "", `0x${"cd".repeat(32)}`),
  }),
  fc.record({
    kind: fc.constant("best_prices" as const),
    market: fc.constant(MARKET),
    instrument,
    sentAt,
    bestBid: best,
    bestAsk: best,
  }),
  fc.record({ kind: fc.constant("unknown" as const), type: fc.string() }),
);
/** fast-check's records have no prototype, and a strict comparison sees that. */
const plainEvent = event.map((made) => {
  const changes = made.kind === "price_change" ? { changes: made.changes.map((one) => ({ ...one })) } : {};
  return { ...made, ...changes };
});
const chunkInput: fc.Arbitrary<ChunkInput> = fc
  .array(
    fc.record({
      step: fc.integer({ min: 0, max: 3 }),
      bytes: fc.option(fc.uint8Array({ maxLength: 12 }), { nil: null }),
      events: fc.array(plainEvent, { maxLength: 2 }),
    }),
    { maxLength: 25 },
  )
  .map((rows) => {
    let step = 0;
    return inputOf(
      rows.map(({ step: more, bytes, events }) => {
        step += more;
        return { knownAt: at(step), bytes, events };
      }),
    );
  });

describe("a chunk", () => {
  it("gives back anything that went in, and the books at any moment", () => {
    fc.assert(
      fc.property(chunkInput, fc.integer({ min: -1, max: 80 }), (input, step) => {
        const { bytes, closing } = encodeChunk(input);
        const chunk = openChunk(bytes);
        expect(new Sections(bytes).form).toBe(FORM.columns);
        expectExact(chunk, input);
        expectBooks(chunk, input, at(step));
        expect(closing.instruments).toEqual(oracleAt(input, Number.MAX_SAFE_INTEGER).instruments);
      }),
      { numRuns: 100 },
    );
  });

  it("goes on where the one before it closed", () => {
    fc.assert(
      fc.property(chunkInput, chunkInput, (first, second) => {
        const { closing } = encodeChunk(first);
        const input = { ...second, opening: closing };
        expectExact(openChunk(encodeChunk(input).bytes), input);
      }),
      { numRuns: 30 },
    );
  });

  it("takes two connections that show the same message, late, again and out of step", () => {
    const frames = mirroredFrames(300);
    const [packed] = packFrames(frames, 300);
    const input = packed!.input;
    const twice = input.frames.flatMap((frame, index): ChunkFrame[] => {
      const other = {
        ...frame,
        connection: "market-b-0" as ConnectionId,
        receivedAt: (frame.receivedAt + 900) as UnixMicros,
      };
      return index % 7 === 3 ? [frame] : index % 11 === 5 ? [other, frame, other] : [frame, other];
    });
    const numbered = twice.map((frame, seq) => ({ ...frame, seq: (seq * 3 + 5) as Seq }));
    const messages = input.messages.map((message, index) => ({
      ...message,
      seq: numbered.find((frame) => frame.message === index)!.seq,
    }));
    const both = { ...input, messages, frames: numbered };
    const { bytes } = encodeChunk(both);
    expectExact(openChunk(bytes), both);
    expect(new Sections(bytes).form).toBe(FORM.columns);
  });

  it("keeps a stale message's bytes, and gives back only the events that the books took", () => {
    const changes = [UP, DOWN].map((one) => ({
      instrument: one,
      side: "bid" as const,
      price: 480_000 as PriceMicros,
      size: 5_000_000 as SizeMicros,
      digest: digest(1),
      bestBid: null,
      bestAsk: null,
    }));
    const whole = { kind: "price_change" as const, market: MARKET, sentAt: at(1), changes };
    const fresh = { ...whole, changes: changes.slice(1) };
    const input = inputOf([
      { knownAt: at(1), bytes: encodePriceChange(whole), events: [fresh] },
      { knownAt: at(2), bytes: encodePriceChange(whole), events: [] },
    ]);
    const encoded = encodeChunk(input);
    expectExact(openChunk(encoded.bytes), input);
    expect(encoded.rawMessages).toBe(2);
  });

  it("stores plainly what columns cannot hold", () => {
    const twice = [
      { price: 500_000 as PriceMicros, size: 1 as SizeMicros },
      { price: 500_000 as PriceMicros, size: 2 as SizeMicros },
    ];
    const input = inputOf([
      {
        knownAt: at(1),
        bytes: Buffer.from("{}"),
        events: [
          { kind: "book", market: MARKET, instrument: UP, sentAt: at(1), digest: digest(1), bids: twice, asks: [] },
        ],
      },
    ]);
    const { bytes, rawMessages } = encodeChunk(input);
    expect(new Sections(bytes).form).toBe(FORM.plain);
    expect(rawMessages).toBe(1);
    expectExact(openChunk(bytes), input);
    expectBooks(openChunk(bytes), input, at(2));
  });
});

describe("a damaged chunk", () => {
  const [packed] = packFrames(mirroredFrames(200), 200);
  const sound = packed!.encoded.bytes;
  const readAll = (bytes: Uint8Array): void => {
    const chunk = openChunk(bytes);
    chunk.frames();
    chunk.verdicts();
    chunk.stateAt(Number.MAX_SAFE_INTEGER as UnixMicros);
    scanned(chunk);
  };

  it("is told wherever it is cut or flipped", () => {
    for (let length = 0; length < sound.length; length += 1 + (length >> 5))
      expect(() => readAll(sound.subarray(0, length))).toThrow(RangeError);
    for (let index = 0; index < sound.length; index += 1 + (index >> 5)) {
      const flipped = Uint8Array.from(sound);
      flipped[index]! ^= 1 << (index % 8);
      expect(() => readAll(flipped)).toThrow(RangeError);
    }
  });

  it("gives an error or something, never a hang, when even the checksum was made to fit", () => {
    const flip = fc.tuple(fc.nat(sound.length - 5), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(fc.array(flip, { minLength: 1, maxLength: 4 }), (flips) => {
        const made = Buffer.from(sound);
        for (const [index, mask] of flips) made[index]! ^= mask;
        made.writeUInt32LE(crcOf(made.subarray(0, -4)), made.length - 4);
        try {
          readAll(made);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
      { numRuns: 400 },
    );
  });

  it("of another version is told as such", () => {
    const other = Uint8Array.from(sound);
    other[0] = 9;
    expect(() => openChunk(other)).toThrow("this chunk is of version 9, and this program reads version 1");
  });
});

describe.skipIf(!haveTapes)("recorded frames", () => {
  const share = (file: string, count: number): Frame[] => readTape(file).slice(0, count);

  it.each([
    ["deltas", DELTA_TAPE],
    ["whole books, whose last trades no frame tells", BOOK_TAPE],
  ])("come back byte for byte, no digest stored: %s", (_, file) => {
    for (const { input, encoded } of packFrames(share(file, 2_500), 700)) {
      const chunk = openChunk(encoded.bytes);
      expectExact(chunk, input);
      for (const place of [0, 99, 350, 699]) {
        const message = input.messages[place];
        if (message) expectBooks(chunk, input, message.knownAt);
      }
      expect(chunk.stateAt(input.messages.at(-1)!.knownAt)).toEqual(encoded.closing);
      expect({ raw: encoded.rawMessages, digests: encoded.rawDigests }).toEqual({ raw: 0, digests: 0 });
    }
  });
});
