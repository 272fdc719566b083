import { stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, type Log, silentLog, systemClock } from "#host";
import { MINUTE, type Seq, type UnixMicros } from "#model";
import { listSegments } from "./segments.ts";
import { type SegmentSummary, SummaryCache } from "./summary.ts";

/** A whole, sealed segment, offered for deletion. */
export interface SegmentInfo {
  readonly file: string;
  readonly firstSeq: Seq;
  readonly lastSeq: Seq;
  readonly firstReceivedAt: UnixMicros;
  readonly lastReceivedAt: UnixMicros;
  readonly bytes: number;
}

export interface JournalBudget {
  /** The journal's files together. The newest segment is kept in any case. */
  readonly maxBytes?: number;
  /** By the newest frame of a segment, in micros of the clock. */
  readonly maxAgeMicros?: number;
  /**
   * The last word on each segment: false where somebody still needs it. Segments go oldest first, and the first one
   * refused keeps those after it, so that a journal never has a hole. Default: all may go.
   */
  readonly mayDelete?: (segment: SegmentInfo) => boolean | Promise<boolean>;
  readonly onDeleted?: (segment: SegmentInfo) => void;
}

const EVERY = MINUTE;

/**
 * Deletes the oldest sealed segments as long as `mayDrop` agrees, beside a writer or without one, and tells which went.
 * The newest segment stays in any case. @throws JournalMissing.
 */
export function dropSegments(
  directory: string,
  mayDrop: (segment: SegmentInfo) => boolean | Promise<boolean>,
): Promise<readonly SegmentInfo[]> {
  const budget = { maxBytes: 0, mayDelete: mayDrop };
  return new Budget({ directory, clock: systemClock(), budget }, silentLog()).enforce();
}

/** Keeps a journal within its budget. */
export class Budget {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #budget: JournalBudget | undefined;
  readonly #log: Log;
  readonly #summaries: SummaryCache;
  #running: Promise<readonly SegmentInfo[]> | undefined;
  #stopped = false;

  constructor(options: { directory: string; clock: Clock; budget?: JournalBudget }, log: Log) {
    this.#directory = options.directory;
    this.#summaries = new SummaryCache(options.directory);
    this.#clock = options.clock;
    this.#budget = options.budget;
    this.#log = log;
  }

  start(): () => void {
    if (this.#budget === undefined) return () => undefined;
    return this.#clock.every(EVERY, () => {
      this.enforce().catch((cause: unknown) => this.#log.error({ err: String(cause) }, "journal: budget not enforced"));
    });
  }

  /** Waits for a round that is under way; no further one begins. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running?.catch(() => undefined);
  }

  /** One round; a call during a round gets that round's result. */
  async enforce(): Promise<readonly SegmentInfo[]> {
    const budget = this.#budget;
    if (budget === undefined || this.#stopped) return [];
    this.#running ??= this.#round(budget).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #round(budget: JournalBudget): Promise<readonly SegmentInfo[]> {
    const segments = await listSegments(this.#directory);
    this.#summaries.keep(segments);
    const newest = segments.pop();
    if (newest === undefined) return [];
    const summaries: SegmentSummary[] = [];
    for (const segment of segments) {
      const summary = await unlessGone(this.#summaries.summarize(segment, null));
      if (summary) summaries.push(summary);
    }
    let total = (await stat(join(this.#directory, newest.name))).size;
    for (const summary of summaries) total += summary.bytes;
    const deleted: SegmentInfo[] = [];
    for (const summary of summaries) {
      const info = describe(summary);
      if (!(await this.#goes(budget, info, total))) break;
      await unlessGone(unlink(join(this.#directory, info.file)));
      total -= info.bytes;
      deleted.push(info);
      this.#log.info({ ...info, totalBytes: total }, "journal: deleted a segment to keep the budget");
      budget.onDeleted?.(info);
    }
    return deleted;
  }

  async #goes(budget: JournalBudget, info: SegmentInfo, total: number): Promise<boolean> {
    const tooMuch = budget.maxBytes !== undefined && total > budget.maxBytes;
    const tooOld = budget.maxAgeMicros !== undefined && info.lastReceivedAt < this.#clock.now() - budget.maxAgeMicros;
    if (!(tooMuch || tooOld)) return false;
    return budget.mayDelete === undefined || (await budget.mayDelete(info));
  }
}

/** A writer's budget and an archive may both clear away the same segment: whoever comes second finds nothing. */
async function unlessGone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw cause;
  }
}

function describe({ segment, nextSeq, receivedAt, bytes }: SegmentSummary): SegmentInfo {
  return {
    file: segment.name,
    firstSeq: segment.firstSeq,
    lastSeq: (nextSeq - 1) as Seq,
    firstReceivedAt: receivedAt?.min ?? (0 as UnixMicros),
    lastReceivedAt: receivedAt?.max ?? (0 as UnixMicros),
    bytes,
  };
}
