import { rmSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

/** Raised with each change of the tables: an index of another version is made again from the packs. */
export const INDEX_VERSION = 1;

// Times are Unix microseconds. `pack` is the seq of a pack's first frame: with the pack goes all that it told.
// A fact's `known_at` is when its frame was received: for a question as of T, only what was known by then counts.
const TABLES = `
CREATE TABLE packs (
  first_seq INTEGER PRIMARY KEY, file TEXT NOT NULL, last_seq INTEGER NOT NULL, frames INTEGER NOT NULL,
  first_received_at INTEGER NOT NULL, last_received_at INTEGER NOT NULL, bytes INTEGER NOT NULL,
  frame_bytes INTEGER NOT NULL, chunks INTEGER NOT NULL, messages INTEGER NOT NULL, level_changes INTEGER NOT NULL,
  raw_messages INTEGER NOT NULL, raw_digests INTEGER NOT NULL, rest_frames INTEGER NOT NULL, rest_bytes INTEGER NOT NULL,
  faults INTEGER NOT NULL
) STRICT;
CREATE TABLE markets (
  market TEXT NOT NULL, known_at INTEGER NOT NULL, seq INTEGER NOT NULL, source TEXT NOT NULL, slug TEXT NOT NULL,
  series TEXT, group_slug TEXT, starts_at INTEGER, ends_at INTEGER, document TEXT NOT NULL, pack INTEGER NOT NULL,
  PRIMARY KEY (market, source, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX markets_by_slug ON markets (slug, seq);
CREATE INDEX markets_by_window ON markets (series, starts_at);
CREATE TABLE strikes (
  slug TEXT NOT NULL, known_at INTEGER NOT NULL, seq INTEGER NOT NULL, source TEXT NOT NULL, price INTEGER NOT NULL,
  exact TEXT NOT NULL, pack INTEGER NOT NULL, PRIMARY KEY (slug, source, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE final_prices (
  slug TEXT NOT NULL, known_at INTEGER NOT NULL, seq INTEGER NOT NULL, source TEXT NOT NULL, price INTEGER NOT NULL,
  exact TEXT NOT NULL, pack INTEGER NOT NULL, PRIMARY KEY (slug, source, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE resolutions (
  market TEXT NOT NULL, known_at INTEGER NOT NULL, seq INTEGER NOT NULL, source TEXT NOT NULL, winner TEXT NOT NULL,
  pack INTEGER NOT NULL, PRIMARY KEY (market, source, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE instruments (
  instrument TEXT NOT NULL, market TEXT NOT NULL, outcome TEXT, position INTEGER, pack INTEGER NOT NULL,
  PRIMARY KEY (instrument, pack)
) STRICT, WITHOUT ROWID;
CREATE INDEX instruments_by_market ON instruments (market);
CREATE TABLE spans (
  market TEXT NOT NULL, pack INTEGER NOT NULL, first_known_at INTEGER NOT NULL, last_known_at INTEGER NOT NULL,
  frames INTEGER NOT NULL, messages INTEGER NOT NULL, level_changes INTEGER NOT NULL, bytes INTEGER NOT NULL,
  frame_bytes INTEGER NOT NULL, PRIMARY KEY (market, pack)
) STRICT, WITHOUT ROWID;
CREATE TABLE gaps (
  id TEXT PRIMARY KEY, cause TEXT NOT NULL, found INTEGER NOT NULL, from_at INTEGER NOT NULL, to_at INTEGER,
  document TEXT NOT NULL, pack INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE proofs (
  instrument TEXT NOT NULL, market TEXT NOT NULL, pack INTEGER NOT NULL, proven INTEGER NOT NULL,
  inferred INTEGER NOT NULL, contradicted INTEGER NOT NULL, unprovable INTEGER NOT NULL, bbo_checked INTEGER NOT NULL,
  bbo_agreed INTEGER NOT NULL, crossed INTEGER NOT NULL, locked INTEGER NOT NULL, PRIMARY KEY (instrument, pack)
) STRICT, WITHOUT ROWID;
CREATE VIEW windows AS
  SELECT series, slug, market, starts_at, ends_at, MIN(known_at) AS known_at FROM markets
  WHERE starts_at IS NOT NULL GROUP BY market;
CREATE VIEW series AS
  SELECT series, COUNT(*) AS windows, MIN(starts_at) AS starts_at, MAX(ends_at) AS ends_at FROM windows
  WHERE series IS NOT NULL GROUP BY series;
`;

/** Tables that a pack has rows in. */
export const PACK_TABLES = [
  "markets",
  "strikes",
  "final_prices",
  "resolutions",
  "instruments",
  "spans",
  "gaps",
  "proofs",
] as const;

export interface OpenedIndex {
  readonly database: DatabaseSync;
  /** Why it is empty though there may be packs; null where it was there. */
  readonly madeNew: string | null;
}

const BUSY_MILLIS = 10_000;
const MOST_CHECKED = 32 * 1024 * 1024;

/** Opens an index, or makes an empty one where there is none, it is of another version, or it is damaged. */
export function openIndexFile(path: string): OpenedIndex {
  if (!isThere(path)) return { database: prepare(new DatabaseSync(path)), madeNew: "there was none" };
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path);
    settle(database);
    const { user_version: version } = database.prepare("PRAGMA user_version").get() as { user_version: number };
    if (version !== INDEX_VERSION) {
      clear(database);
      return {
        database: prepare(database),
        madeNew: `it was of version ${version}, this program's is ${INDEX_VERSION}`,
      };
    }
    if (statSync(path).size <= MOST_CHECKED) check(database);
    return { database, madeNew: null };
  } catch (cause) {
    database?.close();
    if (!isDamage(cause)) throw cause;
    removeIndexFile(path);
    return { database: prepare(new DatabaseSync(path)), madeNew: `it was damaged (${(cause as Error).message})` };
  }
}

