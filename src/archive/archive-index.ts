import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type {
  ExactPrice,
  Gap,
  InstrumentId,
  Market,
  MarketId,
  PriceMicros,
  Seq,
  UnixMicros,
  VerdictCounts,
} from "#model";

/** A pack, as its directory says. */
export interface PackSummary {
  readonly file: string;
  readonly firstSeq: Seq;
  readonly lastSeq: Seq;
  readonly firstReceivedAt: UnixMicros;
  readonly lastReceivedAt: UnixMicros;
  readonly frames: number;
  /** Of the file. */
  readonly bytes: number;
  /** Of its frames as they were received. */
  readonly frameBytes: number;
  readonly chunks: number;
  readonly messages: number;
  readonly levelChanges: number;
  /** Messages and digests that had to be kept as they are. */
  readonly rawMessages: number;
  readonly rawDigests: number;
  /** Frames that belong to no single market, and what they take. */
  readonly restFrames: number;
  readonly restBytes: number;
  readonly faults: number;
}

/** What one pack has of one market. */
export interface MarketSpan {
  readonly market: MarketId;
  /** firstSeq of the pack. */
  readonly pack: Seq;
  readonly firstKnownAt: UnixMicros;
  readonly lastKnownAt: UnixMicros;
  readonly frames: number;
  readonly messages: number;
  readonly levelChanges: number;
  readonly bytes: number;
  readonly frameBytes: number;
}

export interface SeriesSummary {
  readonly series: string;
  readonly windows: number;
  readonly startsAt: UnixMicros;
  readonly endsAt: UnixMicros;
}

export interface WindowSummary {
  readonly series: string | null;
  readonly slug: string;
  readonly market: MarketId;
  readonly startsAt: UnixMicros;
  readonly endsAt: UnixMicros;
  /** When the recording first heard of it. */
  readonly knownAt: UnixMicros;
  /** What the archive has of its books; 0 where it has none. */
  readonly messages: number;
  readonly bytes: number;
}

export interface WindowQuery {
  readonly series?: string;
  /** Windows that end after `from` and start before `to`. */
  readonly from?: UnixMicros;
  readonly to?: UnixMicros;
}

export interface IndexedInstrument {
  readonly instrument: InstrumentId;
  readonly market: MarketId;
  /** null where no catalog named it. */
  readonly outcome: string | null;
}

export interface PackProof {
  readonly instrument: InstrumentId;
  readonly market: MarketId;
  /** firstSeq of the pack. */
  readonly pack: Seq;
  readonly states: VerdictCounts;
  readonly bbo: { readonly checked: number; readonly agreed: number };
  readonly crossed: number;
  readonly locked: number;
}

export interface GapQuery {
  readonly from?: UnixMicros;
  readonly to?: UnixMicros;
  readonly instrument?: InstrumentId;
}

/**
 * What an archive holds, asked without opening a pack. Where a question takes `at`, the answer is what was known by then
 * and nothing later.
 */
