import { Command } from "commander";
import { repairJournal } from "#journal";
import { type DataOption, dataOption, jsonOption } from "../options.ts";
import { print, printJson } from "../output.ts";
import { existingJournal } from "../recording.ts";

export function repair(): Command {
  return new Command("repair")
    .description("salvage every whole block of a damaged recording; the damaged files are kept aside")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options: DataOption & { json?: true }) => {
      const report = await repairJournal(existingJournal(options.data));
      if (options.json) printJson(report);
      else print(JSON.stringify(report, null, 2));
    });
}
