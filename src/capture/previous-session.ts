import { type JournalReader, openJournalReader } from "#journal";
import type { Frame, Gap, GapRecord, UnixMicros } from "#model";
import { GAP_CAUSES, MINUTE } from "#model";

/** Open gaps are written anew this often, so that a restart needs to read no more than twice this far back. */
export const REWRITE_EVERY = 10 * MINUTE;

export interface PreviousSession {
  /** The last frame of the recording so far; null in a new journal. */
  readonly last: Pick<Frame, "seq" | "receivedAt"> | null;
  /** True where the last session said that it stopped; else it was killed. */
  readonly stopped: boolean;
  readonly openGaps: readonly Gap[];
}

export const NO_PREVIOUS_SESSION: PreviousSession = { last: null, stopped: true, openGaps: [] };

/** Reads the tail of a journal: what the session before left behind. */
export async function readPreviousSession(directory: string): Promise<PreviousSession> {
  // Damage is verify's business; a gap record that it cost is at worst a gap that is opened again.
  const reader = await openJournalReader(directory, { onDamage: () => undefined });
  try {
    return await readTail(reader);
  } finally {
    await reader.close();
  }
}

async function readTail(reader: JournalReader): Promise<PreviousSession> {
  const { span } = reader;
  if (span === null) return NO_PREVIOUS_SESSION;
  const fromTime = Math.max(0, span.lastReceivedAt - 2 * REWRITE_EVERY) as UnixMicros;
  const gaps = new Map<string, Gap>();
  let last: Frame | null = null;
  let stopped = false;
  for await (const frames of reader.read({ fromTime })) {
    for (const frame of frames) {
      last = frame;
      stopped = false;
      if (frame.kind === "session") stopped = textOf(frame).includes('"phase":"stopped"');
      const record = frame.kind === "gap" ? parseGapRecord(textOf(frame)) : undefined;
      if (record) gaps.set(record.gap.id, record.gap);
    }
  }
  const openGaps = [...gaps.values()].filter((gap) => gap.to === null);
  return { last: last && { seq: last.seq, receivedAt: last.receivedAt }, stopped, openGaps };
}

function textOf(frame: Frame): string {
  return new TextDecoder().decode(frame.bytes);
}

/** undefined where the text is no gap record: a line of another version is no reason not to record. */
export function parseGapRecord(text: string): GapRecord | undefined {
  try {
    const { phase, gap } = JSON.parse(text) as GapRecord;
    const known = (phase === "opened" || phase === "closed") && GAP_CAUSES.includes(gap.cause);
    return known && typeof gap.id === "string" && Array.isArray(gap.instruments) ? { phase, gap } : undefined;
  } catch {
    return undefined;
  }
}
