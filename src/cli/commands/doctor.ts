import { Command } from "commander";
import { scaledClock, systemClock } from "#host";
import { readVenueConfig } from "#venue";
import { type CheckResult, runChecks } from "../doctor-checks.ts";
import { EXIT } from "../failure.ts";
import { type DataOption, dataOption, jsonOption } from "../options.ts";
import { print, printJson } from "../output.ts";

export function doctor(): Command {
  return new Command("doctor")
    .description("check this machine and the way to the venue, and whether the venue still speaks as we expect")
    .option("--venue-config <file>", "JSON with endpoints and credentials (default: the venue's own)")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options: DataOption & { json?: true; venueConfig?: string }) => {
      const venue = await readVenueConfig(options.venueConfig);
      const clock = venue.clock ? scaledClock(venue.clock) : systemClock();
      const results: CheckResult[] = [];
      for await (const result of runChecks(options.data, venue, clock)) {
        results.push(result);
        if (!options.json) print(line(result));
      }
      if (options.json) printJson(results);
      if (results.some((result) => result.status === "failed")) process.exitCode = EXIT.checkFailed;
    });
}

const MARKS = { ok: "ok     ", warning: "WARNING", failed: "FAILED " } as const;

function line({ name, status, detail, advice }: CheckResult): string {
  return `${MARKS[status]} ${name}: ${detail}${advice === "" ? "" : `\n        ${advice}`}`;
}
