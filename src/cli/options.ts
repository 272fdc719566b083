import { resolve } from "node:path";
import { InvalidArgumentError, Option } from "commander";
import type { InstrumentId, UnixMicros } from "#model";
import { parseTime } from "#model";

export interface DataOption {
  readonly data: string;
}

export function dataOption(): Option {
  return new Option("--data <dir>", "folder of the recording")
    .default("./polypunt-data")
    .argParser((dir) => resolve(dir));
}

export function jsonOption(): Option {
  return new Option("--json", "print the result as one JSON document on one line");
}

export function timeArgument(text: string): UnixMicros {
  const at = parseTime(text);
  if (at !== undefined) return at;
  throw new InvalidArgumentError("give ISO 8601 (2026-04-16T07:10:04Z) or Unix seconds, millis or micros");
}

export function tokenArgument(text: string): InstrumentId {
  if (/^\d{1,78}$/.test(text)) return text as InstrumentId;
  throw new InvalidArgumentError("a token id is a decimal number of up to 78 digits");
}

export function positive(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError("give a number above 0");
}

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new InvalidArgumentError("give a whole number above 0");
}
