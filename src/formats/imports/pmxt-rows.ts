import type { DecodedArray, FileMetaData } from "hyparquet";
import { parquetScan } from "hyparquet";
import { FormatError } from "../format-error.ts";
import { openParquet } from "./guarded-parquet.ts";

/*
 * The pmxt archive, version 2: an hour of all of the venue's markets a file, Parquet, zstd, sorted by (market, asset_id,
 * timestamp_received), 1,048,576 rows a row group. Source: archive.pmxt.dev/docs/v2-data-overview.
 *
 *    timestamp_received, timestamp   timestamp[ms]   when the exporter took the event; the venue's own time
 *    market                          66 bytes        condition id
 *    event_type                      text            book, price_change, last_trade_price, tick_size_change
 *    asset_id                        text            token id
 *    bids, asks                      text            on book: JSON, [["price","size"],…]
 *    price, best_bid, best_ask, old_tick_size, new_tick_size   decimal(9,4)
 *    size                            decimal(18,6)
 *    side                            text            BUY or SELL
 *    fee_rate_bps                    uint16
 *    transaction_hash                text
 */

const COLUMNS = [
  "timestamp_received",
  "timestamp",
  "market",
  "event_type",
  "asset_id",
  "bids",
  "asks",
  "price",
  "size",
  "side",
  "best_bid",
  "best_ask",
  "fee_rate_bps",
  "transaction_hash",
  "old_tick_size",
  "new_tick_size",
] as const;

/** A row as it stands; times are Unix micros. Numbers are decimals, null where the row has none. */
export interface PmxtRow {
  /** From 1, in the file. */
  readonly row: number;
  readonly receivedAt: number;
  readonly sentAt: number;
  readonly market: string;
  readonly type: string;
  readonly asset: string;
  readonly bids: string | null;
  readonly asks: string | null;
  readonly price: number | null;
  readonly size: number | null;
  readonly side: string | null;
  readonly bestBid: number | null;
  readonly bestAsk: number | null;
  readonly feeBps: number | null;
  readonly transaction: string | null;
  readonly oldTick: number | null;
  readonly newTick: number | null;
}

/** A row group of more rows is read in slices; a slice unpacks again the pages that it shares with the one before it. */
const MOST_ROWS = 1 << 18;

export interface RowSelection {
  /** null: all of them. */
  readonly markets: ReadonlySet<string> | null;
  readonly assets: ReadonlySet<string> | null;
}

/**
 * Reads a file row group by row group. `onShare` hears how far it is, 0..1.
 * @throws FormatError where it is no such file, or declares what it cannot hold; Error of the file system.
 */
export async function* pmxtRows(
  path: string,
  selection: RowSelection,
  onShare: (share: number) => void = () => undefined,
): AsyncGenerator<PmxtRow> {
  const parquet = await openParquet(path);
  try {
    checkColumns(parquet.metadata, path);
    const scan = await parquetScan({ ...parquet, parsers: TIMES_AS_MICROS, useOffsetIndex: false });
    const total = Number(parquet.metadata.num_rows);
    let start = 0;
    for (const group of parquet.metadata.row_groups) {
      await parquet.check(group);
      const end = start + Number(group.num_rows);
      for (; start < end; start += MOST_ROWS) {
        yield* sliceOf(scan, start, Math.min(end, start + MOST_ROWS), selection);
        onShare(Math.min(end, start + MOST_ROWS) / total);
      }
      start = end;
    }
  } catch (error) {
    if (error instanceof FormatError || (error instanceof Error && "code" in error && isOfSystem(error))) throw error;
    throw new FormatError(`${path} cannot be read to its end: ${(error as Error).message}`);
  } finally {
    await parquet.close();
  }
}

function isOfSystem({ code }: { code?: unknown }): boolean {
  return typeof code === "string" && /^E[A-Z]+$/.test(code);
}

function checkColumns({ schema }: FileMetaData, path: string): void {
  const found = schema.slice(1).map(({ name }) => name);
  const missing = COLUMNS.filter((name) => !found.includes(name));
  const unknown = found.filter((name) => !(COLUMNS as readonly string[]).includes(name));
  if (missing.length === 0 && unknown.length === 0) return;
  const wrong = [
    missing.length > 0 ? `lacks ${missing.join(", ")}` : "",
    unknown.length > 0 ? `has ${unknown.join(", ")} too` : "",
  ];
  throw new FormatError(
    `${path} is no file of the pmxt archive v2: it ${wrong.filter((part) => part !== "").join(" and ")}; expected are ${COLUMNS.join(", ")}`,
  );
}

async function* sliceOf(
  scan: Awaited<ReturnType<typeof parquetScan>>,
  rowStart: number,
  rowEnd: number,
  { markets, assets }: RowSelection,
): AsyncGenerator<PmxtRow> {
  const columns = {} as Record<(typeof COLUMNS)[number], DecodedArray>;
  for (const column of COLUMNS) columns[column] = await scan.readColumn({ column, rowStart, rowEnd });
  const marketText = textOf();
  for (let index = 0; index < rowEnd - rowStart; index++) {
    const market = marketText(columns.market[index]);
    const asset = textOrNull(columns.asset_id[index]) ?? "";
    if (markets !== null || assets !== null) {
      if (!markets?.has(market) && !assets?.has(asset)) continue;
    }
    yield {
      row: rowStart + index + 1,
      receivedAt: numberOrNull(columns.timestamp_received[index]) ?? Number.NaN,
      sentAt: numberOrNull(columns.timestamp[index]) ?? Number.NaN,
      market,
      type: textOrNull(columns.event_type[index]) ?? "",
      asset,
      bids: textOrNull(columns.bids[index]),
      asks: textOrNull(columns.asks[index]),
      price: numberOrNull(columns.price[index]),
      size: numberOrNull(columns.size[index]),
      side: textOrNull(columns.side[index]),
      bestBid: numberOrNull(columns.best_bid[index]),
      bestAsk: numberOrNull(columns.best_ask[index]),
      feeBps: numberOrNull(columns.fee_rate_bps[index]),
      transaction: textOrNull(columns.transaction_hash[index]),
      oldTick: numberOrNull(columns.old_tick_size[index]),
      newTick: numberOrNull(columns.new_tick_size[index]),
    };
  }
}

/** Fixed-length bytes come as bytes, the same ones for each row of a dictionary's value. */
function textOf(): (value: unknown) => string {
  let last: unknown;
  let text = "";
  return (value) => {
    if (typeof value === "string") return value;
    if (value !== last) {
      last = value;
      text = value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : String(value);
    }
    return text;
  };
}

function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function numberOrNull(value: unknown): number | null {
  return typeof value === "number" || typeof value === "bigint" ? Number(value) : null;
}

const TIMES_AS_MICROS = {
  timestampFromMilliseconds: (millis: bigint) => Number(millis) * 1_000,
  timestampFromMicroseconds: (micros: bigint) => Number(micros),
  timestampFromNanoseconds: (nanos: bigint) => Number(nanos / 1_000n),
};
