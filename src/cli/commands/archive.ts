import { existsSync } from "node:fs";
import { Command, InvalidArgumentError } from "commander";
import {
  type ArchiveRunReport,
  type ArchiveStatus,
  type ArchiveVerification,
  openArchive,
  readArchiveStatus,
  rebuildIndex,
  runArchive,
  verifyArchive,
} from "#archive";
import { type DiskSpace, type Log, readDiskSpace, silentLog, systemClock } from "#host";
import { type JournalReader, openJournalReader } from "#journal";
import { DAY, formatTime, HOUR } from "#model";
import { EXIT, UserError } from "../failure.ts";
import { type DataOption, dataOption, jsonOption, wholeNumber } from "../options.ts";
import { note, Progress, print, printJson, table } from "../output.ts";
import { archiveFolder, existingJournal, journalFolder } from "../recording.ts";

interface RunOptions extends DataOption {
  readonly all?: true;
  readonly dropJournal?: true;
  readonly maxBytes?: number;
  /** In micros. */
  readonly maxAge?: number;
  readonly json?: true;
}

type JsonOptions = DataOption & { readonly json?: true };

/** What the user should know of, in a line on standard error. */
const NOTES: Log = { ...silentLog(), warn: (_, message) => note(`polypunt: ${message}`) };

export function archive(): Command {
  return new Command("archive")
    .description("closed hours packed small, opened at any moment")
    .addCommand(run())
    .addCommand(status())
    .addCommand(verify())
    .addCommand(rebuild());
}

function run(): Command {
  return new Command("run")
    .description("pack the hours of the journal that are over; each is read back and compared before it counts")
    .addOption(dataOption())
    .option("--all", "everything up to now, also the hour that is not over")
    .option("--drop-journal", "delete the journal's segments that the archive has whole")
    .option("--max-bytes <n>", "delete the oldest packs beyond so many bytes of archive", wholeNumber)
    .option("--max-age <age>", "delete packs older than this, e.g. 48h or 90d", ageArgument)
    .addOption(jsonOption())
    .action(async (options: RunOptions) => {
      const { data, maxBytes, maxAge } = options;
      const progress = new Progress("archiving");
      const budget = {
        ...(maxBytes === undefined ? {} : { maxBytes }),
        ...(maxAge === undefined ? {} : { maxAgeMicros: maxAge }),
      };
      const report = await runArchive({
        archive: archiveFolder(data),
        journal: existingJournal(data),
        now: systemClock().now(),
        all: options.all === true,
        dropJournal: options.dropJournal === true,
        log: NOTES,
        ...(Object.keys(budget).length === 0 ? {} : { retention: budget }),
        onProgress: ({ phase, frames, of }) => {
          // Packing takes about as long as comparing does; a frame is done after both.
          progress.update(frames, of === 0 ? null : (phase === "packing" ? frames - 0.5 : frames) / of);
        },
        onPacked: ({ file, frames, bytes }) => {
          progress.end();
          if (!options.json) print(`${file}: ${count(frames)} frames, ${count(bytes)} bytes`);
        },
      });
      progress.end();
      if (options.json) printJson(report);
      else printRun(report);
    });
}

function printRun({ packed, droppedSegments, deletedPacks, removedUnfinished }: ArchiveRunReport): void {
  if (packed.length === 0) print("nothing to pack: no hour of the journal is over (--all packs what there is)");
  for (const name of removedUnfinished) note(`removed ${name}, which a packing that was ended had left`);
  for (const { file } of droppedSegments) print(`dropped from the journal: ${file}`);
  for (const file of deletedPacks) print(`deleted to keep the budget: ${file}`);
}

function status(): Command {
  return new Command("status")
    .description("what the archive has, what it takes, and what is only in the journal yet")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options: JsonOptions) => {
      const reader = await openArchive(existingArchive(options.data), { log: NOTES });
      const journal = await journalIfAny(options.data);
      try {
        const found = readArchiveStatus(reader, journal?.span ?? null);
        const disk = await readDiskSpace(archiveFolder(options.data));
        if (options.json) printJson({ ...found, disk, packsByHour: reader.index.packs() });
        else printStatus(found, disk);
      } finally {
        await journal?.close();
        await reader.close();
      }
    });
}

