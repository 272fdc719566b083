import type {
  BookSnapshot,
  Digest,
  InstrumentId,
  Level,
  MarketId,
  PriceChange,
  PriceMicros,
  SizeMicros,
  UnixMicros,
} from "#model";
import { Decoder, encodeBookUpdate, encodePriceChange } from "#venue";
import { alternate, type Bench, type BenchRow, rate } from "./measure.ts";

// Frames as the market socket hands them over: views into pooled buffers, the venue's spacing, 200 markets at random. Few
// enough to stay in the processor's caches, as a frame is that the socket has just written.

const ROUNDS = 7;
const MARKETS = 200;

/** Seeded (mulberry32), so that each run decodes the same bytes. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

interface Pair {
  readonly market: MarketId;
  readonly up: InstrumentId;
  readonly down: InstrumentId;
}

const random = chance(20_261_123);
const below = (limit: number): number => Math.floor(random() * limit);
const text = (length: number, digits: string): string =>
  Array.from({ length }, () => digits[below(digits.length)]).join("");
const hex = (length: number): string => text(length, "0123456789abcdef");
const token = (): InstrumentId => `${1 + below(9)}${text(76, "0123456789")}` as InstrumentId;
const cents = (whole: number): PriceMicros => (whole * 10_000) as PriceMicros;
const size = (): SizeMicros => (below(2) === 0 ? below(3_000) * 1_000_000 : below(300_000) * 10_000) as SizeMicros;
const pairs: readonly Pair[] = Array.from({ length: MARKETS }, () => ({
  market: `0x${hex(64)}` as MarketId,
  up: token(),
  down: token(),
}));

/** One order as the venue tells it: the level of a token, and its mirror of the complement. */
function mirroredChange(index: number): PriceChange {
  const { market, up, down } = pairs[below(MARKETS)]!;
  const bid = 2 + below(95);
  const level = 1 + below(bid);
  const shares = size();
  const digest = () => hex(40) as Digest;
  return {
    kind: "price_change",
    market,
    sentAt: (1_790_994_600_000_000 + index * 7_000) as UnixMicros,
    changes: [
      {
        instrument: up,
        side: "bid",
        price: cents(level),
        size: shares,
        digest: digest(),
        bestBid: cents(bid),
        bestAsk: cents(bid + 1),
      },
      {
        instrument: down,
        side: "ask",
        price: cents(100 - level),
        size: shares,
        digest: digest(),
        bestBid: cents(99 - bid),
        bestAsk: cents(100 - bid),
      },
    ],
  };
}

function wholeBook(index: number): BookSnapshot {
  const { market, up } = pairs[below(MARKETS)]!;
  const bid = 2 + below(95);
  const levels = (count: number, price: (step: number) => number): Level[] =>
    Array.from({ length: count }, (_, step) => ({ price: cents(price(step)), size: size() }));
  return {
    kind: "book",
    market,
    instrument: up,
    sentAt: (1_790_994_600_000_000 + index * 31_000) as UnixMicros,
    digest: hex(40) as Digest,
    bids: levels(bid, (step) => bid - step),
    asks: levels(99 - bid, (step) => bid + 1 + step),
  };
}

/** As a socket's receive buffers: many frames in one allocation, at any alignment. */
function pooled(frames: readonly Uint8Array[]): Buffer[] {
  const pools: Buffer[] = [];
  for (let from = 0; from < frames.length; from += 100) {
    const some = frames.slice(from, from + 100);
    const pool = Buffer.concat(some);
    let at = 0;
    for (const frame of some) {
      pools.push(pool.subarray(at, at + frame.length));
      at += frame.length;
    }
  }
  return pools;
}

async function against(
  frames: readonly Buffer[],
  passes: number,
): Promise<Omit<BenchRow, "name" | "promise" | "goal" | "holds">> {
  const decoder = new Decoder();
  // What was made is used, so that nothing of it can be left out.
  let made = 0;
  const figures = await alternate(
    ROUNDS,
    () =>
      rate(frames.length * passes, () => {
        for (let pass = 0; pass < passes; pass++)
          for (const frame of frames) made += decoder.decode("market", frame).length;
      }),
    () =>
      rate(frames.length * passes, () => {
        for (let pass = 0; pass < passes; pass++)
          for (const frame of frames) made += JSON.parse(frame.toString()) === null ? 0 : 1;
      }),
  );
  if (made !== (ROUNDS + 1) * 2 * passes * frames.length) throw new Error(`decoded ${made} messages`);
  const bytes = frames.reduce((sum, frame) => sum + frame.length, 0) / frames.length;
  return {
    ...figures,
    unit: "messages/s",
    notes: `${Math.round(bytes)} bytes a message on average, ${MARKETS} markets`,
  };
}

const bench: Bench = {
  name: "decode",
  async run(): Promise<readonly BenchRow[]> {
    const changes = await against(
      pooled(Array.from({ length: 4_000 }, (_, index) => encodePriceChange(mirroredChange(index)))),
      25,
    );
    const books = await against(
      pooled(Array.from({ length: 2_000 }, (_, index) => encodeBookUpdate(wholeBook(index)))),
      5,
    );
    return [
      {
        name: "decode",
        promise: "decode price_change (bytes to event) against JSON.parse of the same bytes",
        ...changes,
        goal: "ratio >= 4",
        holds: (changes.ratio ?? 0) >= 4,
      },
      {
        name: "decode-book",
        promise: "decode book (bytes to event) against JSON.parse of the same bytes",
        ...books,
        goal: "ratio >= 2",
        holds: (books.ratio ?? 0) >= 2,
      },
    ];
  },
};

export default bench;
