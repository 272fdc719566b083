import { appendFile, writeFile } from "node:fs/promises";
import { constants, zstdCompressSync } from "node:zlib";
import { ByteWriter, type ColumnSource, ParquetWriter, type SchemaElement } from "hyparquet-writer";
import type { OpenTable, TableWriter } from "./table-writer.ts";
import type { Cell, Column, ColumnType, Row, Table } from "./tables.ts";

/** zstd is Node's own: no native module beside it. */
const ZSTD_LEVEL = 3;
/** What a writer keeps between row groups. */
const IDLE_BYTES = 1_024;

/** Begins Parquet files of a table. `about` is laid into each as key-value metadata. */
export function parquetTables(table: Table, about: Readonly<Record<string, string>>): OpenTable {
  return (path) => new ParquetTable(path, table, about);
}

class ParquetTable implements TableWriter {
  readonly #path: string;
  readonly #table: Table;
  readonly #parquet: ParquetWriter;
  /** One list a column. */
  #held: Cell[][];
  #rows = 0;
  #begun = false;

  constructor(path: string, table: Table, about: Readonly<Record<string, string>>) {
    this.#path = path;
    this.#table = table;
    this.#held = table.columns.map(() => []);
    const writer = new ByteWriter();
    this.#parquet = new ParquetWriter({
      writer: Object.assign(writer, { flush: () => this.#write(writer), finish: () => this.#write(writer) }),
      schema: [{ name: table.name, num_children: table.columns.length }, ...table.columns.map(elementOf)],
      codec: "ZSTD",
      compressors: { ZSTD: compress },
      createdBy: `polypunt ${about.version ?? ""}`.trim(),
      kvMetadata: Object.entries(about).map(([key, value]) => ({ key: `polypunt.${key}`, value })),
    });
  }

  get rows(): number {
    return this.#rows;
  }

  get waiting(): number {
    return this.#held[0]?.length ?? 0;
  }

  add(row: Row): void {
    for (let index = 0; index < row.length; index++) (this.#held[index] as Cell[]).push(row[index] as Cell);
    this.#rows++;
  }

  async flush(): Promise<void> {
    const rowGroupSize = this.waiting;
    if (rowGroupSize === 0) return;
    const columnData = this.#table.columns.map((column, index): ColumnSource => {
      const data = physical(this.#held[index] as Cell[], column.type);
      // Times and numbers of frames hardly differ from one row to the next.
      const isRunning = column.type === "time" || column.type === "integer";
      return isRunning ? { name: column.name, data, encoding: "DELTA_BINARY_PACKED" } : { name: column.name, data };
    });
    this.#held = this.#table.columns.map(() => []);
    await this.#parquet.write({ columnData, rowGroupSize });
  }

  async close(): Promise<void> {
    await this.flush();
    await this.#parquet.finish();
  }

  async #write(writer: ByteWriter): Promise<void> {
    const bytes = new Uint8Array(writer.buffer, 0, writer.index);
    if (this.#begun) await appendFile(this.#path, bytes);
    else await writeFile(this.#path, bytes, { flag: "wx" });
    this.#begun = true;
    writer.index = 0;
    writer.buffer = new ArrayBuffer(IDLE_BYTES);
    writer.view = new DataView(writer.buffer);
  }
}

function elementOf({ name, type }: Column): SchemaElement {
  return { name, repetition_type: "OPTIONAL", ...PHYSICAL[type] };
}

const PHYSICAL: Readonly<Record<ColumnType, Omit<SchemaElement, "name">>> = {
  time: {
    type: "INT64",
    converted_type: "TIMESTAMP_MICROS",
    logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MICROS" },
  },
  decimal: {
    type: "INT64",
    converted_type: "DECIMAL",
    precision: 18,
    scale: 6,
    logical_type: { type: "DECIMAL", precision: 18, scale: 6 },
  },
  integer: { type: "INT64" },
  text: { type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } },
  flag: { type: "BOOLEAN" },
};

/** Integers of 64 bits are bigints to the writer; for a decimal that is its unscaled value, our micros. */
function physical(cells: Cell[], type: ColumnType): ColumnSource["data"] {
  if (type === "text" || type === "flag") return cells;
  return cells.map((cell) => (cell === null ? null : BigInt(cell as number)));
}

function compress(input: Uint8Array): Uint8Array {
  return zstdCompressSync(input, { params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } });
}
