import { type Command, InvalidArgumentError } from "commander";
import type { Every, ExportOptions, ExportResult } from "#formats";
import { type InstrumentId, proofRate, SECOND, type UnixMicros, VERDICTS } from "#model";
import { type DataOption, dataOption, jsonOption, timeArgument, tokenArgument } from "./options.ts";
import { note, Progress, print, printJson } from "./output.ts";
import { openRecording } from "./recording.ts";
import { VERSION } from "./version.ts";

/** What every `export` command is asked. */
export interface ExportCommandOptions extends DataOption {
  readonly out: string;
  readonly token?: readonly InstrumentId[];
  readonly slug?: readonly string[];
  readonly series?: readonly string[];
  readonly from?: UnixMicros;
  readonly to?: UnixMicros;
  readonly force?: true;
  readonly json?: true;
}

export function exportOptions(command: Command): Command {
  return command
    .requiredOption("--out <dir>", "folder for the files; it must be empty or not be there")
    .addOption(dataOption())
    .option("--token <id...>", "only these tokens", (text: string, before: InstrumentId[] = []) => [
      ...before,
      tokenArgument(text),
    ])
    .option("--slug <slug...>", "only these markets or groups, by the recording's catalog")
    .option("--series <name...>", "only markets of these series, by the recording's catalog")
    .option("--from <time>", "first moment", timeArgument)
    .option("--to <time>", "last moment", timeArgument)
    .option("--force", "replace the export that is in the folder")
    .addOption(jsonOption());
}

/** Opens the recording, exports it, and says what came of it. */
export async function runExportCommand(
  options: ExportCommandOptions,
  write: (base: ExportOptions) => Promise<ExportResult>,
): Promise<void> {
  const source = await openRecording(options.data);
  const progress = new Progress("exporting");
  try {
    const result = await write({
      source,
      ask: {
        tokens: options.token ?? [],
        slugs: options.slug ?? [],
        series: options.series ?? [],
        from: options.from ?? null,
        to: options.to ?? null,
      },
      out: options.out,
      force: options.force === true,
      version: VERSION,
      onProgress: (frames, share) => progress.update(frames, share),
    });
    progress.end();
    for (const token of result.unseen) note(`polypunt: token ${token} occurs nowhere in that range`);
    if (options.json) printJson({ ...result, manifest: undefined });
    else printResult(result);
  } finally {
    progress.end();
    await source.close();
  }
}

function printResult({ out, files, frames, rows, proof, gaps }: ExportResult): void {
  const count = (value: number): string => value.toLocaleString("en");
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  print(
    `${count(rows)} rows from ${count(frames)} frames, ${count(files.length)} files, ${count(bytes)} bytes in ${out}`,
  );
  const rate = proofRate(proof);
  print(`states  ${VERDICTS.map((verdict) => `${count(proof[verdict])} ${verdict}`).join(", ")}`);
  if (rate === null) print("        none could be proven: nothing here says whether these books are right");
  print(`gaps    ${count(gaps.length)}${gaps.length > 0 ? ", listed in the gaps file and in manifest.json" : ""}`);
}

/** "tick", or a time between: "250ms", "1s", "5m". */
export function everyArgument(text: string): Every {
  if (text === "tick") return { kind: "tick" };
  const parts = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(text);
  const unit = parts?.[2] === "ms" ? SECOND / 1_000 : parts?.[2] === "m" ? SECOND * 60 : SECOND;
  const micros = Math.round(Number(parts?.[1]) * unit);
  if (micros > 0) return { kind: "interval", micros };
  throw new InvalidArgumentError('give "tick", or a time such as 250ms, 1s, 5s or 1m');
}
