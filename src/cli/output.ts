import { once } from "node:events";

/** Standard output is for results; everything else goes to standard error. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function printJson(result: unknown): void {
  print(JSON.stringify(result));
}

export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Writes much text and waits where the reader is slower. Rejects with EPIPE when the reader is gone. */
export async function write(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, "drain");
}

/** A line on the terminal that says how far long work has come; silent where standard error is no terminal. */
export class Progress {
  readonly #what: string;
  #shownAt = 0;

  constructor(what: string) {
    this.#what = what;
  }

  /** `share` is 0..1; null where the whole is not known. */
  update(done: number, share: number | null): void {
    if (!process.stderr.isTTY) return;
    const now = process.hrtime.bigint();
    if (Number(now) - this.#shownAt < 1e8) return;
    this.#shownAt = Number(now);
    const bar =
      share === null ? "" : `${"█".repeat(Math.round(share * 20)).padEnd(20, "░")} ${Math.round(share * 100)} % `;
    process.stderr.write(`\r\x1b[K${this.#what} ${bar}${done.toLocaleString("en")}`);
  }

  end(): void {
    if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  }
}

/** Columns aligned by spaces; numbers should be passed as text already. The first row is the head. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
