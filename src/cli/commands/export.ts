import { Command, InvalidArgumentError, Option } from "commander";
import {
  type Every,
  exportNdjson,
  exportNpz,
  exportTables,
  exportTardisCsv,
  type LatencyShift,
  NDJSON_SHAPES,
  type NdjsonShape,
  PARTITION_KEYS,
  type PartitionKey,
  type TardisType,
  WHATS,
  type What,
} from "#formats";
import { type ExportCommandOptions, everyArgument, exportOptions, runExportCommand } from "../export-run.ts";
import { UserError } from "../failure.ts";
import { wholeNumber } from "../options.ts";

interface TableOptions extends ExportCommandOptions {
  readonly what: readonly What[];
  readonly every: Every;
  readonly depth: number;
  readonly partition: readonly PartitionKey[];
}

interface CsvOptions extends TableOptions {
  readonly layout: "polypunt" | "tardis";
  readonly gzip?: true;
}

export function exportRecordings(): Command {
  return new Command("export")
    .description("write a recording in other formats, with its gaps and a manifest")
    .addCommand(parquet())
    .addCommand(csv())
    .addCommand(npz())
    .addCommand(ndjson());
}

function parquet(): Command {
  return tableOptions(exportOptions(new Command("parquet").description("tables as Parquet, zstd"))).action(
    (options: TableOptions) =>
      runExportCommand(options, (base) =>
        exportTables({ ...base, ...tablesOf(options), format: "parquet", gzip: false }),
      ),
  );
}

function csv(): Command {
  return tableOptions(exportOptions(new Command("csv").description("tables as CSV")))
    .addOption(
      new Option("--layout <name>", "our columns, or the files that tardis offers for download")
        .choices(["polypunt", "tardis"])
        .default("polypunt"),
    )
    .option("--gzip", "pack the files")
    .action((options: CsvOptions) => {
      const gzip = options.gzip === true;
      if (options.layout === "polypunt")
        return runExportCommand(options, (base) =>
          exportTables({ ...base, ...tablesOf(options), format: "csv", gzip }),
        );
      const types = tardisTypes(options.what);
      return runExportCommand(options, (base) => exportTardisCsv({ ...base, types, gzip }));
    });
}

function npz(): Command {
  return exportOptions(new Command("npz").description("a file an instrument, as hftbacktest 2 reads them"))
    .option(
      "--latency-shift <micros>",
      "added to every local time; auto is the least that leaves no latency below zero, over all files",
      shiftArgument,
      "auto",
    )
    .action((options: ExportCommandOptions & { latencyShift: LatencyShift }) =>
      runExportCommand(options, (base) => exportNpz({ ...base, latencyShift: options.latencyShift })),
    );
}

function ndjson(): Command {
  return exportOptions(new Command("ndjson").description("a line a message, frame or event"))
    .addOption(
      new Option(
        "--shape <name>",
        "venue: messages as received; frames: as import frames reads them; events: decoded; tardis: with time of arrival",
      )
        .choices(NDJSON_SHAPES)
        .default("frames"),
    )
    .option("--gzip", "pack the file")
    .action((options: ExportCommandOptions & { shape: NdjsonShape; gzip?: true }) =>
      runExportCommand(options, (base) => exportNdjson({ ...base, shape: options.shape, gzip: options.gzip === true })),
    );
}

function tableOptions(command: Command): Command {
  return command
    .option("--what <tables>", `${WHATS.join(", ")}; several with commas`, (text) => listOf(text, WHATS), [
      "events",
    ] as What[])
    .option("--every <time>", "books and quotes: tick (after each message), or a time such as 1s, 5s", everyArgument, {
      kind: "interval",
      micros: 1_000_000,
    } as Every)
    .option("--depth <levels>", "books: levels a side (default: all)", wholeNumber)
    .option(
      "--partition <keys>",
      `folders of ${PARTITION_KEYS.join(", ")}; several with commas`,
      (text) => listOf(text, PARTITION_KEYS),
      [] as PartitionKey[],
    );
}

function tablesOf({ what, every, depth, partition }: TableOptions) {
  return { whats: what, every, depth: depth ?? Number.POSITIVE_INFINITY, partition };
}

/** Our tables by tardis' names: changes of books, and trades. */
function tardisTypes(whats: readonly What[]): readonly TardisType[] {
  const types = new Set<TardisType>();
  for (const what of whats) {
    if (what === "trades") types.add("trades");
    else if (what === "events" || what === "books") types.add("incremental_book_L2");
    else throw new UserError(`the tardis layout has events and trades, not ${what}`);
  }
  return [...types];
}

function listOf<T extends string>(text: string, known: readonly T[]): T[] {
  const found = text.split(",").map((part) => part.trim());
  const unknown = found.find((part) => !(known as readonly string[]).includes(part));
  if (unknown !== undefined) throw new InvalidArgumentError(`${unknown} is none of ${known.join(", ")}`);
  return [...new Set(found)] as T[];
}

function shiftArgument(text: string): LatencyShift {
  if (text === "auto") return "auto";
  const value = Number(text);
  if (text.trim() !== "" && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError('give "auto" or whole microseconds; 0 leaves the times as they are');
}
