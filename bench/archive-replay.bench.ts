import { normalizeBookChanges, OrderBook, replayNormalized } from "tardis-dev";
import { Ladder } from "#book";
import { formatMicros, type InstrumentId, ONE, type PriceMicros } from "#model";
import { openChunk } from "../src/archive/columns/open-chunk.ts";
import { type PackedChunk, packFrames } from "../test/fixtures/chunks.ts";
import { mirroredFrames } from "./fixtures/archived.ts";
import { TARDIS_MINUTE, tardisCache } from "./fixtures/tardis-cache.ts";
import { alternate, type Bench } from "./measure.ts";

/*
 * Both sides: packed bytes in, a book for each instrument, best bid and ask read after every level change. Ours are chunks
 * in memory; theirs a gzip file in the page cache, one change a message in Coinbase's form, because no mapper of theirs
 * reads Polymarket and that is the cheapest of their book forms to read.
 */

const MESSAGES = 60_000;
const LENGTH = 2_048;
const ROUNDS = 5;
const TICK = 10_000 as PriceMicros;

interface Sum {
  changes: number;
  /** Of best bids and asks in micros after each change: equal, or the two did not do the same. */
  best: number;
}

function ours(chunks: readonly PackedChunk[]): Sum {
  const sum = { changes: 0, best: 0 };
  const books = new Map<InstrumentId, Ladder>();
  for (const { encoded } of chunks) {
    const chunk = openChunk(encoded.bytes);
    const ladders = chunk.instruments.map((instrument) => {
      const ladder = books.get(instrument) ?? new Ladder(TICK);
      books.set(instrument, ladder);
      return ladder;
    });
    chunk.scan({
      clear: (place) => ladders[place]?.clear(),
      level(place, side, price, size) {
        const ladder = ladders[place] as Ladder;
        ladder.set(side, price, size);
        sum.changes++;
        sum.best += (ladder.bestBid() ?? 0) + (ladder.bestAsk() ?? 0);
      },
    });
  }
  return sum;
}

async function theirs(): Promise<Sum> {
  const sum = { changes: 0, best: 0 };
  const books = new Map<string, OrderBook>();
  const messages = replayNormalized({ exchange: "coinbase", ...TARDIS_MINUTE }, normalizeBookChanges);
  for await (const message of messages) {
    if (message.type !== "book_change") continue;
    let book = books.get(message.symbol);
    if (book === undefined) {
      book = new OrderBook();
      books.set(message.symbol, book);
    }
    book.update(message);
    sum.changes++;
    sum.best += Math.round(((book.bestBid()?.price ?? 0) + (book.bestAsk()?.price ?? 0)) * ONE);
  }
  return sum;
}

/** The same level changes in the same order. */
function coinbaseForm(chunks: readonly PackedChunk[]): string[] {
  const time = "2026-11-22T18:00:30.123456Z";
  const lines: string[] = [];
  for (const { encoded } of chunks) {
    const { instruments, scan } = openChunk(encoded.bytes);
    scan({
      clear(place) {
        lines.push(JSON.stringify({ type: "snapshot", product_id: instruments[place], bids: [], asks: [] }));
      },
      level(place, side, price, size) {
        const change = [side === "bid" ? "buy" : "sell", formatMicros(price), formatMicros(size)];
        lines.push(JSON.stringify({ type: "l2update", product_id: instruments[place], time, changes: [change] }));
      },
    });
  }
  return lines;
}

async function perSecond(replay: () => Sum | Promise<Sum>, check: (sum: Sum) => void): Promise<number> {
  const start = performance.now();
  const sum = await replay();
  const rate = (sum.changes * 1_000) / (performance.now() - start);
  check(sum);
  return rate;
}

const bench: Bench = {
  name: "archive-replay",
  soak: true,
  async run() {
    const chunks = packFrames(mirroredFrames(MESSAGES), LENGTH);
    const removeCache = tardisCache("coinbase", ["snapshot", "l2update"], coinbaseForm(chunks));
    const sums: { ours?: Sum; theirs?: Sum } = {};
    const result = await alternate(
      ROUNDS,
      () =>
        perSecond(
          () => ours(chunks),
          (sum) => (sums.ours = sum),
        ),
      () => perSecond(theirs, (sum) => (sums.theirs = sum)),
    );
    removeCache();
    if (sums.ours === undefined || sums.ours.best !== sums.theirs?.best)
      throw new Error(`the best prices disagree: ${JSON.stringify(sums)}`);
    return [
      {
        name: "archive-replay",
        promise: "chunks to books with the best prices read after each level change, one core",
        ...result,
        unit: "changes/s",
        goal: "ratio >= 100",
        holds: result.ratio >= 100,
        notes: `${sums.ours.changes} changes of a synthetic mirrored stream; baseline: tardis-dev replayNormalized -> OrderBook, one change a message`,
      },
    ];
  },
};

export default bench;