/** For where nothing may be written: the same in memory. */
export function memoryIndex(): DatabaseSync {
  return prepare(new DatabaseSync(":memory:"));
}

export function removeIndexFile(path: string): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
}

function prepare(database: DatabaseSync): DatabaseSync {
  settle(database);
  database.exec("BEGIN IMMEDIATE");
  try {
    // Somebody else may have made it meanwhile.
    const { user_version: version } = database.prepare("PRAGMA user_version").get() as { user_version: number };
    if (version !== INDEX_VERSION) database.exec(`${TABLES} PRAGMA user_version = ${INDEX_VERSION};`);
    database.exec("COMMIT");
  } catch (cause) {
    database.exec("ROLLBACK");
    throw cause;
  }
  return database;
}

function settle(database: DatabaseSync): void {
  // An index is made again where a power cut takes its last commits: WAL without a sync for each is enough.
  database.exec(`PRAGMA busy_timeout = ${BUSY_MILLIS}; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL`);
}

function clear(database: DatabaseSync): void {
  const found = database.prepare("SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'").all();
  const named = found as unknown as readonly { type: string; name: string }[];
  database.exec("BEGIN IMMEDIATE");
  for (const type of ["view", "table"])
    for (const each of named) if (each.type === type) database.exec(`DROP ${type} "${each.name}"`);
  database.exec("PRAGMA user_version = 0; COMMIT");
}

function check(database: DatabaseSync): void {
  for (const name of ["packs", ...PACK_TABLES, "windows", "series"]) database.prepare(`SELECT 1 FROM ${name}`);
  const [row] = database.prepare("PRAGMA quick_check(1)").all() as unknown as readonly { quick_check: string }[];
  if (row?.quick_check !== "ok") throw Object.assign(new Error(row?.quick_check ?? "no answer"), { errcode: CORRUPT });
}

const CORRUPT = 11;
const NOT_A_DATABASE = 26;
const ERROR = 1;

/** Also "no such table": somebody wrote another schema under our version. */
function isDamage(cause: unknown): boolean {
  if (!(cause instanceof Error && "errcode" in cause && typeof cause.errcode === "number")) return false;
  return [CORRUPT, NOT_A_DATABASE, ERROR].includes(cause.errcode & 0xff);
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
