import { readdirSync } from "node:fs";
import { dirname } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ConnectionId } from "#model";
import { Decoder } from "#venue";
import { collect, inWords, temporaryFile, temporaryFolder } from "../fixtures/files.ts";
import { PMXT_SCHEMA, type PmxtFixtureRow, pmxtFile } from "../fixtures/pmxt-file.ts";
import { openParquet } from "./guarded-parquet.ts";
import { readPmxt } from "./pmxt.ts";
import { BoundedSort } from "./time-sort.ts";

const MARKET = `0x${"ab".repeat(32)}`;
const [YES, NO] = ["1".repeat(70), "2".repeat(70)];
const AT = 1_776_000_000_000;

const book = (asset_id: string, at: number, bids: [string, string][], asks: [string, string][]): PmxtFixtureRow => ({
  timestamp_received: AT + at,
  timestamp: AT + at - 20,
  market: MARKET,
  event_type: "book",
  asset_id,
  bids: JSON.stringify(bids),
  asks: JSON.stringify(asks),
});
const change = (asset_id: string, at: number, side: "BUY" | "SELL", price: number, size: number): PmxtFixtureRow => ({
  timestamp_received: AT + at,
  timestamp: AT + at - 20,
  market: MARKET,
  event_type: "price_change",
  asset_id,
  price,
  size,
  side,
  best_bid: 0.48,
  best_ask: 1,
});

interface ReadOptions {
  readonly assets?: ReadonlySet<string>;
  readonly markets?: ReadonlySet<string>;
  readonly atOnce?: number;
  readonly workFolder?: string;
}

function read(path: string, { assets, markets, atOnce, workFolder }: ReadOptions = {}) {
  return readPmxt(path, {
    connection: "pmxt" as ConnectionId,
    workFolder: workFolder ?? dirname(path),
    assets: assets ?? null,
    markets: markets ?? null,
    ...(atOnce === undefined ? {} : { atOnce }),
  });
}

const ROWS: readonly PmxtFixtureRow[] = [
  book(
    YES,
    0,
    [
      ["0.47", "10"],
      ["0.48", "219.217767"],
    ],
    [
      ["0.52", "30"],
      ["0.5", "7"],
    ],
  ),
  book(NO, 1, [], [["0.999", "1"]]),
  change(YES, 10, "BUY", 0.47, 0),
  change(NO, 10, "SELL", 0.53, 12.5),
  change(YES, 11, "SELL", 0.4999, 1_000_000.000001),
  {
    ...change(NO, 12, "SELL", 0.51, 5),
    event_type: "last_trade_price",
    fee_rate_bps: 150,
    transaction_hash: "0xdead",
  },
  {
    timestamp_received: AT + 13,
    timestamp: AT + 13,
    market: MARKET,
    event_type: "tick_size_change",
    asset_id: YES,
    old_tick_size: 0.01,
    new_tick_size: 0.001,
  },
];

