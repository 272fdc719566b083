const NEWLINE = 10;
const RETURN = 13;

/** A line's bytes without its end, or a piece of one that was too long. */
export interface ByteLine {
  /** From 1. */
  readonly number: number;
  readonly bytes: Uint8Array;
  /** True for each piece of a line that is longer than the bound. */
  readonly isPiece: boolean;
}

/**
 * Lines out of chunks, ended by LF or CR LF. A line longer than `longest` bytes comes in pieces of that length, so that a
 * file without line ends takes no more memory than one piece and still nothing of it is lost.
 */
export async function* byteLines(chunks: AsyncIterable<Uint8Array>, longest: number): AsyncGenerator<ByteLine> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let number = 1;
  let isPiece = false;
  const take = (last: Uint8Array): Uint8Array => {
    const line = held.length === 0 ? last : Buffer.concat([...held, last]);
    held = [];
    heldBytes = 0;
    return line;
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); ; end = chunk.indexOf(NEWLINE, start)) {
      const stop = end < 0 ? chunk.length : end;
      while (heldBytes + stop - start > longest) {
        const until = start + longest - heldBytes;
        isPiece = true;
        yield { number, bytes: take(chunk.subarray(start, until)), isPiece };
        start = until;
      }
      if (end < 0) break;
      yield { number, bytes: withoutReturn(take(chunk.subarray(start, end))), isPiece };
      number++;
      isPiece = false;
      start = end + 1;
    }
    if (start < chunk.length) {
      held.push(chunk.subarray(start));
      heldBytes += chunk.length - start;
    }
  }
  if (heldBytes > 0 || isPiece) yield { number, bytes: take(new Uint8Array(0)), isPiece };
}

function withoutReturn(line: Uint8Array): Uint8Array {
  return line.at(-1) === RETURN ? line.subarray(0, -1) : line;
}
