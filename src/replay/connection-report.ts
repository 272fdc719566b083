import type { ConnectionId, Frame, FrameSource, UnixMicros } from "#model";
import { SECOND } from "#model";
import { ConnectionMerge, replicaGroup } from "#timeline";
import { Decoder } from "#venue";
import { DelayHistogram } from "./delay-histogram.ts";
import type { TimeSpan } from "./recording.ts";

/** How one connection did beside its replicas. */
export interface ConnectionReport {
  readonly connection: ConnectionId;
  /** Frames that it received, of any content. */
  readonly frames: number;
  /** Messages that it was the first to show, and those that another had shown before. */
  readonly first: number;
  readonly copies: number;
  /** first / (first + copies); null without replicas. */
  readonly firstShare: number | null;
  /** Messages that a replica showed while this was connected, and it never did. Opening dumps are nobody's loss. */
  readonly missed: number;
  /** Messages that a replica showed while this was not connected. */
  readonly absent: number;
  /** How long after the first its copies came, in micros, to 3 %; null where it had none. */
  readonly delayMicros: {
    readonly p50: number;
    readonly p95: number;
    readonly p99: number;
    readonly max: number;
  } | null;
  /** How often it was closed. */
  readonly disconnects: number;
  /** The longest time between two frames while it was connected, in micros. */
  readonly longestSilenceMicros: number;
}

/** A message may come this much later on another connection; then it is missed. As the merge waits. */
const PATIENCE = 5 * SECOND;

/** What each connection saw first, later, and never; connections of their own are counted alone. */
export async function connectionReports(source: FrameSource, { from, to }: TimeSpan): Promise<ConnectionReport[]> {
  const watch = new ConnectionWatch();
  const range = {
    ...(from === undefined ? {} : { fromTime: from }),
    ...(to === undefined ? {} : { toTime: to }),
  };
  for await (const frames of source.read(range)) for (const frame of frames) watch.take(frame);
  return watch.reports();
}

interface Line {
  readonly connection: ConnectionId;
  readonly group: string;
  isLive: boolean;
  frames: number;
  first: number;
  copies: number;
  missed: number;
  absent: number;
  disconnects: number;
  longestSilence: number;
  /** Of the last frame since it was opened. */
  heardAt: UnixMicros | null;
  readonly delays: DelayHistogram;
}

interface Shown {
  readonly frame: Frame;
  readonly by: Set<Line>;
  /** Replicas that were connected when it was first shown. */
  readonly expected: readonly Line[];
}

class ConnectionWatch {
  readonly #lines = new Map<ConnectionId, Line>();
  readonly #merge: ConnectionMerge;
  readonly #decoder = new Decoder();
  /** In order of arrival, until all have shown them or it is too late. */
  readonly #open = new Map<Frame, Shown>();
  #copied = false;

  constructor() {
    this.#merge = new ConnectionMerge({
      onCopy: (copy, original) => {
        this.#copied = true;
        const line = this.#line(copy.connection);
        line.copies++;
        line.delays.add(Math.max(0, copy.receivedAt - original.receivedAt));
        this.#open.get(original)?.by.add(line);
      },
    });
  }

  take(frame: Frame): void {
    this.#expire(frame.receivedAt);
    const line = this.#line(frame.connection);
    this.#copied = false;
    this.#merge.push(frame);
    if (frame.kind === "opened") {
      line.isLive = true;
      line.heardAt = frame.receivedAt;
    } else if (frame.kind === "closed") {
      this.#hear(line, frame.receivedAt);
      line.isLive = false;
      line.heardAt = null;
      line.disconnects++;
    } else if (frame.kind === "received") {
      line.isLive = true;
      line.frames++;
      this.#hear(line, frame.receivedAt);
      if (!this.#copied) this.#showFirst(frame, line);
    }
  }

  reports(): ConnectionReport[] {
    this.#expire(Number.POSITIVE_INFINITY);
    return [...this.#lines.values()]
      .filter(({ frames, disconnects }) => frames > 0 || disconnects > 0)
      .sort((a, b) => (a.connection < b.connection ? -1 : 1))
      .map((line) => ({
        connection: line.connection,
        frames: line.frames,
        first: line.first,
        copies: line.copies,
        firstShare: this.#replicas(line).length < 2 ? null : line.first / Math.max(1, line.first + line.copies),
        missed: line.missed,
        absent: line.absent,
        delayMicros: line.delays.quantiles(),
        disconnects: line.disconnects,
        longestSilenceMicros: line.longestSilence,
      }));
  }

  #showFirst(frame: Frame, line: Line): void {
    line.first++;
    const replicas = this.#replicas(line);
    if (replicas.length < 2) return;
    const expected = replicas.filter((each) => each.isLive);
    this.#open.set(frame, { frame, by: new Set([line]), expected });
  }

  #expire(now: number): void {
    for (const [frame, shown] of this.#open) {
      if (now - frame.receivedAt < PATIENCE) return;
      this.#open.delete(frame);
      if (shown.by.size < this.#replicas(this.#line(frame.connection)).length) this.#count(shown);
    }
  }

  #count({ frame, by, expected }: Shown): void {
    const events = this.#decoder.decodeFrame(frame);
    // PONG answers one socket alone, and so does a dump of whole books.
    const isOwn = events.every(
      (event) => event.kind === "notice" || (event.kind === "book" && event.lastTradePrice !== undefined),
    );
    if (isOwn) return;
    for (const line of this.#replicas(this.#line(frame.connection))) {
      if (by.has(line)) continue;
      if (expected.includes(line)) line.missed++;
      else line.absent++;
    }
  }

  #hear(line: Line, at: UnixMicros): void {
    if (line.heardAt !== null) line.longestSilence = Math.max(line.longestSilence, at - line.heardAt);
    line.heardAt = at;
  }

  #replicas(line: Line): Line[] {
    return [...this.#lines.values()].filter(({ group }) => group === line.group);
  }

  #line(connection: ConnectionId): Line {
    let line = this.#lines.get(connection);
    if (!line) {
      line = {
        connection,
        group: replicaGroup(connection),
        isLive: false,
        frames: 0,
        first: 0,
        copies: 0,
        missed: 0,
        absent: 0,
        disconnects: 0,
        longestSilence: 0,
        heardAt: null,
        delays: new DelayHistogram(),
      };
      this.#lines.set(connection, line);
    }
    return line;
  }
}
