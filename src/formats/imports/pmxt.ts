import type { ConnectionId, UnixMicros } from "#model";
import { frameOfRows, sharesMessage } from "./pmxt-frames.ts";
import { type PmxtRow, pmxtRows, type RowSelection } from "./pmxt-rows.ts";
import { type Reading, unreadable } from "./reading.ts";
import { BoundedSort } from "./time-sort.ts";

export interface PmxtOptions extends RowSelection {
  /** The label of the frames in the journal. */
  readonly connection: ConnectionId;
  /** For rows that do not fit in memory while they are put in order of time. */
  readonly workFolder: string;
  /** Rows held in memory for that; some 300 bytes each. */
  readonly atOnce?: number;
  /** Hears how far the file has been read, before the first reading comes out. 0..1. */
  onShare?(share: number): void;
}

const ROWS_AT_ONCE = 150_000;
/** No message of the venue comes near it: a file in which all rows have one time is cut here. */
const MOST_CHANGES = 5_000;

/**
 * Reads an hour of the pmxt archive v2. The file lies market by market: its rows are put in order of time first, since a
 * journal is played in its own order. Rows of one message become one again.
 * @throws FormatError where it is no such file; Error of the file system.
 */
export async function* readPmxt(path: string, options: PmxtOptions): AsyncGenerator<Reading> {
  const { workFolder, atOnce = ROWS_AT_ONCE, connection } = options;
  const sort = new BoundedSort<PmxtRow>({ workFolder, atOnce, compare: byTime });
  try {
    let total = 0;
    for await (const row of pmxtRows(path, options, options.onShare)) {
      total++;
      await sort.add(row);
    }
    let done = 0;
    let latest = 0 as UnixMicros;
    for await (const rows of messages(sort.sorted())) {
      done += rows.length;
      const frame = frameOfRows(rows, connection);
      const place = { number: rows[0]?.row ?? 0, share: done / total };
      if (typeof frame !== "string") {
        latest = frame.receivedAt;
        yield { ...place, frame, problem: null };
        continue;
      }
      const text = Buffer.from(rows.map((row) => JSON.stringify(row)).join("\n"));
      for (const kept of unreadable(text, latest)) yield { ...place, frame: kept, problem: frame };
    }
  } finally {
    await sort.close();
  }
}

/** By arrival, then what belongs to one message together, then as in the file. */
function byTime(a: PmxtRow, b: PmxtRow): number {
  return (
    a.receivedAt - b.receivedAt ||
    (a.market < b.market ? -1 : a.market > b.market ? 1 : 0) ||
    a.sentAt - b.sentAt ||
    a.row - b.row
  );
}

async function* messages(rows: AsyncIterable<PmxtRow>): AsyncGenerator<readonly PmxtRow[]> {
  let open: PmxtRow[] = [];
  for await (const row of rows) {
    const last = open.at(-1);
    if (last && (open.length >= MOST_CHANGES || !sharesMessage(last, row))) {
      yield open;
      open = [];
    }
    open.push(row);
  }
  if (open.length > 0) yield open;
}
