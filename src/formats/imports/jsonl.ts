import type { ConnectionId, UnixMicros, UnnumberedFrame } from "#model";
import { MILLISECOND, NO_MONOTONIC, parseTime, SECOND } from "#model";
import { spacedJson } from "#venue";
import { readLines } from "./line-readings.ts";
import type { Reading } from "./reading.ts";

/*
 * JSON lines as recorders in the wild write them: an object with the time of arrival and the message, under any names.
 *   {"recv": 1776323404.776089, "payload": "{\"market\":…}"}      {"received_at_utc":"2026-04-16T07:10:04.776Z","raw_text":"…"}
 */

export const TIME_UNITS = ["auto", "s", "ms", "us", "ns", "iso"] as const;
export type TimeUnit = (typeof TIME_UNITS)[number];

export interface JsonlMapping {
  /** Names of members, nested ones with dots ("meta.recv"); "." is the whole line. */
  readonly receivedAt: string;
  readonly payload: string;
  /** null: every frame gets `connection`. */
  readonly connectionField: string | null;
  readonly connection: ConnectionId;
  readonly unit: TimeUnit;
}

const PER_MICRO: Readonly<Record<Exclude<TimeUnit, "auto" | "iso">, number>> = {
  s: SECOND,
  ms: MILLISECOND,
  us: 1,
  ns: 1 / 1_000,
};
// Below these magnitudes a number is read as seconds, millis, micros: each covers the years 1973 to 5138.
const UNIT_BELOW = [
  ["s", 1e11],
  ["ms", 1e14],
  ["us", 1e17],
] as const;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Reads a file by a mapping; lines that do not fit it are kept raw. Throws as `readLines` does. */
export function readJsonl(path: string, mapping: JsonlMapping): AsyncGenerator<Reading> {
  return readLines(path, (line) => parseLine(line, mapping));
}

function parseLine(line: Uint8Array, mapping: JsonlMapping): readonly UnnumberedFrame[] | string {
  let parsed: unknown;
  try {
    const text = utf8.decode(line);
    if (text.trim() === "") return [];
    parsed = JSON.parse(text);
  } catch {
    return "no JSON";
  }
  const receivedAt = timeOf(member(parsed, mapping.receivedAt), mapping.unit);
  if (receivedAt === undefined)
    return `${mapping.receivedAt} is ${saidShort(member(parsed, mapping.receivedAt))}, no time`;
  const bytes = mapping.payload === "." ? line : payloadBytes(member(parsed, mapping.payload));
  if (bytes === undefined) return `${mapping.payload} is ${saidShort(member(parsed, mapping.payload))}, no message`;
  const label = mapping.connectionField === null ? mapping.connection : member(parsed, mapping.connectionField);
  if (typeof label !== "string" || label === "") return `${mapping.connectionField} is ${saidShort(label)}, no label`;
  return [{ connection: label as ConnectionId, kind: "received", receivedAt, monotonicAt: NO_MONOTONIC, bytes }];
}

function member(value: unknown, path: string): unknown {
  let found = value;
  for (const name of path.split(".")) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, name)) return undefined;
    found = (found as Record<string, unknown>)[name];
  }
  return found;
}

/** Text is the message as received. An object was parsed by somebody: it is written as the venue spells it. */
function payloadBytes(payload: unknown): Uint8Array | undefined {
  if (typeof payload === "string") return Buffer.from(payload);
  if (Array.isArray(payload)) return Buffer.from(payload.length === 0 ? "[]" : `${JSON.stringify(payload)}\n`);
  if (typeof payload === "object" && payload !== null)
    return Buffer.from(spacedJson(payload as Parameters<typeof spacedJson>[0]));
  return undefined;
}

/** Micros are cut, never rounded up: a frame was not received later than it was. */
function timeOf(value: unknown, unit: TimeUnit): UnixMicros | undefined {
  if (typeof value === "number") return unit === "iso" ? undefined : inMicros(value, unit);
  if (typeof value !== "string") return undefined;
  if (/^\d+(\.\d+)?$/.test(value)) return unit === "iso" ? undefined : inMicros(Number(value), unit);
  return unit === "auto" || unit === "iso" ? parseTime(value) : undefined;
}

function inMicros(value: number, unit: Exclude<TimeUnit, "iso">): UnixMicros | undefined {
  const known = unit === "auto" ? (UNIT_BELOW.find(([, below]) => value < below)?.[0] ?? "ns") : unit;
  // A tenth of a micro more than the number that was meant, and seconds as a double are still cut to the right one.
  const micros = known === "ns" ? Math.floor(value / 1_000) : Math.floor(value * PER_MICRO[known] + 0.25);
  return Number.isSafeInteger(micros) && micros > 0 ? (micros as UnixMicros) : undefined;
}

function saidShort(value: unknown): string {
  if (value === undefined) return "missing";
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
