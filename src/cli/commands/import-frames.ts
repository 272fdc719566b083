import { createReadStream, statSync } from "node:fs";
import { createInterface } from "node:readline";
import { createGunzip } from "node:zlib";
import { Command } from "commander";
import { systemClock } from "#host";
import { type Journal, JournalOverloaded, openJournal } from "#journal";
import type { ConnectionId, Seq, UnixMicros, UnnumberedFrame } from "#model";
import { NO_MONOTONIC } from "#model";
import { UserError } from "../failure.ts";
import { parseFrameLine } from "../frame-lines.ts";
import { type DataOption, dataOption, jsonOption } from "../options.ts";
import { note, Progress, print, printJson } from "../output.ts";
import { journalFolder } from "../recording.ts";

interface BadLine {
  readonly file: string;
  readonly line: number;
  readonly reason: string;
}

interface ImportResult {
  readonly files: number;
  readonly frames: number;
  readonly badLines: number;
  /** The first of them. */
  readonly bad: readonly BadLine[];
}

const MOST_BAD_SHOWN = 20;
const UNREADABLE = "import" as ConnectionId;

export function importFrames(): Command {
  const frames = new Command("frames")
    .description('recorded frames, NDJSON or NDJSON.gz: a line {"receivedAtMicros","connection","frame"}')
    .argument("<files...>", "files to read, in this order")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (files: string[], options: DataOption & { json?: true }) => {
      for (const file of files) checkReadable(file);
      const journal = await openJournal({ directory: journalFolder(options.data), clock: systemClock() });
      try {
        const result = await importFiles(journal, files);
        if (options.json) printJson(result);
        else
          print(
            `${result.frames.toLocaleString("en")} frames imported into ${options.data}, ${result.badLines} bad lines kept as raw frames`,
          );
        for (const bad of result.bad) note(`${bad.file}:${bad.line}: ${bad.reason}; kept as a raw frame with a fault`);
      } finally {
        await journal.close();
      }
    });
  return new Command("import").description("take recordings made elsewhere into a data folder").addCommand(frames);
}

function checkReadable(file: string): void {
  try {
    if (!statSync(file).isFile()) throw new UserError(`${file} is no file`);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`cannot read ${file}: ${(error as Error).message}`);
  }
}

async function importFiles(journal: Journal, files: readonly string[]): Promise<ImportResult> {
  const bad: BadLine[] = [];
  let frames = 0;
  let badLines = 0;
  let last: Seq | undefined;
  for (const file of files) {
    const progress = new Progress(`importing ${file}`);
    const size = statSync(file).size;
    const input = createReadStream(file);
    const lines = createInterface({
      input: file.endsWith(".gz") ? input.pipe(createGunzip()) : input,
      crlfDelay: Number.POSITIVE_INFINITY,
    });
    let line = 0;
    let latest = 0 as UnixMicros;
    for await (const text of lines) {
      line++;
      if (text === "") continue;
      const parsed = parseFrameLine(text);
      if (typeof parsed === "string") {
        badLines++;
        if (bad.length < MOST_BAD_SHOWN) bad.push({ file, line, reason: parsed });
      } else {
        frames++;
        latest = parsed.receivedAt;
      }
      last = await append(journal, typeof parsed === "string" ? rawLine(text, latest) : parsed);
      progress.update(frames, Math.min(1, input.bytesRead / size));
    }
    progress.end();
  }
  if (last !== undefined) await journal.whenDurable(last);
  return { files: files.length, frames, badLines, bad };
}

/** A line that is no frame is kept whole, at the time of the frame before it, so that nothing of the file is lost. */
function rawLine(text: string, receivedAt: UnixMicros): UnnumberedFrame {
  return {
    connection: UNREADABLE,
    kind: "unreadable",
    receivedAt,
    monotonicAt: NO_MONOTONIC,
    bytes: Buffer.from(text),
  };
}

/** A file is read faster than a disk takes it: when the journal's queue is full, wait for it. */
async function append(journal: Journal, frame: UnnumberedFrame): Promise<Seq> {
  for (;;) {
    try {
      return journal.append(frame);
    } catch (error) {
      if (!(error instanceof JournalOverloaded)) throw error;
      if (journal.health.state === "stalled")
        throw new UserError(`cannot write: ${journal.health.cause ?? "the journal is stalled"}`, 3);
      await journal.flush();
    }
  }
}
