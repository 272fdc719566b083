import type { ConnectionId, Gap, GapCause, GapRecord, InstrumentId, Seq, UnixMicros } from "#model";
import { formatTime, GAP_CAUSES, SECOND } from "#model";

/** A moment of the recording: a frame's place and time. `seq` is null where no frame can be named. */
export interface Moment {
  readonly at: UnixMicros;
  readonly seq: Seq | null;
}

export interface GapOpening {
  readonly cause: GapCause;
  /** Empty: all of the recording. */
  readonly instruments: readonly InstrumentId[];
  readonly connection: ConnectionId | null;
  /** The last frame known good. */
  readonly from: Moment;
  readonly evidence: string;
}

/**
 * How an instrument was seen to be well again: a snapshot ends what broke the stream (a frame alone does not: after a
 * hole, deltas have nothing to stand on); a proof ends that and a contradiction too.
 */
export type Recovery = "snapshot" | "proof";

const CLOSED_BY: Record<Recovery, ReadonlySet<GapCause>> = {
  snapshot: new Set(["silence", "disconnect", "process_down"]),
  proof: new Set(["silence", "disconnect", "process_down", "contradiction"]),
};

/** When some instruments of a gap have recovered and others not, they share it no longer than this. */
const SPLIT_AFTER = 5 * SECOND;

interface Entry {
  gap: Gap;
  /** Instruments that are not well yet. Of a gap over all of the recording: those that it waits for. */
  readonly waiting: Set<InstrumentId>;
  readonly recovered: InstrumentId[];
  /** The latest recovery so far. */
  last: Moment | null;
}

/**
 * What is missing from the recording. A gap is written when it opens and again when it closes; an open one is written
 * anew by `rewrite`, so that a restart finds it near the journal's end. At most one open gap for each cause and
 * instrument, which bounds the ledger.
 */
export class GapLedger {
  readonly #write: (record: GapRecord) => void;
  readonly #entries = new Map<string, Entry>();
  readonly #byInstrument = new Map<InstrumentId, Set<Entry>>();
  readonly #opened: Record<GapCause, number>;

  constructor(write: (record: GapRecord) => void) {
    this.#write = write;
    this.#opened = Object.fromEntries(GAP_CAUSES.map((cause) => [cause, 0])) as Record<GapCause, number>;
  }

