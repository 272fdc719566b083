import { Command } from "commander";
import type { UnixMicros } from "#model";
import type { ConnectionReport } from "#replay";
import { type DataOption, dataOption, jsonOption, timeArgument } from "../options.ts";
import { print, printJson, table } from "../output.ts";
import { openRecording } from "../recording.ts";

interface ConnectionsOptions extends DataOption {
  readonly from?: UnixMicros;
  readonly to?: UnixMicros;
  readonly json?: true;
}

export function connections(): Command {
  return new Command("connections")
    .description("what each redundant connection saw first, later and never, and how late")
    .addOption(dataOption())
    .option("--from <time>", "first receivedAt", timeArgument)
    .option("--to <time>", "last receivedAt", timeArgument)
    .addOption(jsonOption())
    .action(async ({ data, json, from, to }: ConnectionsOptions) => {
      const recording = await openRecording(data);
      try {
        const span = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
        const reports = await recording.connections(span);
        if (json) printJson({ connections: reports });
        else print(asTable(reports));
      } finally {
        await recording.close();
      }
    });
}

const HEAD = ["connection", "frames", "first", "missed", "absent", "p50 ms", "p95 ms", "p99 ms", "closed", "silence s"];

function asTable(reports: readonly ConnectionReport[]): string {
  const rows = reports.map(({ delayMicros: delay, ...report }) => [
    report.connection,
    report.frames.toLocaleString("en"),
    report.firstShare === null ? "" : `${(report.firstShare * 100).toFixed(1)} %`,
    String(report.missed),
    String(report.absent),
    ...[delay?.p50, delay?.p95, delay?.p99].map((micros) => (micros === undefined ? "" : (micros / 1e3).toFixed(1))),
    String(report.disconnects),
    (report.longestSilenceMicros / 1e6).toFixed(1),
  ]);
  return table([HEAD, ...rows]);
}
