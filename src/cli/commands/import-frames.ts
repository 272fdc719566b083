import { statSync } from "node:fs";
import { Command } from "commander";
import { systemClock } from "#host";
import { type Journal, JournalOverloaded, openJournal } from "#journal";
import type { ConnectionId, UnixMicros, UnnumberedFrame } from "#model";
import { NO_MONOTONIC } from "#model";
import { type FileLine, readFramesFile } from "#replay";
import { UserError } from "../failure.ts";
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
  for (const file of files) {
    const progress = new Progress(`importing ${file}`);
    const size = statSync(file).size;
    let latest = 0 as UnixMicros;
    for await (const { number, text, parsed, bytesRead } of linesOf(file)) {
      if (typeof parsed === "string") {
        badLines++;
        if (bad.length < MOST_BAD_SHOWN) bad.push({ file, line: number, reason: parsed });
        await append(journal, rawLine(text, latest));
      } else {
        frames++;
        latest = parsed.receivedAt;
        await append(journal, parsed);
      }
      progress.update(frames, Math.min(1, bytesRead / size));
    }
    progress.end();
  }
  await journal.flush();
  return { files: files.length, frames, badLines, bad };
}

/** What a damaged file gave before its damage is imported; then the command says so and fails. */
async function* linesOf(file: string): AsyncGenerator<FileLine> {
  try {
    yield* readFramesFile(file);
  } catch (error) {
    throw new UserError(`${file} cannot be read to its end: ${(error as Error).message}; what came before is imported`);
  }
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
async function append(journal: Journal, frame: UnnumberedFrame): Promise<void> {
  for (;;) {
    try {
      journal.append(frame);
      return;
    } catch (error) {
      if (!(error instanceof JournalOverloaded)) throw error;
      if (journal.health.state === "stalled")
        throw new UserError(`cannot write: ${journal.health.cause ?? "the journal is stalled"}`, 3);
      await journal.flush();
    }
  }
}