function printStatus(found: ArchiveStatus, disk: DiskSpace): void {
  const { packs, frames, bytes, frameBytes, firstReceivedAt, lastReceivedAt } = found;
  const share = (part: number, whole: number): string => (whole === 0 ? "" : `${((part * 100) / whole).toFixed(1)} %`);
  print(`packs         ${count(packs)}${packs === 0 ? "" : `, frames ${found.firstSeq} to ${found.lastSeq}`}`);
  if (firstReceivedAt !== null && lastReceivedAt !== null)
    print(`received      ${formatTime(firstReceivedAt)} to ${formatTime(lastReceivedAt)}`);
  print(
    `frames        ${count(frames)}; ${count(found.messages)} messages, ${count(found.levelChanges)} level changes`,
  );
  print(`markets       ${count(found.markets)}, ${count(found.instruments)} instruments, ${count(found.gaps)} gaps`);
  print(`bytes         ${count(bytes)} packed of ${count(frameBytes)} received, ${share(bytes, frameBytes)}`);
  print(`kept raw      ${count(found.rawMessages)} messages, ${count(found.rawDigests)} digests`);
  print(`rest          ${count(found.restFrames)} frames of no single market, ${count(found.restBytes)} bytes`);
  print(`only journal  ${count(found.onlyInJournal)} frames`);
  if (found.missing > 0) print(`missing       ${count(found.missing)} frames were deleted before they were packed`);
  print(`disk          ${(disk.freeBytes / 1e9).toFixed(1)} GB free`);
  if (found.windows.length === 0) return;
  const rows = found.windows.map((each) => [
    each.series,
    count(each.windows),
    count(each.bytesPerWindow),
    count(each.frameBytesPerWindow),
    share(each.bytesPerWindow, each.frameBytesPerWindow),
    count(each.messagesPerWindow),
  ]);
  print(`\n${table([["series", "windows", "bytes a window", "received", "share", "messages"], ...rows])}`);
}

function verify(): Command {
  return new Command("verify")
    .description("read every byte: checksums, directory, chunks, and every frame that the journal still has")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options: JsonOptions) => {
      const folder = existingArchive(options.data);
      const journal = await journalIfAny(options.data);
      const progress = new Progress("verifying packs");
      try {
        const report = await verifyArchive(folder, journal, ({ done, of }) => progress.update(done, done / of));
        progress.end();
        if (options.json) printJson(report);
        else printVerification(report);
        if (report.damage.length > 0) process.exitCode = EXIT.checkFailed;
      } finally {
        await journal?.close();
      }
    });
}

function printVerification(report: ArchiveVerification): void {
  const { packs, frames, chunks, bytes, compared, damage, unfinished } = report;
  print(`packs         ${count(packs)}: ${count(frames)} frames in ${count(chunks)} chunks, ${count(bytes)} bytes`);
  print(`compared      ${count(compared)} frames with the journal`);
  print(`damage        ${damage.length === 0 ? "none" : ""}`);
  for (const { file, offset, reason } of damage)
    print(`  ${reason.includes(file) ? reason : `${file}${offset === null ? "" : ` at byte ${offset}`}: ${reason}`}`);
  for (const name of unfinished) print(`unfinished    ${name}: nothing of it counts, the next run removes it`);
}

function rebuild(): Command {
  return new Command("rebuild-index")
    .description("make the index again, from the packs alone")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options: JsonOptions) => {
      const progress = new Progress("reading packs");
      const packs = await rebuildIndex(existingArchive(options.data), (done, of) => progress.update(done, done / of));
      progress.end();
      if (options.json) printJson({ packs });
      else print(`index made again from ${count(packs)} packs`);
    });
}

function existingArchive(data: string): string {
  const folder = archiveFolder(data);
  if (existsSync(folder)) return folder;
  throw new UserError(
    `no archive in ${data}: make one with "polypunt archive run", or name another folder with --data`,
  );
}

/** An archive is worth having without its journal too. Damage of the journal is the business of "polypunt verify". */
async function journalIfAny(data: string): Promise<JournalReader | null> {
  const folder = journalFolder(data);
  return existsSync(folder) ? openJournalReader(folder, { onDamage: () => undefined }) : null;
}

function ageArgument(text: string): number {
  const parts = /^(\d+)(h|d)$/.exec(text);
  if (parts && Number(parts[1]) > 0) return Number(parts[1]) * (parts[2] === "h" ? HOUR : DAY);
  throw new InvalidArgumentError("give hours or days, e.g. 48h or 90d");
}

function count(value: number): string {
  return value.toLocaleString("en");
}
