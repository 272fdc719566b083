import type { Frame, Gap, GapRecord } from "#model";

/** The gaps that the recording itself wrote down, each in its last state. */
export class RecordedGaps {
  readonly #gaps = new Map<string, Gap>();

  learn(frame: Frame): void {
    if (frame.kind !== "gap") return;
    const record = parseGapRecord(frame.bytes);
    if (record) this.#gaps.set(record.gap.id, record.gap);
  }

  all(): readonly Gap[] {
    return [...this.#gaps.values()];
  }
}

/** A line of the gap ledger; undefined where the bytes are none. */
export function parseGapRecord(bytes: Uint8Array): GapRecord | undefined {
  try {
    const record = JSON.parse(new TextDecoder().decode(bytes)) as GapRecord;
    return typeof record?.gap?.id === "string" ? record : undefined;
  } catch {
    return undefined;
  }
}
