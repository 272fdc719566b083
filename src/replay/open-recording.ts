import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { openArchive as openArchiveFolder } from "#archive";
import { type Clock, systemClock } from "#host";
import { type Damage, type JournalReader, openJournalReader } from "#journal";
import type { ArchivedHours } from "./archived-hours.ts";
import { RecordingMissing, RecordingUnreadable } from "./errors.ts";
import { JoinedFrames } from "./joined-frames.ts";
import { Recording } from "./recording.ts";

export interface OpenOptions {
  /** Paces playbacks. Default: the machine's. */
  readonly clock?: Clock;
  /**
   * Told of each damage met; reading then goes on after it. Without it, reading ends with JournalDamaged: a hole is
   * never passed over in silence.
   */
  readonly onDamage?: (damage: Damage) => void;
  /** Opens the folder of packed hours. Default: the archive room. */
  readonly openArchive?: (folder: string) => Promise<ArchivedHours>;
}

/**
 * Opens the recording in a data folder: its archive (`archive/`), its journal (`journal/`), or both as one. A recorder may
 * go on writing and packing meanwhile.
 * @throws RecordingMissing where the folder holds neither, RecordingUnreadable where one of them cannot be opened.
 */
export async function openRecording(folder: string, options: OpenOptions = {}): Promise<Recording> {
  const data = resolve(folder);
  const [archives, journals] = [join(data, "archive"), join(data, "journal")];
  const { openArchive = openArchiveFolder, onDamage, clock = systemClock() } = options;
  const hasArchive = existsSync(archives);
  if (!hasArchive && !existsSync(journals)) throw new RecordingMissing(data);
  let archive: ArchivedHours | null = null;
  let journal: JournalReader | null = null;
  let joined: JoinedFrames | null = null;
  try {
    archive = hasArchive ? await openArchive(archives) : null;
    if (existsSync(journals))
      journal = await openJournalReader(journals, { onDamage: (damage) => joined?.learnDamage(damage) });
  } catch (cause) {
    await archive?.close();
    throw new RecordingUnreadable(data, cause);
  }
  joined = new JoinedFrames({ archive, journal, onDamage });
  return new Recording(joined, archive, clock);
}
