import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Damage } from "#journal";
import { openRecording as openFolder, type Recording } from "#replay";
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

/**
 * Opens a recording to read, archive and journal as one. Damage in it is told, the command ends with "check failed", and
 * what is whole is read.
 */
export async function openRecording(data: string): Promise<Recording> {
  return openFolder(data, {
    onDamage: (damage) => {
      note(`polypunt: ${damageLine(damage)}; "polypunt repair" saves what is whole`);
      process.exitCode = EXIT.checkFailed;
    },
  });
}

/** The same for who has listed the damage already. */
export function openQuietly(data: string): Promise<Recording> {
  return openFolder(data, { onDamage: () => undefined });
}

export function damageLine({ file, offset, reason, lost }: Damage): string {
  const gone = lost ? `, frames ${lost.from} to ${lost.to - 1} are lost` : "";
  return `damage in ${file} at byte ${offset}: ${reason}${gone}`;
}
