import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { formatTime, type InstrumentId, type UnixMicros } from "#model";
import type { MarketBook } from "#timeline";
import type { ExportFolder } from "./export-folder.ts";
import type { OpenTable, TableWriter } from "./table-writer.ts";
import type { Row, Table } from "./tables.ts";

export const PARTITION_KEYS = ["series", "slug", "token", "date"] as const;
export type PartitionKey = (typeof PARTITION_KEYS)[number];

/** Where a row belongs. */
export interface RowPlace {
  readonly instrument: InstrumentId | null;
  readonly at: UnixMicros;
}

export interface PartitionOptions {
  readonly folder: ExportFolder;
  readonly markets: MarketBook;
  readonly keys: readonly PartitionKey[];
  /** All of its columns; those that stand in the path are left out of the rows, as Hive does and its readers want. */
  readonly table: Table;
  open(table: Table): OpenTable;
  /** Path of a partition's file inside the folder; `partition` is "series=…/date=…/", or "". */
  pathOf(partition: string, values: Readonly<Record<PartitionKey, string | null>>): string;
}

/** A row group. */
const ROWS_A_FILE = 50_000;
/** Of all files together: what is largest is then written, so that many partitions take no more memory than one. */
const ROWS_IN_MEMORY = 200_000;
/** As Hive, DuckDB, pyarrow and polars write and read a partition without a value. */
const NO_VALUE = "__HIVE_DEFAULT_PARTITION__";

/** Rows of one table laid into as many files as they have partitions. */
export class Partitions {
  readonly #options: PartitionOptions;
  readonly #files = new Map<string, { readonly path: string; readonly writer: TableWriter }>();
  readonly #open: OpenTable;
  /** Which cells of a row are kept; null: all. */
  readonly #kept: readonly number[] | null;
  #last: { readonly place: string; readonly writer: TableWriter } | null = null;

  constructor(options: PartitionOptions) {
    this.#options = options;
    const { keys, table, open } = options;
    const inPath = (name: string): boolean => (keys as readonly string[]).includes(name);
    const kept = table.columns.flatMap(({ name }, index) => (inPath(name) ? [] : [index]));
    this.#kept = kept.length === table.columns.length ? null : kept;
    this.#open = open({ ...table, columns: table.columns.filter(({ name }) => !inPath(name)) });
  }

  get rows(): number {
    let rows = 0;
    for (const { writer } of this.#files.values()) rows += writer.rows;
    return rows;
  }

  add(row: Row, place: RowPlace): void {
    const kept = this.#kept;
    this.#writerOf(place).add(kept === null ? row : kept.map((index) => row[index] ?? null));
  }

  /** Writes where enough has come together; rejects with Error of the file system. */
  async drain(): Promise<void> {
    let inMemory = 0;
    for (const { path, writer } of this.#files.values()) {
      if (writer.waiting >= ROWS_A_FILE) await this.#flush(path, writer);
      inMemory += writer.waiting;
    }
    if (inMemory < ROWS_IN_MEMORY) return;
    const largest = [...this.#files.values()].sort((a, b) => b.writer.waiting - a.writer.waiting);
    for (const { path, writer } of largest) {
      if (inMemory < ROWS_IN_MEMORY / 2) break;
      inMemory -= writer.waiting;
      await this.#flush(path, writer);
    }
  }

  async close(): Promise<void> {
    for (const { path, writer } of this.#files.values()) {
      await this.#prepare(path);
      await writer.close();
      this.#options.folder.wrote(path, writer.rows);
    }
  }

  /** A table without a row still has a file, so that a reader finds its columns. */
  ensureOne(): void {
    if (this.#files.size === 0) this.#begin("", { series: null, slug: null, token: null, date: null });
  }

  #writerOf({ instrument, at }: RowPlace): TableWriter {
    const { keys, markets } = this.#options;
    const date = keys.includes("date") ? formatTime(at).slice(0, 10) : null;
    const place = keys.length === 0 ? "" : `${instrument} ${date}`;
    if (this.#last?.place === place) return this.#last.writer;
    const market = instrument === null ? undefined : markets.ofInstrument(instrument);
    const values = { series: market?.seriesSlug ?? null, slug: market?.slug ?? null, token: instrument, date };
    const partition = keys.map((key) => `${key}=${pathText(values[key] ?? NO_VALUE)}/`).join("");
    const writer = this.#files.get(partition)?.writer ?? this.#begin(partition, values);
    this.#last = { place, writer };
    return writer;
  }

  #begin(partition: string, values: Readonly<Record<PartitionKey, string | null>>): TableWriter {
    const { folder, pathOf } = this.#options;
    const path = pathOf(partition, values);
    const writer = this.#open(folder.path(path));
    this.#files.set(partition, { path, writer });
    return writer;
  }

  async #flush(path: string, writer: TableWriter): Promise<void> {
    await this.#prepare(path);
    await writer.flush();
  }

  async #prepare(path: string): Promise<void> {
    await mkdir(dirname(this.#options.folder.path(path)), { recursive: true });
  }
}

/** What a file system or a Hive path gives a meaning of its own is written as a percent code. */
export function pathText(text: string): string {
  return text.replace(/[^A-Za-z0-9._-]/g, (letter) =>
    encodeURIComponent(letter).replace(/^[^%]$/, (odd) => `%${odd.charCodeAt(0).toString(16)}`),
  );
}
