import { Command, Option } from "commander";
import { readFrames, readJsonl, readPmxt, readTardis, TIME_UNITS, type TimeUnit } from "#formats";
import type { ConnectionId, InstrumentId } from "#model";
import { type ImportCommandOptions, runImport } from "../import-run.ts";
import { dataOption, jsonOption, tokenArgument } from "../options.ts";

interface LabelledOptions extends ImportCommandOptions {
  readonly connection: ConnectionId;
}

interface PmxtCommandOptions extends LabelledOptions {
  readonly token?: readonly InstrumentId[];
  readonly condition?: readonly string[];
}

interface JsonlCommandOptions extends LabelledOptions {
  readonly receivedAt: string;
  readonly payload: string;
  readonly unit: TimeUnit;
  readonly connectionField?: string;
}

export function importRecordings(): Command {
  return new Command("import")
    .description("take recordings made elsewhere into a data folder")
    .addCommand(frames())
    .addCommand(tardis())
    .addCommand(pmxt())
    .addCommand(jsonl());
}

function importer(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .argument("<files...>", "files to read, in this order; gzip and zstd are unpacked")
    .addOption(dataOption())
    .addOption(jsonOption());
}

function frames(): Command {
  return importer("frames", 'recorded frames, NDJSON: a line {"receivedAtMicros","connection","frame"}').action(
    (files: string[], options: ImportCommandOptions) =>
      runImport(files, options, { format: "frames", place: "line", lacks: null, read: readFrames }),
  );
}

function tardis(): Command {
  return importer(
    "tardis",
    "raw feeds of tardis: a line is the time of arrival, a space, the message; empty: disconnected",
  )
    .addOption(labelOption("tardis"))
    .action((files: string[], options: LabelledOptions) =>
      runImport(files, options, {
        format: "tardis",
        place: "line",
        lacks: null,
        read: (file) => readTardis(file, options),
      }),
    );
}

function pmxt(): Command {
  return importer("pmxt", "hours of the pmxt archive v2, Parquet")
    .addOption(labelOption("pmxt"))
    .option("--token <id...>", "only these tokens", (text: string, before: InstrumentId[] = []) => [
      ...before,
      tokenArgument(text),
    ])
    .option("--condition <id...>", "only these markets, by condition id")
    .action((files: string[], options: PmxtCommandOptions) => {
      const { token, condition, connection, data } = options;
      const selection = {
        assets: token ? new Set<string>(token) : null,
        markets: condition ? new Set(condition) : null,
      };
      return runImport(files, options, {
        format: "pmxt",
        place: "row",
        lacks:
          "this format drops the venue's digests: no state of these books can be proven, verify counts them as unprovable",
        read: (file, onShare) => readPmxt(file, { ...selection, connection, workFolder: data, onShare }),
      });
    });
}

function jsonl(): Command {
  return importer("jsonl", "JSON lines that hold a time of arrival and a message, under any names")
    .addOption(labelOption("jsonl"))
    .option("--received-at <member>", "member with the time of arrival; nested ones with dots", "recv")
    .option("--payload <member>", 'member with the message, text or object; "." is the whole line', "payload")
    .option("--connection-field <member>", "member with the label, instead of one for all")
    .addOption(
      new Option("--unit <unit>", "of the time; auto tells numbers by their magnitude and reads ISO 8601")
        .choices(TIME_UNITS)
        .default("auto"),
    )
    .action((files: string[], options: JsonlCommandOptions) =>
      runImport(files, options, {
        format: "jsonl",
        place: "line",
        lacks: null,
        read: (file) => readJsonl(file, { ...options, connectionField: options.connectionField ?? null }),
      }),
    );
}

function labelOption(label: string): Option {
  return new Option("--connection <label>", "label of the frames in the journal").default(label);
}
