import { hash } from "node:crypto";
import { bookDigest, type DigestFields, Ladder, snapshotDigest } from "#book";
import type { InstrumentId, Level, MarketId, PriceMicros, SizeMicros, UnixMicros } from "#model";
import { formatFixed, formatMicros, ONE } from "#model";
import { alternate, type Bench, rate } from "./measure.ts";

/*
 * A book of 20 + 20 levels as the BTC windows have them, its digest taken after each change of one level, the changes at
 * the recorded distances from the best price. The baseline hashes the finished bytes of that book: what no digest can beat.
 */

const CENT = 10_000;
const DIGESTS = 50_000;
const ROUNDS = 15;
/** Levels behind the best at which changes happen: the quantiles of the recording, drawn in turn. */
const DISTANCES = [0, 2, 0, 7, 1, 0, 16, 2, 4, 5, 9, 0, 12, 7, 2, 19] as const;
const SIZES = 1_009;

const fields: DigestFields = {
  market: "0xd967d7d5a0b33a1526e5f2239568e58de8c924a14fe3b69a1c50aff38cb0d4e0" as MarketId,
  instrument: "28718769439282091652995010258948804660150865727547676008909086622855303551587" as InstrumentId,
  sentAt: 1_777_325_080_783_000 as UnixMicros,
  minOrderSize: (5 * ONE) as SizeMicros,
  tickSize: CENT as PriceMicros,
  negRisk: false,
  lastTradePrice: 480_000 as PriceMicros,
};

/** Sizes as recorded: most with two decimals, some whole, a few with six. */
const sizes = Array.from({ length: SIZES }, (_, index) => {
  const shares = (index * 7_919) % 1_500;
  const fraction = index % 5 === 0 ? 0 : index % 11 === 0 ? (index * 104_729) % ONE : ((index * 31) % 100) * CENT;
  return (shares * ONE + fraction + CENT) as SizeMicros;
});

function levelsFrom(cents: number, direction: 1 | -1): Level[] {
  return Array.from({ length: 20 }, (_, index) => ({
    price: ((cents + direction * index) * CENT) as PriceMicros,
    size: sizes[index * 13] as SizeMicros,
  }));
}

/** The preimage, written the plain way. */
function preimage(ladder: Ladder): Uint8Array {
  const side = (of: "bid" | "ask") =>
    ladder
      .levels(of)
      .toReversed()
      .map(({ price, size }) => ({ price: formatMicros(price), size: formatMicros(size) }));
  const book = {
    market: fields.market,
    asset_id: fields.instrument,
    timestamp: String(fields.sentAt / 1_000),
    hash: "",
    bids: side("bid"),
    asks: side("ask"),
    min_order_size: "5",
    tick_size: "0.01",
    neg_risk: false,
    last_trade_price: formatFixed(480_000, 3),
  };
  return Buffer.from(JSON.stringify(book));
}

const bench: Bench = {
  name: "digest",
  async run() {
    const ladder = new Ladder(fields.tickSize);
    ladder.replace(levelsFrom(48, -1), levelsFrom(49, 1));
    const bytes = preimage(ladder);
    const expected = hash("sha1", bytes);
    const bids = ladder.levels("bid");
    const asks = ladder.levels("ask");
    if (bookDigest(ladder, fields) !== expected || snapshotDigest(bids, asks, fields) !== expected) {
      throw new Error("the digests differ");
    }
    const changes = Array.from({ length: DIGESTS }, (_, index) => {
      const distance = DISTANCES[index % DISTANCES.length] as number;
      const isBid = (index >>> 4) % 2 === 0;
      const cents = isBid ? 48 - distance : 49 + distance;
      const price = (cents * CENT) as PriceMicros;
      return { side: isBid ? "bid" : "ask", price, size: sizes[index % SIZES] as SizeMicros } as const;
    });
    const ours = () =>
      rate(DIGESTS, () => {
        for (const { side, price, size } of changes) {
          ladder.set(side, price, size);
          bookDigest(ladder, fields);
        }
      });
    const theirs = () =>
      rate(DIGESTS, () => {
        for (let index = 0; index < DIGESTS; index++) hash("sha1", bytes);
      });
    const result = await alternate(ROUNDS, ours, theirs);
    return [
      {
        name: "digest",
        promise: "digest of a 40-level book, one level changed before each",
        ...result,
        unit: "digests/s",
        goal: "ratio >= 0.5",
        holds: result.ratio >= 0.5,
        notes: `baseline: SHA-1 of the ready ${bytes.length} bytes`,
      },
    ];
  },
};

export default bench;
