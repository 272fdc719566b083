import { randomUUID } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { JournalLocked } from "./errors.ts";

// One writer a directory. The lock must not outlive its holder, not even kill -9, so it is a lock of the operating
// system. Node offers none of its own, but SQLite takes one (fcntl on Unix, LockFileEx on Windows) for a transaction
// that means to write, and keeps it while the transaction is open. The database stays empty: 0 bytes.
//
// TRAP: on Unix a process loses an fcntl lock when it closes ANY descriptor of that file. Never open "lock" by other
// means than SQLite, which knows (it keeps such descriptors until the lock is gone).

const LOCK_NAME = "lock";
const HOLDER_NAME = "writer.pid";
const SQLITE_BUSY = 5;

export interface JournalLock {
  release(): void;
}

/** @throws JournalLocked where another writer holds it; Node's error where the directory cannot be written. */
export function lockJournal(directory: string, pid: number): JournalLock {
  const database = new DatabaseSync(join(directory, LOCK_NAME), { timeout: 0 });
  try {
    // Without this SQLite begins a journal file of its own, which a full disk refuses.
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN IMMEDIATE");
  } catch (cause) {
    database.close();
    if (!isBusy(cause)) throw cause;
    throw new JournalLocked(directory, readHolder(directory));
  }
  try {
    writeHolder(directory, pid);
  } catch {
    // Only for the other's error message: a full disk must not keep a journal from opening.
  }
  return { release: () => database.close() };
}

function isBusy(cause: unknown): boolean {
  return cause instanceof Error && "errcode" in cause && cause.errcode === SQLITE_BUSY;
}

function writeHolder(directory: string, pid: number): void {
  // Renamed into place, so that a refused contender never reads half a number.
  const fresh = join(directory, `${HOLDER_NAME}.${randomUUID()}`);
  writeFileSync(fresh, `${pid}\n`);
  renameSync(fresh, join(directory, HOLDER_NAME));
}

function readHolder(directory: string): number | null {
  try {
    const pid = Number(readFileSync(join(directory, HOLDER_NAME), "utf8"));
    return Number.isSafeInteger(pid) && pid > 0 ? pid : null;
  } catch {
    return null;
  }
}
