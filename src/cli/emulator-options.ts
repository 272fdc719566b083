import { type Command, InvalidArgumentError, Option } from "commander";
import type { UnixMicros } from "#model";
import { positive, timeArgument, wholeNumber } from "./options.ts";

/** What `emulate` can be asked for. */
export interface EmulateOptions {
  readonly data?: string;
  readonly frames?: string;
  readonly series?: readonly string[];
  readonly slug?: readonly string[];
  readonly token?: readonly string[];
  readonly seed: number;
  readonly from?: UnixMicros;
  readonly to?: UnixMicros;
  readonly speed: number;
  readonly paused?: true;
  readonly activity: number;
  readonly markets?: number;
  readonly rate: number;
  readonly port: number;
  readonly writeConfig?: string;
}

export function emulateOptions(command: Command): Command {
  return command
    .option("--data <dir>", "play a recording, from any moment of it")
    .option("--frames <file>", "play a recorded frames file (NDJSON or NDJSON.gz)")
    .option("--series <name...>", "recurring series; of a recording: only these (synthetic: btc-updown-15m)")
    .option("--slug <slug...>", "of a recording: only these markets or windows")
    .option("--token <id...>", "of a recording: only the markets of these tokens")
    .option("--seed <n>", "synthetic: the same seed gives the same market", wholeNumber, 1)
    .option("--from <time>", "where to begin (default: with the recording, or now)", timeArgument)
    .option("--to <time>", "of a recording: where to end", timeArgument)
    .option("--speed <factor>", 'how fast the venue\'s time runs, or "max"', speedArgument, 1)
    .option("--paused", 'stand still at first, until "polypunt control play"')
    .option("--activity <factor>", "synthetic: 1 is a busy day's BTC", positive, 1)
    .option("--markets <n>", "synthetic: so many generic markets of two instruments, for load", wholeNumber)
    .option("--rate <frames>", "synthetic: frames a second of all generic markets together", positive, 100)
    .addOption(new Option("--port <n>", "port on loopback").default(0, "a free one").argParser(portArgument))
    .option("--write-config <file>", "write the venue configuration for record --venue-config");
}

const LEAST_SPEED = 0.1;

/** Infinity for "max": as fast as the readers take it. */
export function speedArgument(text: string): number {
  if (text === "max") return Number.POSITIVE_INFINITY;
  const speed = positive(text);
  if (speed >= LEAST_SPEED) return speed;
  throw new InvalidArgumentError(`give a number from ${LEAST_SPEED} up, or "max"`);
}

export function portArgument(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new InvalidArgumentError("a port is a number up to 65535");
}
