import type { ConnectionClosed, ConnectionId, ConnectionOpened, Gap, InstrumentId, UnixMicros } from "#model";
import { type FrameKind, type GapRecord, NO_MONOTONIC, parseTime, type UnnumberedFrame } from "#model";
import { Decoder } from "#venue";
import { readLines } from "./line-readings.ts";
import type { Reading } from "./reading.ts";

/*
 * Tardis raw feeds: minute slices of NDJSON, gzip or zstd. A line is the time of arrival, a space, and the venue's message
 * as it was received; the time has 28 characters, with 100 ns:
 *   2026-06-01T00:03:03.1238784Z {"market":"0x…", …}
 * An empty line says that the recorder was disconnected there. Source: tardis-node's replay, docs.tardis.dev.
 */

const SPACE = 32;
/** No time of arrival is longer. */
const LONGEST_TIME = 40;
const BOOK = Buffer.from('"event_type":"book"');

export interface TardisOptions {
  /** The label of the frames in the journal. */
  readonly connection: ConnectionId;
}

/** Reads a slice or several joined ones. Throws as `readLines` does. */
export function readTardis(path: string, { connection }: TardisOptions): AsyncGenerator<Reading> {
  const feed = new TardisFeed(connection, path);
  return readLines(path, (line, number) => feed.parse(line, number));
}

/** One feed in order of its lines: what was carried, and where it was cut. */
class TardisFeed {
  readonly #connection: ConnectionId;
  readonly #path: string;
  readonly #decoder = new Decoder();
  readonly #carried = new Set<InstrumentId>();
  #latest: UnixMicros | null = null;
  #gap: Gap | null = null;
  #attempt = 1;

  constructor(connection: ConnectionId, path: string) {
    this.#connection = connection;
    this.#path = path;
  }

  parse(line: Uint8Array, number: number): readonly UnnumberedFrame[] | string {
    if (line.length === 0) return this.#cut(number);
    const space = line.subarray(0, LONGEST_TIME).indexOf(SPACE);
    if (space < 0) return "no time of arrival before the message";
    const text = Buffer.from(line.buffer, line.byteOffset, space).toString("latin1");
    // Digits alone would be read as a Unix time, which this format never has.
    const receivedAt = text.includes("T") ? parseTime(text) : undefined;
    if (receivedAt === undefined) return `${text.slice(0, LONGEST_TIME)} is no time of arrival`;
    const bytes = line.subarray(space + 1);
    if (bytes.length === 0) return "no message behind the time of arrival";
    const frames = this.#resume(receivedAt);
    this.#latest = receivedAt;
    const frame = this.#frame("received", receivedAt, bytes);
    this.#learn(frame);
    return [...frames, frame];
  }

  /** Several empty lines in a row, or those before the first message, say nothing more. */
  #cut(number: number): readonly UnnumberedFrame[] {
    const from = this.#latest;
    if (from === null || this.#gap) return [];
    const closed: ConnectionClosed = { code: null, reason: `empty line ${number} of ${this.#path}`, by: "network" };
    const gap: Gap = {
      id: `disconnect-${this.#connection}-${from}`,
      cause: "disconnect",
      instruments: [...this.#carried],
      connection: this.#connection,
      from,
      to: null,
      fromSeq: null,
      toSeq: null,
      evidence: `an empty line, ${number} of ${this.#path}: its recorder was disconnected`,
    };
    this.#gap = gap;
    return [this.#json("closed", from, closed), this.#json("gap", from, { phase: "opened", gap } satisfies GapRecord)];
  }

  #resume(at: UnixMicros): readonly UnnumberedFrame[] {
    if (!this.#gap) return [];
    const opened: ConnectionOpened = { url: this.#path, attempt: ++this.#attempt };
    const gap: Gap = { ...this.#gap, to: at };
    this.#gap = null;
    return [this.#json("opened", at, opened), this.#json("gap", at, { phase: "closed", gap } satisfies GapRecord)];
  }

  /** A gap names its books; only whole books tell for certain which ones the feed carries. */
  #learn(frame: UnnumberedFrame): void {
    if (!Buffer.from(frame.bytes.buffer, frame.bytes.byteOffset, frame.bytes.length).includes(BOOK)) return;
    for (const event of this.#decoder.decode("market", frame.bytes))
      if (event.kind === "book") this.#carried.add(event.instrument);
  }

  #json(kind: FrameKind, at: UnixMicros, body: ConnectionClosed | ConnectionOpened | GapRecord): UnnumberedFrame {
    return this.#frame(kind, at, Buffer.from(JSON.stringify(body)));
  }

  #frame(kind: FrameKind, receivedAt: UnixMicros, bytes: Uint8Array): UnnumberedFrame {
    return { connection: this.#connection, kind, receivedAt, monotonicAt: NO_MONOTONIC, bytes };
  }
}
