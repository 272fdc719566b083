import { statSync } from "node:fs";
import { type FileFormat, FormatError, type Reading, sniffFormat } from "#formats";
import { systemClock } from "#host";
import { type Journal, JournalOverloaded, openJournal } from "#journal";
import type { UnnumberedFrame } from "#model";
import { EXIT, UserError } from "./failure.ts";
import type { DataOption } from "./options.ts";
import { note, Progress, print, printJson } from "./output.ts";
import { journalFolder } from "./recording.ts";

interface BadPlace {
  readonly file: string;
  readonly line: number;
  readonly reason: string;
}

interface ImportResult {
  readonly files: number;
  readonly frames: number;
  readonly badLines: number;
  /** The first of them. */
  readonly bad: readonly BadPlace[];
  /** What the format cannot carry; null where it lacks nothing. */
  readonly lacks: string | null;
}

export interface ImportPlan {
  readonly format: FileFormat;
  /** How a place is called in this format. */
  readonly place: "line" | "row";
  readonly lacks: string | null;
  read(file: string, onShare: (share: number) => void): AsyncIterable<Reading>;
}

export interface ImportCommandOptions extends DataOption {
  readonly json?: true;
}

const MOST_BAD_SHOWN = 20;

/** Takes files into the journal of a data folder and says what came of it. */
export async function runImport(
  files: readonly string[],
  options: ImportCommandOptions,
  plan: ImportPlan,
): Promise<void> {
  for (const file of files) checkReadable(file);
  for (const file of files) await checkFormat(file, plan.format);
  const journal = await openJournal({ directory: journalFolder(options.data), clock: systemClock() });
  try {
    const result = await importFiles(journal, files, plan);
    if (options.json) printJson(result);
    else {
      print(
        `${result.frames.toLocaleString("en")} frames imported into ${options.data}, ${result.badLines} bad ${plan.place}s kept as raw frames`,
      );
      if (plan.lacks !== null) print(plan.lacks);
    }
    for (const bad of result.bad) note(`${bad.file}:${bad.line}: ${bad.reason}; kept as a raw frame with a fault`);
  } finally {
    await journal.close();
  }
}

function checkReadable(file: string): void {
  try {
    if (!statSync(file).isFile()) throw new UserError(`${file} is no file`);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`cannot read ${file}: ${(error as Error).message}`);
  }
}

/** A file of another format would give nothing but bad lines. */
async function checkFormat(file: string, wanted: FileFormat): Promise<void> {
  const found = await sniffFormat(file);
  // Any JSON lines may be read by a mapping, and a frames file whose members stand in another order looks like them.
  if (found === undefined || found === wanted || found === "jsonl" || (wanted === "jsonl" && found === "frames"))
    return;
  throw new UserError(`${file} looks like a ${found} file: use "import ${found}"`);
}

async function importFiles(journal: Journal, files: readonly string[], plan: ImportPlan): Promise<ImportResult> {
  const bad: BadPlace[] = [];
  let frames = 0;
  let badLines = 0;
  for (const file of files) {
    const progress = new Progress(`importing ${file}`);
    let lastBad = 0;
    for await (const { number, frame, problem, share } of readingsOf(file, plan, progress)) {
      await append(journal, frame);
      if (problem === null) frames++;
      else if (number !== lastBad) {
        badLines++;
        lastBad = number;
        if (bad.length < MOST_BAD_SHOWN) bad.push({ file, line: number, reason: problem });
      }
      progress.update(frames, share);
    }
    progress.end();
  }
  await journal.flush();
  return { files: files.length, frames, badLines, bad, lacks: plan.lacks };
}

/** What a damaged file gave before its damage is imported; then the command says so and fails. */
async function* readingsOf(file: string, plan: ImportPlan, progress: Progress): AsyncGenerator<Reading> {
  try {
    yield* plan.read(file, (share) => progress.update(0, share));
  } catch (error) {
    if (error instanceof FormatError) throw new UserError(`${error.message}; what came before is imported`);
    throw new UserError(`${file} cannot be read to its end: ${(error as Error).message}; what came before is imported`);
  }
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
        throw new UserError(`cannot write: ${journal.health.cause ?? "the journal is stalled"}`, EXIT.cannotWork);
      await journal.flush();
    }
  }
}
