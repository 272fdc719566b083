import { type Command, Option } from "commander";
import type { UnixMicros } from "#model";
import { positive, timeArgument, wholeNumber } from "./options.ts";

/** What `emulate` can be asked for. */
export interface EmulateOptions {
  readonly frames?: string;
  readonly series: readonly string[];
  readonly seed: number;
  readonly from?: UnixMicros;
  readonly speed: number;
  readonly activity: number;
  readonly markets?: number;
  readonly rate: number;
  readonly port: number;
  readonly writeConfig?: string;
}

export function emulateOptions(command: Command): Command {
  return command
    .option("--frames <file>", "play a recorded frames file (NDJSON or NDJSON.gz) instead of the synthetic market")
    .option("--series <name...>", "synthetic: recurring series", ["btc-updown-15m"])
    .option("--seed <n>", "synthetic: the same seed gives the same market", wholeNumber, 1)
    .option("--from <time>", "where to begin (default: a little before the file's first frame, or now)", timeArgument)
    .option("--speed <factor>", "how fast the venue's time runs", positive, 1)
    .option("--activity <factor>", "synthetic: 1 is a busy day's BTC", positive, 1)
    .option("--markets <n>", "synthetic: so many generic markets of two instruments, for load", wholeNumber)
    .option("--rate <frames>", "synthetic: frames a second of all generic markets together", positive, 100)
    .addOption(new Option("--port <n>", "port on loopback").default(0, "a free one").argParser(Number))
    .option("--write-config <file>", "write the venue configuration for record --venue-config");
}