describe("the pmxt archive", () => {
  it("becomes the venue's messages in order of time, both outcomes of a change in one", async () => {
    const path = temporaryFile("hour.parquet", pmxtFile(ROWS));
    const readings = await collect(read(path));
    expect(readings.map(({ problem }) => problem)).toEqual([null, null, null, null, null, null]);
    expect(readings.map(({ frame }) => frame.receivedAt)).toEqual(
      [0, 1, 10, 11, 12, 13].map((at) => (AT + at) * 1_000),
    );
    const decoder = new Decoder();
    const events = readings.flatMap(({ frame }) => decoder.decode("market", frame.bytes));
    const best = { bestBid: 480_000, bestAsk: null };
    expect(events).toMatchObject([
      {
        kind: "book",
        instrument: YES,
        digest: "",
        sentAt: (AT - 20) * 1_000,
        bids: [{ price: 480_000, size: 219_217_767 }, { price: 470_000 }],
        asks: [{ price: 500_000 }, { price: 520_000 }],
      },
      { kind: "book", instrument: NO, bids: [], asks: [{ price: 999_000, size: 1_000_000 }] },
      {
        kind: "price_change",
        market: MARKET,
        changes: [
          { instrument: YES, side: "bid", price: 470_000, size: 0, digest: "", ...best },
          { instrument: NO, side: "ask", price: 530_000, size: 12_500_000, ...best },
        ],
      },
      { kind: "price_change", changes: [{ price: 499_900, size: 1_000_000_000_001 }] },
      { kind: "trade", instrument: NO, price: 510_000, size: 5_000_000, takerSide: "sell", transaction: "0xdead" },
      { kind: "tick_size_change", tickSize: 1_000, previous: 10_000 },
    ]);
    expect(Buffer.from(readings[4]?.frame.bytes ?? []).toString()).toContain('"fee_rate_bps":"150"');
  });

  it("gives the same through runs on the disk, whatever the row groups, and leaves nothing behind", async () => {
    const path = temporaryFile("hour.parquet", pmxtFile(ROWS));
    const whole = (await collect(read(path))).map(inWords);
    const cut = temporaryFile("cut.parquet", pmxtFile(ROWS, { groupRows: 2 }));
    const workFolder = temporaryFolder();
    expect((await collect(read(cut, { atOnce: 2, workFolder }))).map(inWords)).toEqual(whole);
    expect(readdirSync(workFolder)).toEqual([]);
  });

  it("takes only the tokens and markets asked for", async () => {
    const path = temporaryFile("hour.parquet", pmxtFile(ROWS));
    expect(await collect(read(path, { assets: new Set([NO]) }))).toHaveLength(3);
    expect(await collect(read(path, { markets: new Set([MARKET]) }))).toHaveLength(6);
    expect(await collect(read(path, { markets: new Set(["0x0"]) }))).toHaveLength(0);
  });

  it("keeps rows that are no message, and says why", async () => {
    const rows: PmxtFixtureRow[] = [
      { ...change(YES, 0, "BUY", 0.5, 1), event_type: "surprise" },
      { ...change(YES, 1, "BUY", 1.5, 1) },
      { ...book(YES, 2, [], []), bids: "[[" },
      change(YES, 3, "BUY", 0.5, 1),
    ];
    const readings = await collect(read(temporaryFile("bad.parquet", pmxtFile(rows))));
    expect(readings.map(({ problem }) => problem)).toEqual([
      'event_type "surprise" is not known',
      "price is 1.5, above 1",
      "bids is no JSON",
      null,
    ]);
    expect(JSON.parse(Buffer.from(readings[0]?.frame.bytes ?? []).toString())).toMatchObject({
      type: "surprise",
      row: 1,
    });
  });

  it("says which columns it expected and found", async () => {
    const schema = PMXT_SCHEMA.map((each) => (each.name === "bids" ? { ...each, name: "bid_levels" } : each));
    const path = temporaryFile("other.parquet", pmxtFile(ROWS, { schema }));
    await expect(collect(read(path))).rejects.toThrow(
      /lacks bids and has bid_levels too; expected are timestamp_received/,
    );
  });
});

describe("a Parquet file that lies", () => {
  it("is refused before anything is taken for it", async () => {
    const bytes = pmxtFile(ROWS);
    await expect(collect(read(temporaryFile("cut.parquet", bytes.subarray(0, -20))))).rejects.toThrow(
      /cut short, or none/,
    );
    const footer = Buffer.from(bytes);
    footer.writeUInt32LE(0xffffff00, footer.length - 8);
    await expect(collect(read(temporaryFile("footer.parquet", footer)))).rejects.toThrow(/declares a footer of/);
  });

  it("of ten gigabytes in a row group, or of a page that outgrows its group, likewise", async () => {
    const parquet = await openParquet(temporaryFile("hour.parquet", pmxtFile(ROWS)));
    const [group] = parquet.metadata.row_groups;
    if (!group) throw new Error("no row group");
    const huge = group.columns.map((column, index) =>
      index === 3 && column.meta_data
        ? { ...column, meta_data: { ...column.meta_data, total_compressed_size: 10_000_000_000n } }
        : column,
    );
    await expect(parquet.check({ ...group, columns: huge })).rejects.toThrow(/declares 10,000,000,000 bytes at/);
    await expect(parquet.check({ ...group, num_rows: 1n })).rejects.toThrow(
      /declares a page of 7 values in column timestamp_received of a row group of 1 rows/,
    );
    await parquet.close();
  });

  it("never makes it throw anything but one line, whatever byte is turned", async () => {
    const bytes = pmxtFile(ROWS);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: bytes.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        async (at, flip) => {
          const turned = Buffer.from(bytes);
          turned[at] = (turned[at] as number) ^ flip;
          try {
            await collect(read(temporaryFile("turned.parquet", turned)));
          } catch (error) {
            expect((error as Error).name).toBe("FormatError");
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("BoundedSort", () => {
  it("sorts as a plain stable sort does, whatever fits in memory", async () => {
    const item = fc.record({ key: fc.integer({ min: 0, max: 5 }), text: fc.string() });
    await fc.assert(
      fc.asyncProperty(fc.array(item, { maxLength: 40 }), fc.integer({ min: 1, max: 9 }), async (items, atOnce) => {
        const sort = new BoundedSort<(typeof items)[number]>({
          workFolder: temporaryFolder(),
          atOnce,
          compare: (a, b) => a.key - b.key,
        });
        for (const each of items) await sort.add(each);
        expect(await collect(sort.sorted())).toEqual([...items].sort((a, b) => a.key - b.key));
        await sort.close();
      }),
      { numRuns: 50 },
    );
  });
});
