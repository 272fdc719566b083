/** A block of lines that is drawn over itself on a terminal. */
export class Screen {
  #drawn = 0;

  draw(lines: readonly string[]): void {
    const width = process.stdout.columns ?? 120;
    const height = (process.stdout.rows ?? 40) - 1;
    const shown = lines.slice(0, height).map((line) => (line.length > width ? line.slice(0, width - 1) : line));
    const up = this.#drawn === 0 ? "" : `\x1b[${this.#drawn}A`;
    // Each line is cleared behind its text, and what is left of a longer drawing below it.
    process.stdout.write(`${up}${shown.map((line) => `${line}\x1b[K\n`).join("")}\x1b[J`);
    this.#drawn = shown.length;
  }
}
