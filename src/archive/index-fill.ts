import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { type Frame, type Gap, type MarketId, VERDICTS } from "#model";
import { parseGapRecord } from "#timeline";
import { Decoder } from "#venue";
import { type FactAt, factsOf, NewFacts } from "./facts.ts";
import { PACK_TABLES } from "./index-schema.ts";
import { least, most } from "./market-chunks.ts";
import type { PackProofs } from "./pack-builder.ts";
import type { PackFile } from "./pack-file.ts";
import type { ChunkEntry } from "./pack-layout.ts";

/** All that the index takes from a pack. */
export interface PackContents {
  readonly pack: PackFile;
  readonly facts: readonly FactAt[];
  readonly gaps: readonly Gap[];
  readonly proofs: PackProofs;
}

/** Reads the rest of a pack and what was proven; no market's chunk is opened. */
export async function readContents(pack: PackFile): Promise<PackContents> {
  const decoder = new Decoder();
  const fresh = new NewFacts();
  const facts: FactAt[] = [];
  const gaps = new Map<string, Gap>();
  for (const entry of pack.directory.rest) {
    for (const frame of await pack.rest(entry)) {
      learn(frame);
    }
  }
  return { pack, facts, gaps: [...gaps.values()], proofs: await pack.proofs() };

  function learn(frame: Frame): void {
    const gap = frame.kind === "gap" ? parseGapRecord(frame.bytes)?.gap : undefined;
    if (gap) gaps.set(gap.id, gap);
    for (const fact of factsOf(frame, decoder.decodeFrame(frame)))
      if (fresh.isNew(fact)) facts.push({ ...fact, knownAt: frame.receivedAt, seq: frame.seq });
  }
}

/** Puts a pack into the index, whole or not at all; instead of what the index had of it. */
export function addPack(database: DatabaseSync, contents: PackContents): void {
  transact(database, () => {
    const { firstSeq } = contents.pack.footer;
    deleteRows(database, firstSeq);
    insertPack(database, contents);
    insertMarkets(database, contents);
    for (const fact of contents.facts) insertFact(database, fact, firstSeq);
    for (const gap of contents.gaps) insertGap(database, gap, false, firstSeq);
    for (const gap of contents.proofs.gaps) insertGap(database, gap, true, firstSeq);
    for (const { instrument, market, states, bbo, crossed, locked } of contents.proofs.instruments) {
      const counts = VERDICTS.map((verdict) => states[verdict]);
      insert(database, "proofs", [instrument, market, firstSeq, ...counts, bbo.checked, bbo.agreed, crossed, locked]);
    }
  });
}

/** Takes a pack out of the index, with all that it told. */
export function removePack(database: DatabaseSync, firstSeq: number): void {
  transact(database, () => deleteRows(database, firstSeq));
}

function deleteRows(database: DatabaseSync, firstSeq: number): void {
  database.prepare("DELETE FROM packs WHERE first_seq = ?").run(firstSeq);
  for (const table of PACK_TABLES) database.prepare(`DELETE FROM ${table} WHERE pack = ?`).run(firstSeq);
}

function insertPack(database: DatabaseSync, { pack, proofs }: PackContents): void {
  const { footer, directory, file, bytes } = pack;
  const chunks = directory.markets.flatMap((market) => market.chunks);
  const all = [...chunks, ...directory.rest];
  const sum = (entries: readonly ChunkEntry[], of: (entry: ChunkEntry) => number): number =>
    entries.reduce((total, entry) => total + of(entry), 0);
  insert(database, "packs", [
    footer.firstSeq,
    file,
    footer.lastSeq,
    footer.frames,
    least(all.map(({ firstReceivedAt }) => firstReceivedAt)),
    most(all.map(({ lastReceivedAt }) => lastReceivedAt)),
    bytes,
    sum(all, ({ frameBytes }) => frameBytes),
    chunks.length,
    sum(chunks, ({ messages }) => messages),
    sum(chunks, ({ levelChanges }) => levelChanges),
    sum(chunks, ({ rawMessages }) => rawMessages),
    sum(chunks, ({ rawDigests }) => rawDigests),
    sum(directory.rest, ({ frames }) => frames),
    sum(directory.rest, ({ length }) => length),
    Object.values(proofs.faults).reduce((total, count) => total + count, 0),
  ]);
}

function insertMarkets(database: DatabaseSync, { pack }: PackContents): void {
  const { firstSeq } = pack.footer;
  for (const { market, instruments, chunks } of pack.directory.markets) {
    for (const instrument of instruments)
      insert(database, "instruments", [instrument, market, null, null, firstSeq], "OR IGNORE");
    const total = (of: (entry: ChunkEntry) => number): number => chunks.reduce((sum, entry) => sum + of(entry), 0);
    insert(database, "spans", [
      market,
      firstSeq,
      chunks[0]!.firstKnownAt,
      chunks.at(-1)!.lastKnownAt,
      total(({ frames }) => frames),
      total(({ messages }) => messages),
      total(({ levelChanges }) => levelChanges),
      total(({ length }) => length),
      total(({ frameBytes }) => frameBytes),
    ]);
  }
}

function insertFact(database: DatabaseSync, fact: FactAt, pack: number): void {
  const { knownAt, seq, source } = fact;
  switch (fact.kind) {
    case "market": {
      const { market } = fact;
      const { id, slug, seriesSlug, groupSlug, window, outcomes } = market;
      const span = [window?.startsAt ?? null, window?.endsAt ?? null];
      const document = JSON.stringify(market);
      insert(
        database,
        "markets",
        [id, knownAt, seq, source, slug, seriesSlug, groupSlug, ...span, document, pack],
        "OR REPLACE",
      );
      for (const [position, { name, instrument }] of outcomes.entries())
        insert(database, "instruments", [instrument, id as MarketId, name, position, pack], "OR REPLACE");
      return;
    }
    case "strike":
    case "final_price": {
      const { price, exact } = fact.price;
      const table = fact.kind === "strike" ? "strikes" : "final_prices";
      return insert(database, table, [fact.slug, knownAt, seq, source, price, exact, pack], "OR REPLACE");
    }
    case "resolution":
      return insert(database, "resolutions", [fact.market, knownAt, seq, source, fact.winner, pack], "OR REPLACE");
  }
}

/** A gap is told when it opens and again when it closes, maybe in a later pack: the last word counts. */
function insertGap(database: DatabaseSync, gap: Gap, found: boolean, pack: number): void {
  const { id, cause, from, to } = gap;
  insert(database, "gaps", [id, cause, found ? 1 : 0, from, to, JSON.stringify(gap), pack], "OR REPLACE");
}

const statements = new WeakMap<DatabaseSync, Map<string, ReturnType<DatabaseSync["prepare"]>>>();

function insert(database: DatabaseSync, table: string, values: readonly SQLInputValue[], or = ""): void {
  const known = statements.get(database) ?? new Map<string, ReturnType<DatabaseSync["prepare"]>>();
  statements.set(database, known);
  const sql = `INSERT ${or} INTO ${table} VALUES (${values.map(() => "?").join(", ")})`;
  const statement = known.get(sql) ?? database.prepare(sql);
  known.set(sql, statement);
  statement.run(...values);
}

function transact(database: DatabaseSync, work: () => void): void {
  database.exec("BEGIN IMMEDIATE");
  try {
    work();
    database.exec("COMMIT");
  } catch (cause) {
    database.exec("ROLLBACK");
    throw cause;
  }
}
