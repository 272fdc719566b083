import type { BookState } from "#book";
import type { InstrumentId, Level, PriceMicros, Side, SizeMicros, Trade, VenueEvent } from "#model";
import type { TimelineStep } from "#timeline";
import { FormatError } from "../format-error.ts";
import { csvTables } from "./csv-table.ts";
import { writeGaps } from "./gaps-file.ts";
import { type L2Sink, L2Stream, type L2Times } from "./l2-stream.ts";
import { Partitions } from "./partitions.ts";
import { type ExportContext, type ExportOptions, type ExportResult, type ExportWork, runExport } from "./run-export.ts";
import type { Table } from "./tables.ts";
import type { Touch, WalkReport } from "./walk.ts";

/*
 * The layouts of tardis' downloadable CSV files: one a token and day, lines ended by LF, times in microseconds.
 * Source: docs.tardis.dev/downloadable-csv-files.
 */

const EXCHANGE = "polymarket";

const INCREMENTAL: Table = {
  name: "incremental_book_L2",
  columns: [
    { name: "exchange", type: "text" },
    { name: "symbol", type: "text" },
    { name: "timestamp", type: "time" },
    { name: "local_timestamp", type: "time" },
    { name: "is_snapshot", type: "flag" },
    { name: "side", type: "text" },
    { name: "price", type: "decimal" },
    { name: "amount", type: "decimal" },
  ],
};

const TRADES: Table = {
  name: "trades",
  columns: [
    { name: "exchange", type: "text" },
    { name: "symbol", type: "text" },
    { name: "timestamp", type: "time" },
    { name: "local_timestamp", type: "time" },
    { name: "id", type: "text" },
    { name: "side", type: "text" },
    { name: "price", type: "decimal" },
    { name: "amount", type: "decimal" },
  ],
};

export const TARDIS_TYPES = ["incremental_book_L2", "trades"] as const;
export type TardisType = (typeof TARDIS_TYPES)[number];

export interface TardisExportOptions extends ExportOptions {
  readonly types: readonly TardisType[];
  readonly gzip: boolean;
}

/** Writes `polymarket_TYPE_DATE_TOKEN.csv[.gz]`. Throws as `runExport` does. */
export function exportTardisCsv(options: TardisExportOptions): Promise<ExportResult> {
  if (options.types.length === 0) throw new FormatError(`the tardis layout has ${TARDIS_TYPES.join(" and ")}`);
  return runExport(options, (context) => new TardisExport(options, context));
}

class TardisExport implements ExportWork, L2Sink {
  readonly #context: ExportContext;
  readonly #options: TardisExportOptions;
  readonly #stream: L2Stream;
  readonly #tables: ReadonlyMap<TardisType, Partitions>;
  /** What the reader has of each book, and whether its last line was of a snapshot. */
  readonly #books = new Map<
    InstrumentId,
    { readonly levels: Map<string, Level & { side: Side }>; inSnapshot: boolean }
  >();

  constructor(options: TardisExportOptions, context: ExportContext) {
    this.#options = options;
    this.#context = context;
    this.#stream = new L2Stream(this, context.trust, context.selection.from);
    const { folder } = context;
    this.#tables = new Map(
      options.types.map((type) => {
        const table = type === "trades" ? TRADES : INCREMENTAL;
        const open = (kept: Table) => csvTables(kept, { lineEnd: "\n", times: "micros", gzip: options.gzip });
        const end = options.gzip ? "csv.gz" : "csv";
        const pathOf = (_: string, { date, token }: { date: string | null; token: string | null }): string =>
          `${EXCHANGE}_${type}_${date ?? "none"}_${token ?? "none"}.${end}`;
        return [
          type,
          new Partitions({ folder, markets: context.survey.markets, keys: ["token", "date"], table, open, pathOf }),
        ];
      }),
    );
  }

  readonly needsTrust = true;
  readonly visitor = {
    begin: (books: readonly BookState[]): void => this.#stream.begin(books),
    event: (event: VenueEvent, _: number, step: TimelineStep): void => {
      if (event.kind === "trade") this.#stream.trade(event, step);
    },
    before: (touch: Touch): void => this.#stream.before(touch),
    after: (touch: Touch): void => this.#stream.after(touch),
    drain: async (): Promise<void> => {
      for (const table of this.#tables.values()) await table.drain();
    },
  };

  async finish(report: WalkReport): Promise<Readonly<Record<string, unknown>>> {
    for (const table of this.#tables.values()) await table.close();
    await writeGaps(this.#context.folder, report.gaps);
    const rows = Object.fromEntries([...this.#tables].map(([type, table]) => [type, table.rows]));
    return { format: "csv", layout: "tardis", rows, gzip: this.#options.gzip };
  }

  /**
   * A reader forgets a book where a snapshot begins after lines that are of none. After another snapshot it would not, and
   * an empty one has no line: then the difference is written instead.
   */
  snapshot(instrument: InstrumentId, bids: readonly Level[], asks: readonly Level[], times: L2Times): void {
    const book = this.#books.get(instrument);
    const levels = new Map(
      [
        ...bids.map((level) => ({ ...level, side: "bid" as const })),
        ...asks.map((level) => ({ ...level, side: "ask" as const })),
      ].map((level) => [`${level.side}${level.price}`, level]),
    );
    if (book && (book.inSnapshot || levels.size === 0)) {
      for (const [key, { side, price }] of book.levels)
        if (!levels.has(key)) this.level(instrument, side, price, 0 as SizeMicros, times);
      for (const [key, { side, price, size }] of levels)
        if (book.levels.get(key)?.size !== size) this.level(instrument, side, price, size, times);
      return;
    }
    this.#books.set(instrument, { levels, inSnapshot: levels.size > 0 });
    for (const { side, price, size } of levels.values()) this.#line(instrument, true, side, price, size, times);
  }

  level(instrument: InstrumentId, side: Side, price: PriceMicros, size: SizeMicros, times: L2Times): void {
    const book = this.#books.get(instrument);
    if (book) {
      book.inSnapshot = false;
      if (size === 0) book.levels.delete(`${side}${price}`);
      else book.levels.set(`${side}${price}`, { side, price, size });
    }
    this.#line(instrument, false, side, price, size, times);
  }

  /** There is no word for it; the next snapshot voids the book, and gaps.ndjson tells of it. */
  dark(): void {}

  trade(trade: Trade, { sentAt, knownAt }: L2Times): void {
    const { instrument, transaction, takerSide, price, size } = trade;
    this.#tables
      .get("trades")
      ?.add([EXCHANGE, instrument, sentAt, knownAt, transaction, takerSide ?? "unknown", price, size], {
        instrument,
        at: knownAt,
      });
  }

  #line(
    instrument: InstrumentId,
    isSnapshot: boolean,
    side: Side,
    price: PriceMicros,
    size: SizeMicros,
    { sentAt, knownAt }: L2Times,
  ): void {
    this.#tables
      .get("incremental_book_L2")
      ?.add([EXCHANGE, instrument, sentAt, knownAt, isSnapshot, side, price, size], { instrument, at: knownAt });
  }
}
