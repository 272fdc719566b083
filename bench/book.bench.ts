import { OrderBook } from "tardis-dev";
import { Ladder } from "#book";
import type { Level, PriceMicros, Side, SizeMicros } from "#model";
import { ONE } from "#model";
import { alternate, type Bench, rate } from "./measure.ts";

/*
 * Level changes as the recorded BTC windows have them: half within 7 cents of the best, a few far away, one in six
 * removes its level, and the mid walks so that the best has to be found again. Same seed, same changes.
 */

const CENT = 10_000;
const UPDATES = 200_000;
const ROUNDS = 7;
/** Distance of a changed level from its best in cents: the quantiles of the recording, drawn uniformly. */
const DISTANCES = [0, 0, 0, 1, 2, 2, 4, 5, 7, 7, 9, 12, 16, 20, 30, 56] as const;

interface Update {
  readonly side: Side;
  readonly price: PriceMicros;
  readonly size: SizeMicros;
}

function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 0x1_0000_0000) * below);
  };
}

function openingBook(): { bids: Level[]; asks: Level[] } {
  const level = (cents: number) => ({ price: (cents * CENT) as PriceMicros, size: (300 * ONE) as SizeMicros });
  const cents = (from: number) => Array.from({ length: 20 }, (_, index) => from + index);
  return { bids: cents(30).map(level), asks: cents(51).map(level) };
}

function updates(): Update[] {
  const draw = seeded(20_260_416);
  const made: Update[] = [];
  // The boundary: bids stand below it, asks from it on, so that the book never crosses.
  let boundary = 51;
  while (made.length < UPDATES) {
    if (draw(100) < 16) {
      const to = Math.min(90, Math.max(10, boundary + (draw(2) === 0 ? 1 : -1)));
      // The level that changes owner leaves one side before it appears on the other.
      const left = { side: to > boundary ? "ask" : "bid", cents: Math.min(to, boundary) } as const;
      made.push({ side: left.side, price: (left.cents * CENT) as PriceMicros, size: 0 as SizeMicros });
      boundary = to;
    }
    const side = draw(2) === 0 ? "bid" : "ask";
    const distance = DISTANCES[draw(DISTANCES.length)]!;
    const cents = side === "bid" ? boundary - 1 - distance : boundary + distance;
    if (cents < 1 || cents > 99) continue;
    const size = draw(6) === 0 ? 0 : draw(500 * ONE) + 1;
    made.push({ side, price: (cents * CENT) as PriceMicros, size: size as SizeMicros });
  }
  return made;
}

const bench: Bench = {
  name: "book",
  async run() {
    const opening = openingBook();
    const stream = updates();
    const sink = { ours: 0, theirs: 0 };

    const ladder = new Ladder(CENT as PriceMicros);
    const ours = () => {
      ladder.replace(opening.bids, opening.asks);
      return rate(stream.length, () => {
        let sum = 0;
        for (const { side, price, size } of stream) {
          ladder.set(side, price, size);
          sum += (ladder.bestBid() ?? 0) + (ladder.bestAsk() ?? 0);
        }
        sink.ours = sum;
      });
    };

    const own = (level: { price: number; size: number }) => ({ price: level.price / ONE, amount: level.size / ONE });
    const message = (bids: { price: number; amount: number }[], asks: typeof bids, isSnapshot: boolean) => ({
      type: "book_change" as const,
      symbol: "up",
      exchange: "deribit" as const,
      isSnapshot,
      bids,
      asks,
      timestamp: new Date(0),
      localTimestamp: new Date(0),
    });
    const snapshot = message(opening.bids.map(own), opening.asks.map(own), true);
    const changes = stream.map((update) =>
      update.side === "bid" ? message([own(update)], [], false) : message([], [own(update)], false),
    );
    const book = new OrderBook();
    const theirs = () => {
      book.update(snapshot);
      return rate(changes.length, () => {
        let sum = 0;
        for (const change of changes) {
          book.update(change);
          sum += (book.bestBid()?.price ?? 0) + (book.bestAsk()?.price ?? 0);
        }
        sink.theirs = sum;
      });
    };

    const result = await alternate(ROUNDS, ours, theirs);
    // The same best prices throughout, or the comparison means nothing.
    if (Math.abs(sink.ours / ONE - sink.theirs) > 1) throw new Error("the two books disagree on the best prices");
    return [
      {
        name: "book",
        promise: "level updates with the best prices read each time",
        ...result,
        unit: "updates/s",
        goal: "ratio >= 15",
        holds: result.ratio >= 15,
        notes: "baseline: tardis-dev OrderBook; one book of 20 + 20 levels",
      },
    ];
  },
};

export default bench;
