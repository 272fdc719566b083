import type { Row } from "./tables.ts";

/** A file of rows, written as they come, in bounded memory. */
export interface TableWriter {
  /** So far, written or not. */
  readonly rows: number;
  /** Rows in memory. */
  readonly waiting: number;
  add(row: Row): void;
  /** Writes what waits. Rejects with Error of the file system. */
  flush(): Promise<void>;
  /** Completes the file. */
  close(): Promise<void>;
}

/** How a kind of file is begun. */
export type OpenTable = (path: string) => TableWriter;
