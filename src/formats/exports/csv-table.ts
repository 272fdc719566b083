import { formatMicros, formatTime, type UnixMicros } from "#model";
import type { OpenTable, TableWriter } from "./table-writer.ts";
import type { Cell, ColumnType, Row, Table } from "./tables.ts";
import { TextFile } from "./text-file.ts";

export interface CsvStyle {
  /** RFC 4180 says CR LF; tardis ends its lines with LF. */
  readonly lineEnd: "\r\n" | "\n";
  /** ISO 8601, or microseconds as tardis has them. */
  readonly times: "iso" | "micros";
  readonly gzip: boolean;
}

/** Begins CSV files of a table, with a head line. */
export function csvTables(table: Table, style: CsvStyle): OpenTable {
  return (path) => new CsvTable(path, table, style);
}

class CsvTable implements TableWriter {
  readonly #file: TextFile;
  readonly #table: Table;
  readonly #style: CsvStyle;
  #text: string;
  #rows = 0;
  #waiting = 0;

  constructor(path: string, table: Table, style: CsvStyle) {
    this.#file = new TextFile(path, style.gzip);
    this.#table = table;
    this.#style = style;
    this.#text = `${table.columns.map(({ name }) => name).join(",")}${style.lineEnd}`;
  }

  get rows(): number {
    return this.#rows;
  }

  get waiting(): number {
    return this.#waiting;
  }

  add(row: Row): void {
    this.#rows++;
    this.#waiting++;
    let line = "";
    for (let index = 0; index < row.length; index++) {
      const type = (this.#table.columns[index] as { type: ColumnType }).type;
      line += (index === 0 ? "" : ",") + cellText(row[index] as Cell, type, this.#style);
    }
    this.#text += line + this.#style.lineEnd;
  }

  async flush(): Promise<void> {
    const text = this.#text;
    this.#text = "";
    this.#waiting = 0;
    if (text !== "") await this.#file.append(text);
  }

  async close(): Promise<void> {
    await this.flush();
    await this.#file.close();
  }
}

/** Nothing for null; a text that is empty stands in quotes, so that the two can be told apart. */
function cellText(cell: Cell, type: ColumnType, { times }: CsvStyle): string {
  if (cell === null) return "";
  switch (type) {
    case "time":
      return times === "iso" ? formatTime(cell as UnixMicros) : String(cell);
    case "decimal":
      return formatMicros(cell as number);
    case "integer":
    case "flag":
      return String(cell);
    case "text":
      return quoted(cell as string);
  }
}

function quoted(text: string): string {
  return text === "" || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
