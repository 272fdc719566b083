import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Damage, type JournalReader, openJournalReader } from "#journal";
import { EXIT, UserError } from "./failure.ts";
import { note } from "./output.ts";

/** The journal's folder inside a data folder. */
export function journalFolder(data: string): string {
  return join(resolve(data), "journal");
}

/** The archive's folder inside a data folder. */
export function archiveFolder(data: string): string {
  return join(resolve(data), "archive");
}

/** The journal's folder for commands that read: there must be one. */
export function existingJournal(data: string): string {
  const folder = journalFolder(data);
  if (existsSync(folder)) return folder;
  throw new UserError(
    `no recording in ${resolve(data)}: make one with "polypunt record", "import" or "demo", or name another folder with --data`,
  );
}

/** Opens a recording to read. Damage in it is told, the command ends with "check failed", and what is whole is read. */
export async function openRecording(data: string): Promise<JournalReader> {
  const onDamage = (damage: Damage): void => {
    note(`polypunt: ${damageLine(damage)}; "polypunt repair" saves what is whole`);
    process.exitCode = EXIT.checkFailed;
  };
  return openJournalReader(existingJournal(data), { onDamage });
}

export function damageLine({ file, offset, reason, lost }: Damage): string {
  const gone = lost ? `, frames ${lost.from} to ${lost.to - 1} are lost` : "";
  return `damage in ${file} at byte ${offset}: ${reason}${gone}`;
}
