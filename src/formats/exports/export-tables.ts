import type { BookState, StateVerdict } from "#book";
import type { InstrumentId, UnixMicros, VenueEvent, Verdict } from "#model";
import type { MarketBook, TimelineStep } from "#timeline";
import { csvTables } from "./csv-table.ts";
import { parquetTables } from "./parquet-table.ts";
import { type PartitionKey, Partitions } from "./partitions.ts";
import { bookRows, eventRows, gapRows, priceRow, quoteRow, tradeRow, withProof } from "./rows.ts";
import { type ExportContext, type ExportOptions, type ExportResult, type ExportWork, runExport } from "./run-export.ts";
import { type Every, Sampler } from "./sampler.ts";
import type { OpenTable } from "./table-writer.ts";
import { GAPS, type Row, TABLES, type Table, type What } from "./tables.ts";
import type { Touch, WalkEnd, WalkReport } from "./walk.ts";

export interface TableExportOptions extends ExportOptions {
  readonly format: "parquet" | "csv";
  readonly whats: readonly What[];
  readonly every: Every;
  /** Levels a side of `books`. */
  readonly depth: number;
  readonly partition: readonly PartitionKey[];
  /** CSV only. */
  readonly gzip: boolean;
}

const TOKEN = TABLES.events.columns.findIndex(({ name }) => name === "token");

/** Writes tables of a recording as Parquet or CSV: `WHAT/[KEY=VALUE/…]part-0.parquet`. Throws as `runExport` does. */
export function exportTables(options: TableExportOptions): Promise<ExportResult> {
  return runExport(options, (context) => new TableExport(options, context));
}

class TableExport implements ExportWork {
  readonly #options: TableExportOptions;
  readonly #context: ExportContext;
  readonly #markets: MarketBook;
  readonly #tables: ReadonlyMap<What, Partitions>;
  readonly #sampler: Sampler | null;

  constructor(options: TableExportOptions, context: ExportContext) {
    this.#options = options;
    this.#context = context;
    this.#markets = context.survey.markets;
    const { folder } = context;
    this.#tables = new Map(
      options.whats.map((what) => [
        what,
        new Partitions({
          folder,
          markets: this.#markets,
          keys: options.partition,
          table: TABLES[what],
          open: (table) => this.#opener(table),
          pathOf: (partition) => `${what}/${partition}part-0.${this.#extension()}`,
        }),
      ]),
    );
    const looks = this.#tables.has("books") || this.#tables.has("quotes");
    this.#sampler = looks
      ? new Sampler({
          ...context,
          every: options.every,
          markets: this.#markets,
          sample: this.#sample,
          drain: () => this.visitor.drain(),
        })
      : null;
  }

  get needsTrust(): boolean {
    return this.#sampler !== null;
  }

  readonly visitor = {
    begin: (books: readonly BookState[]): void => this.#sampler?.begin(books),
    event: (event: VenueEvent, number: number, step: TimelineStep): void => this.#take(event, number, step),
    before: (touch: Touch): void | Promise<void> => this.#sampler?.before(touch),
    after: (touch: Touch): void => this.#sampler?.after(touch),
    verdict: (verdict: StateVerdict): void => this.#sampler?.verdict(verdict),
    end: async (state: WalkEnd): Promise<void> => this.#sampler?.end(state),
    drain: async (): Promise<void> => {
      for (const table of this.#tables.values()) await table.drain();
    },
  };

  async finish(report: WalkReport): Promise<Readonly<Record<string, unknown>>> {
    this.#sampler?.finish();
    for (const table of this.#tables.values()) {
      table.ensureOne();
      await table.close();
    }
    const { folder } = this.#context;
    const path = `gaps.${this.#extension()}`;
    const gaps = this.#opener(GAPS)(folder.path(path));
    for (const gap of report.gaps) {
      const concerned = gap.instruments.filter((each) => report.instruments.has(each));
      for (const row of gapRows(gap, concerned, this.#markets)) gaps.add(row);
    }
    await gaps.close();
    folder.wrote(path, gaps.rows);
    const { format, every, depth, partition } = this.#options;
    return {
      format,
      rows: Object.fromEntries([...this.#tables].map(([what, table]) => [what, table.rows])),
      ...(this.#sampler
        ? {
            every: every.kind === "tick" ? "tick" : `${every.micros / 1_000_000}s`,
            depth: Number.isFinite(depth) ? depth : null,
            samplesLeftOut: this.#sampler.leftOut,
          }
        : {}),
      partition,
    };
  }

  #take(event: VenueEvent, number: number, step: TimelineStep): void {
    const events = this.#tables.get("events");
    if (events) {
      for (const row of eventRows(event, number, step, this.#markets))
        events.add(row, { instrument: row[TOKEN] as InstrumentId | null, at: step.knownAt });
    }
    if (event.kind === "trade")
      this.#tables.get("trades")?.add(tradeRow(event, step, this.#markets), {
        instrument: event.instrument,
        at: step.knownAt,
      });
    if (event.kind === "reference_price")
      this.#tables.get("prices")?.add(priceRow(event, step), { instrument: null, at: step.knownAt });
  }

  readonly #sample = (book: BookState, at: UnixMicros): ((verdict: Verdict) => void) => {
    const { instrument } = book;
    const put = (what: "books" | "quotes", rows: () => readonly Row[]): ((verdict: Verdict) => void) => {
      const table = this.#tables.get(what);
      if (!table) return () => undefined;
      const made = rows();
      return (verdict) => {
        for (const row of made) table.add(withProof(row, verdict), { instrument, at });
      };
    };
    const books = put("books", () => bookRows(book, at, this.#options.depth, this.#markets));
    const quotes = put("quotes", () => [quoteRow(book, at, this.#markets)]);
    return (verdict) => {
      books(verdict);
      quotes(verdict);
    };
  };

  #opener(table: Table): OpenTable {
    const { format, gzip, version } = this.#options;
    if (format === "csv") return csvTables(table, { lineEnd: "\r\n", times: "iso", gzip });
    return parquetTables(table, { version, table: table.name });
  }

  #extension(): string {
    return this.#options.format === "parquet" ? "parquet" : this.#options.gzip ? "csv.gz" : "csv";
  }
}