  /** Open gaps, oldest first. */
  get open(): readonly Gap[] {
    return [...this.#entries.values()].map((entry) => entry.gap);
  }

  /** Gaps opened in this session, by cause. */
  get opened(): Readonly<Record<GapCause, number>> {
    return { ...this.#opened };
  }

  has(cause: GapCause, instrument: InstrumentId): boolean {
    for (const entry of this.#byInstrument.get(instrument) ?? []) if (entry.gap.cause === cause) return true;
    return false;
  }

  gapsOf(instrument: InstrumentId): readonly Gap[] {
    return [...(this.#byInstrument.get(instrument) ?? [])].map((entry) => entry.gap);
  }

  /**
   * Opens a gap for those of the instruments that are in none of this cause yet; undefined where all of them are.
   * A gap over everything (no instruments) can be given instruments to wait for with `waitFor`.
   */
  begin(opening: GapOpening): Gap | undefined {
    const instruments = opening.instruments.filter((instrument) => !this.has(opening.cause, instrument));
    if (opening.instruments.length > 0 && instruments.length === 0) return undefined;
    this.#opened[opening.cause]++;
    return this.#add({ ...opening, instruments }).gap;
  }

  /** Takes over a gap that an earlier session left open. */
  adopt(gap: Gap): void {
    if (gap.to === null && !this.#entries.has(gap.id)) this.#enter(gap);
  }

  /** A gap over everything closes when each of these is well, or gone. */
  waitFor(id: string, instruments: readonly InstrumentId[]): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    for (const instrument of instruments) this.#await(entry, instrument);
  }

  /** An instrument was seen to be well. Cheap where it has no gap, which is nearly always. */
  recover(instrument: InstrumentId, by: Recovery, moment: Moment): void {
    const entries = this.#byInstrument.get(instrument);
    if (!entries) return;
    for (const entry of [...entries]) {
      if (CLOSED_BY[by].has(entry.gap.cause)) this.#release(entry, instrument, moment, `recovered by a ${by}`);
    }
  }

  /** An instrument is no longer recorded: nothing will ever show it well, so its gaps end here. */
  leave(instrument: InstrumentId, moment: Moment): void {
    for (const entry of [...(this.#byInstrument.get(instrument) ?? [])]) {
      this.#release(entry, instrument, moment, "it left the recording before it recovered");
    }
  }

  /** Closes a gap as a whole. */
  end(id: string, moment: Moment, evidence: string): void {
    const entry = this.#entries.get(id);
    if (entry) this.#close(entry, moment, evidence);
  }

  /** Parts instruments that recovered from those of the same gap that still have not. Call about once a second. */
  split(now: UnixMicros): void {
    for (const entry of [...this.#entries.values()]) {
      if (entry.last === null || entry.waiting.size === 0 || now - entry.last.at < SPLIT_AFTER) continue;
      const { gap, last, recovered, waiting } = entry;
      const rest = [...waiting];
      const whole = gap.instruments.length === 0;
      this.#remove(entry);
      this.#say("closed", {
        ...gap,
        instruments: whole ? [] : recovered,
        to: last.at,
        toSeq: last.seq,
        evidence: `${gap.evidence}; ${recovered.length} instruments recovered, ${rest.length} still have not`,
      });
      const { cause, connection, from, fromSeq, evidence } = gap;
      this.#add(
        { cause, connection, instruments: rest, from: { at: from, seq: fromSeq }, evidence },
        partAfter(gap.id),
      );
    }
  }

  /** Writes every open gap again. */
  rewrite(): void {
    for (const { gap } of this.#entries.values()) this.#say("opened", gap);
  }

  #add(opening: GapOpening, part = 1): Entry {
    const { cause, connection, from, evidence } = opening;
    const instruments = [...opening.instruments];
    const whose = connection ?? (instruments.length === 1 ? instruments[0] : null);
    const name = [cause, from.seq ?? from.at, ...(whose === null ? [] : [whose])].join("-");
    while (this.#entries.has(part === 1 ? name : `${name}~${part}`)) part++;
    const entry = this.#enter({
      id: part === 1 ? name : `${name}~${part}`,
      cause,
      instruments,
      connection,
      from: from.at,
      to: null,
      fromSeq: from.seq,
      toSeq: null,
      evidence,
    });
    this.#say("opened", entry.gap);
    return entry;
  }

  #enter(gap: Gap): Entry {
    const entry: Entry = { gap, waiting: new Set(), recovered: [], last: null };
    this.#entries.set(gap.id, entry);
    for (const instrument of gap.instruments) this.#await(entry, instrument);
    return entry;
  }

  #await(entry: Entry, instrument: InstrumentId): void {
    entry.waiting.add(instrument);
    const entries = this.#byInstrument.get(instrument) ?? new Set();
    entries.add(entry);
    this.#byInstrument.set(instrument, entries);
  }

  #release(entry: Entry, instrument: InstrumentId, moment: Moment, why: string): void {
    entry.waiting.delete(instrument);
    entry.recovered.push(instrument);
    if (entry.last === null || moment.at >= entry.last.at) entry.last = moment;
    this.#unlink(entry, instrument);
    if (entry.waiting.size === 0) this.#close(entry, entry.last, why);
  }

  #close(entry: Entry, moment: Moment, evidence: string): void {
    this.#remove(entry);
    const { gap } = entry;
    // A wall clock that was set back can put the end before the beginning; the seqs still tell the order.
    const to = Math.max(moment.at, gap.from) as UnixMicros;
    this.#say("closed", { ...gap, to, toSeq: moment.seq, evidence: `${gap.evidence}; ${evidence}, ${formatTime(to)}` });
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry.gap.id);
    for (const instrument of entry.waiting) this.#unlink(entry, instrument);
  }

  #unlink(entry: Entry, instrument: InstrumentId): void {
    const entries = this.#byInstrument.get(instrument);
    entries?.delete(entry);
    if (entries?.size === 0) this.#byInstrument.delete(instrument);
  }

  #say(phase: GapRecord["phase"], gap: Gap): void {
    this.#write({ phase, gap });
  }
}

/** Parts of a split gap share its first frame: "…", "…~2", "…~3". */
function partAfter(id: string): number {
  return Number(/~(\d+)$/.exec(id)?.[1] ?? 1) + 1;
}
