import type { Frame, InstrumentId, UnixMicros, VenueEvent } from "#model";
import { formatTime } from "#model";
import { formatFrameLine } from "#replay";
import type { TimelineStep } from "#timeline";
import { surfaceOf } from "#venue";
import { writeGaps } from "./gaps-file.ts";
import { type ExportContext, type ExportOptions, type ExportResult, type ExportWork, runExport } from "./run-export.ts";
import { TextFile } from "./text-file.ts";
import type { WalkReport } from "./walk.ts";

export const NDJSON_SHAPES = ["venue", "frames", "events", "tardis"] as const;
/**
 * venue: the market channel's messages as received, one a line. frames: our frames file, with frames of all kinds and of
 * each socket. events: decoded facts, numbers in micros. tardis: time of arrival, a space, the message; an empty line
 * where the stream was cut. All but `frames` have the frames of redundant sockets once.
 */
export type NdjsonShape = (typeof NDJSON_SHAPES)[number];

export interface NdjsonExportOptions extends ExportOptions {
  readonly shape: NdjsonShape;
  readonly gzip: boolean;
}

const CHARACTERS_AT_ONCE = 1 << 20;
const TOKEN = /"(\d{10,78})"/g;

/** Writes `SHAPE.ndjson[.gz]`. Throws as `runExport` does. */
export function exportNdjson(options: NdjsonExportOptions): Promise<ExportResult> {
  return runExport(options, (context) => new NdjsonExport(options, context));
}

class NdjsonExport implements ExportWork {
  readonly #options: NdjsonExportOptions;
  readonly #context: ExportContext;
  readonly #path: string;
  readonly #file: TextFile;
  #text = "";
  #lines = 0;
  #respelled = 0;
  #isCut = false;

  constructor(options: NdjsonExportOptions, context: ExportContext) {
    this.#options = options;
    this.#context = context;
    this.#path = `${options.shape}.ndjson${options.gzip ? ".gz" : ""}`;
    this.#file = new TextFile(context.folder.path(this.#path), options.gzip);
  }

  readonly needsTrust = false;
  readonly visitor = {
    event: (event: VenueEvent, number: number, step: TimelineStep): void => this.#take(event, number, step),
    cut: (_: InstrumentId): void => {
      if (this.#options.shape === "tardis" && !this.#isCut && this.#lines > 0) this.#text += "\n";
      this.#isCut = true;
    },
    drain: async (): Promise<void> => {
      if (this.#text.length >= CHARACTERS_AT_ONCE) await this.#flush();
    },
  };

  async finish(report: WalkReport): Promise<Readonly<Record<string, unknown>>> {
    const { folder } = this.#context;
    if (this.#options.shape === "frames") await this.#writeFrames();
    await this.#flush();
    await this.#file.close();
    folder.wrote(this.#path, this.#lines);
    await writeGaps(folder, report.gaps);
    return { format: "ndjson", shape: this.#options.shape, respelled: this.#respelled };
  }

  #take(event: VenueEvent, number: number, step: TimelineStep): void {
    const { frame, knownAt } = step;
    switch (this.#options.shape) {
      case "frames":
        return;
      case "events": {
        const { seq, receivedAt, connection } = frame;
        return this.#line(JSON.stringify({ seq, event: number, receivedAt, knownAt, connection, ...event }));
      }
      case "venue":
      case "tardis":
        // The first fact of a frame stands for all of it. Prices of the underlying have sockets and shapes of their own.
        if (number > 0 || event.kind === "fault" || surfaceOf(frame.connection) !== "market") return;
        return this.#line(
          this.#options.shape === "venue"
            ? this.#message(frame)
            : `${tardisTime(frame.receivedAt)} ${this.#message(frame)}`,
        );
    }
  }

  /** On one line: an opening dump ends with a newline, which goes; one amid the message would be space between its parts. */
  #message({ bytes }: Frame): string {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8").trimEnd();
    if (!text.includes("\n")) return text;
    this.#respelled++;
    return text.replace(/[\r\n]+/g, " ");
  }

  #line(line: string): void {
    this.#isCut = false;
    this.#text += `${line}\n`;
    this.#lines++;
  }

  async #flush(): Promise<void> {
    const text = this.#text;
    this.#text = "";
    if (text !== "") await this.#file.append(text);
  }

  /** Of a selection: the messages that name its tokens, and all that is no message of the market channel. */
  async #writeFrames(): Promise<void> {
    const { source, selection } = this.#context;
    for await (const frames of source.read({ fromTime: selection.from, toTime: selection.to })) {
      for (const frame of frames) if (this.#names(frame)) this.#line(formatFrameLine(frame));
      await this.visitor.drain();
    }
  }

  #names(frame: Frame): boolean {
    const { instruments } = this.#context.selection;
    if (instruments === null || frame.kind !== "received" || surfaceOf(frame.connection) !== "market") return true;
    const text = Buffer.from(frame.bytes.buffer, frame.bytes.byteOffset, frame.bytes.length).toString("latin1");
    for (const [, token] of text.matchAll(TOKEN)) if (instruments.has(token as InstrumentId)) return true;
    return false;
  }
}

/** "2026-06-01T00:03:03.1238780Z": always 28 characters. */
export function tardisTime(at: UnixMicros): string {
  const text = formatTime(at).slice(0, -1);
  return `${text.padEnd("2026-06-01T00:03:03.123878".length, "0")}0Z`;
}
