import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ArchiveLocked } from "./errors.ts";

// One packer an archive. As the journal's lock: a transaction that means to write, in an empty SQLite database, is a lock
// of the operating system and goes with its holder, whatever ends it.

const SQLITE_BUSY = 5;

/** Returns what releases it. @throws ArchiveLocked where another process packs. */
export function lockArchive(archive: string): () => void {
  const database = new DatabaseSync(join(archive, "lock"), { timeout: 0 });
  try {
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN IMMEDIATE");
  } catch (cause) {
    database.close();
    if (!(cause instanceof Error && "errcode" in cause && cause.errcode === SQLITE_BUSY)) throw cause;
    throw new ArchiveLocked(`${archive} is being packed by another process: wait for it, or stop it`);
  }
  return () => database.close();
}