export class ArchiveIndex {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, ReturnType<DatabaseSync["prepare"]>>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  packs(): readonly PackSummary[] {
    return this.#all<PackSummary>(
      `SELECT file, first_seq AS firstSeq, last_seq AS lastSeq, first_received_at AS firstReceivedAt,
       last_received_at AS lastReceivedAt, frames, bytes, frame_bytes AS frameBytes, chunks, messages,
       level_changes AS levelChanges, raw_messages AS rawMessages, raw_digests AS rawDigests,
       rest_frames AS restFrames, rest_bytes AS restBytes, faults FROM packs ORDER BY first_seq`,
    );
  }

  series(): readonly SeriesSummary[] {
    return this.#all<SeriesSummary>(
      "SELECT series, windows, starts_at AS startsAt, ends_at AS endsAt FROM series ORDER BY series",
    );
  }

  windows({ series, from, to }: WindowQuery = {}): readonly WindowSummary[] {
    return this.#all<WindowSummary>(
      `SELECT series, slug, w.market AS market, starts_at AS startsAt, ends_at AS endsAt, known_at AS knownAt,
       IFNULL(SUM(s.messages), 0) AS messages, IFNULL(SUM(s.bytes), 0) AS bytes
       FROM windows w LEFT JOIN spans s ON s.market = w.market
       WHERE (?1 IS NULL OR series = ?1) AND ends_at > ?2 AND starts_at < ?3 GROUP BY w.market ORDER BY starts_at, slug`,
      series ?? null,
      from ?? Number.MIN_SAFE_INTEGER,
      to ?? Number.MAX_SAFE_INTEGER,
    );
  }

  /** All markets that the catalog named. */
  markets(at?: UnixMicros): readonly Market[] {
    const ids = this.#all<{ market: MarketId }>("SELECT DISTINCT market FROM markets ORDER BY market");
    return ids.flatMap(({ market }) => this.market(market, at) ?? []);
  }

  /** The catalog's latest word on a market; with strike, final price and winner where another service told them first. */
  market(id: MarketId, at?: UnixMicros): Market | undefined {
    // What was announced lacks what the catalog says: it counts only as long as there is nothing else.
    const [row] = this.#all<{ document: string }>(
      `SELECT document FROM markets WHERE market = ? AND known_at <= ?
       ORDER BY source = 'gamma' DESC, seq DESC LIMIT 1`,
      id,
      at ?? Number.MAX_SAFE_INTEGER,
    );
    if (!row) return undefined;
    const market = JSON.parse(row.document) as Market;
    return {
      ...market,
      strike: market.strike ?? this.#price("strikes", market.slug, at),
      finalPrice: market.finalPrice ?? this.#price("final_prices", market.slug, at),
      winner: market.winner ?? this.#winner(id, at),
    };
  }

  marketOfSlug(slug: string, at?: UnixMicros): Market | undefined {
    const [row] = this.#all<{ market: MarketId }>("SELECT market FROM markets WHERE slug = ? LIMIT 1", slug);
    return row && this.market(row.market, at);
  }

  /** The market of an instrument, also where no catalog named it. */
  marketOf(instrument: InstrumentId): MarketId | undefined {
    const sql = "SELECT market FROM instruments WHERE instrument = ? LIMIT 1";
    return this.#all<{ market: MarketId }>(sql, instrument)[0]?.market;
  }

  /** Of one market, in the order of its outcomes; of all without one. */
  instruments(market?: MarketId): readonly IndexedInstrument[] {
    return this.#all<IndexedInstrument>(
      `SELECT instrument, market, MAX(outcome) AS outcome FROM instruments WHERE ?1 IS NULL OR market = ?1
       GROUP BY instrument ORDER BY market, MAX(position), instrument`,
      market ?? null,
    );
  }

  /** By pack. */
  spans(market?: MarketId): readonly MarketSpan[] {
    return this.#all<MarketSpan>(
      `SELECT market, pack, first_known_at AS firstKnownAt, last_known_at AS lastKnownAt, frames, messages,
       level_changes AS levelChanges, bytes, frame_bytes AS frameBytes FROM spans
       WHERE ?1 IS NULL OR market = ?1 ORDER BY pack, market`,
      market ?? null,
    );
  }

  /**
   * Gaps that touch a span, by time: those that the recorder wrote down, and the contradictions found in the merged stream,
   * which stand for those that the recorder saw on one socket.
   */
  gaps({ from, to, instrument }: GapQuery = {}): readonly Gap[] {
    const rows = this.#all<{ document: string }>(
      `SELECT document FROM gaps WHERE NOT (cause = 'contradiction' AND found = 0)
       AND from_at <= ? AND IFNULL(to_at, ?) >= ? ORDER BY from_at, id`,
      to ?? Number.MAX_SAFE_INTEGER,
      Number.MAX_SAFE_INTEGER,
      from ?? Number.MIN_SAFE_INTEGER,
    );
    const gaps = rows.map(({ document }) => JSON.parse(document) as Gap);
    if (instrument === undefined) return gaps;
    return gaps.filter((gap) => gap.instruments.length === 0 || gap.instruments.includes(instrument));
  }

  proofs(instrument?: InstrumentId): readonly PackProof[] {
    const rows = this.#all<Omit<PackProof, "states" | "bbo"> & VerdictCounts & { checked: number; agreed: number }>(
      `SELECT instrument, market, pack, proven, inferred, contradicted, unprovable, bbo_checked AS checked,
       bbo_agreed AS agreed, crossed, locked FROM proofs WHERE ?1 IS NULL OR instrument = ?1 ORDER BY pack, instrument`,
      instrument ?? null,
    );
    return rows.map(({ proven, inferred, contradicted, unprovable, checked, agreed, ...row }) => ({
      ...row,
      states: { proven, inferred, contradicted, unprovable },
      bbo: { checked, agreed },
    }));
  }

  #price(table: "strikes" | "final_prices", slug: string, at: UnixMicros | undefined): ExactPrice | null {
    const [row] = this.#all<{ price: PriceMicros; exact: string }>(
      `SELECT price, exact FROM ${table} WHERE slug = ? AND known_at <= ? ORDER BY source = 'gamma' DESC, seq DESC LIMIT 1`,
      slug,
      at ?? Number.MAX_SAFE_INTEGER,
    );
    return row ? { price: row.price, exact: row.exact } : null;
  }

  #winner(market: MarketId, at: UnixMicros | undefined): InstrumentId | null {
    const [row] = this.#all<{ winner: InstrumentId }>(
      "SELECT winner FROM resolutions WHERE market = ? AND known_at <= ? ORDER BY seq DESC LIMIT 1",
      market,
      at ?? Number.MAX_SAFE_INTEGER,
    );
    return row?.winner ?? null;
  }

  #all<Row>(sql: string, ...values: readonly SQLInputValue[]): readonly Row[] {
    const statement = this.#statements.get(sql) ?? this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement.all(...values) as unknown as readonly Row[];
  }
}
