import { existsSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import type { Log } from "#host";
import { ArchiveMissing } from "./errors.ts";
import { addPack, readContents, removePack } from "./index-fill.ts";
import { memoryIndex, openIndexFile, removeIndexFile } from "./index-schema.ts";
import { listPacks, packsFolder } from "./names.ts";
import { PackFile } from "./pack-file.ts";

// The packs are the truth; the index follows them. A process that was killed between the two, a pack that was deleted by
// hand, an index of another version: all the same, it is brought up to what the folder has when it is opened.

export function indexPath(archive: string): string {
  return join(archive, "index.sqlite");
}

/**
 * Opens the index of an archive, brought up to its packs; made again where it cannot be used, which is told. Where nothing
 * may be written it is made in memory. @throws ArchiveMissing; ArchiveDamaged, ArchiveTooNew of a pack it must read.
 */
export async function openIndex(archive: string, log: Log): Promise<DatabaseSync> {
  if (!existsSync(archive)) throw new ArchiveMissing(`no archive in ${archive}: make one with "polypunt archive run"`);
  const database = openOrMemory(archive, log, (await listPacks(archive)).length);
  try {
    await syncIndex(database, archive);
    return database;
  } catch (cause) {
    database.close();
    throw cause;
  }
}

/** Makes the index again from the packs alone; returns how many there are. */
export async function rebuildIndex(archive: string, onPack?: (done: number, of: number) => void): Promise<number> {
  if (!existsSync(archive)) throw new ArchiveMissing(`no archive in ${archive}: make one with "polypunt archive run"`);
  removeIndexFile(indexPath(archive));
  const { database } = openIndexFile(indexPath(archive));
  try {
    return (await syncIndex(database, archive, onPack)).packs;
  } finally {
    database.close();
  }
}

/** Adds packs that the index lacks and removes those that are no more. */
export async function syncIndex(
  database: DatabaseSync,
  archive: string,
  onPack?: (done: number, of: number) => void,
): Promise<{ readonly packs: number; readonly changed: boolean }> {
  const there = await listPacks(archive);
  const indexed = database.prepare("SELECT first_seq AS firstSeq, file FROM packs").all() as unknown as readonly {
    firstSeq: number;
    file: string;
  }[];
  const known = new Set(indexed.map(({ file }) => file));
  const files = new Set(there.map(({ file }) => file));
  const gone = indexed.filter(({ file }) => !files.has(file));
  for (const { firstSeq } of gone) removePack(database, firstSeq);
  const missing = there.filter(({ file }) => !known.has(file));
  for (const [done, { file }] of missing.entries()) {
    const pack = await PackFile.open(join(packsFolder(archive), file));
    try {
      addPack(database, await readContents(pack));
    } finally {
      await pack.close();
    }
    onPack?.(done + 1, missing.length);
  }
  return { packs: there.length, changed: gone.length + missing.length > 0 };
}

function openOrMemory(archive: string, log: Log, packs: number): DatabaseSync {
  try {
    const { database, madeNew } = openIndexFile(indexPath(archive));
    if (madeNew !== null && packs > 0) log.warn({ packs }, `the archive's index is made again: ${madeNew}`);
    return database;
  } catch (cause) {
    if (!isReadOnly(cause)) throw cause;
    log.warn({ packs }, "the archive's index cannot be written here: made in memory from the packs");
    return memoryIndex();
  }
}

const SQLITE_READONLY = 8;
const SQLITE_CANTOPEN = 14;

function isReadOnly(cause: unknown): boolean {
  if (!(cause instanceof Error && "errcode" in cause && typeof cause.errcode === "number")) return false;
  return [SQLITE_READONLY, SQLITE_CANTOPEN].includes(cause.errcode & 0xff);
}
