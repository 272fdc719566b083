import { Command } from "commander";
import { listenForShutdown } from "#host";
import { parseTarget, readVenueConfig } from "#venue";
import { UserError } from "../failure.ts";
import { type DataOption, dataOption, jsonOption, wholeNumber } from "../options.ts";
import { runRecording } from "../recorder-run.ts";

interface RecordOptions extends DataOption {
  readonly series?: string[];
  readonly slug?: string[];
  readonly tag?: string[];
  readonly condition?: string[];
  readonly token?: string[];
  readonly venueConfig?: string;
  readonly replicas: number;
  readonly maxBytes?: number;
  readonly archive?: true;
  readonly dropJournal?: true;
  readonly json?: true;
}

const KINDS = ["series", "slug", "tag", "condition", "token"] as const;

export function record(): Command {
  return new Command("record")
    .description("record until Ctrl-C; targets can be mixed and repeated")
    .option(
      "--series <name...>",
      "recurring series, e.g. btc-updown-15m: each window from before its opening to its resolution",
    )
    .option("--slug <slug...>", "one market or group of markets by its slug")
    .option("--tag <tag...>", "all open markets under a tag")
    .option("--condition <id...>", "a market by its condition id")
    .option("--token <id...>", "a market by one of its token ids")
    .option("--venue-config <file>", "JSON with endpoints and credentials (an emulator writes one)")
    .option("--replicas <n>", "redundant market sockets", wholeNumber, 2)
    .option("--max-bytes <n>", "delete the oldest sealed segments beyond so many bytes of journal", wholeNumber)
    .option("--archive", "pack each hour when it is over, in a process of its own with low priority")
    .option("--drop-journal", "with --archive: delete the journal's segments that the archive has whole")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options: RecordOptions) => {
      const targets = KINDS.flatMap((kind) => (options[kind] ?? []).map((text) => parseTarget(`${kind}:${text}`)));
      if (targets.length === 0) throw new UserError("nothing to record: name a target, e.g. --series btc-updown-15m");
      if (options.dropJournal && !options.archive)
        throw new UserError("--drop-journal needs --archive: only what the archive has may go");
      const venue = await readVenueConfig(options.venueConfig);
      const shutdown = listenForShutdown();
      try {
        await runRecording({
          data: options.data,
          venue,
          targets,
          replicas: options.replicas,
          maxBytes: options.maxBytes ?? null,
          ...(options.archive ? { archive: { dropJournal: options.dropJournal === true } } : {}),
          screen: options.json ? "json" : process.stdout.isTTY ? "live" : "lines",
          stop: shutdown.signal,
        });
      } finally {
        shutdown.dispose();
      }
    });
}
