import { readFile } from "node:fs/promises";
import { z } from "zod";
import { environment } from "#host";
import { formatTime, parseTime, type UnixMicros } from "#model";
import { type Credentials, credentialsFrom, credentialsSchema } from "./credentials.ts";
import { PRODUCTION_ENDPOINTS, type VenueEndpoints } from "./endpoints.ts";

export type { Credentials } from "./credentials.ts";
export type { VenueEndpoints } from "./endpoints.ts";

/** Where the venue is, who we are there, and what time it is there. */
export interface VenueConfig {
  readonly endpoints: VenueEndpoints;
  readonly credentials?: Credentials;
  /** Given by an emulator whose time is not ours: arguments of `scaledClock`. */
  readonly clock?: { readonly venueAt: UnixMicros; readonly wallAt: UnixMicros; readonly speed: number };
}

/** What is wrong with a venue configuration and what to do, in one line. */
export class VenueConfigError extends Error {
  override readonly name = "VenueConfigError";
}

const address = (...schemes: readonly string[]) =>
  z.string().refine((text) => schemes.some((scheme) => text.startsWith(`${scheme}://`)) && URL.canParse(text), {
    error: `must be a URL that begins with ${schemes.map((scheme) => `${scheme}://`).join(" or ")}`,
  });
const socket = address("ws", "wss");
const http = address("http", "https");

const moment = z.union([z.number(), z.string()]).transform((value, context): UnixMicros => {
  const at = parseTime(String(value));
  if (at !== undefined) return at;
  context.addIssue({ code: "custom", message: "must be a time: ISO 8601, or Unix seconds, millis or micros" });
  return z.NEVER;
});

const schema = z.strictObject({
  endpoints: z
    .strictObject({
      marketSocket: socket,
      polyboltSocket: socket.nullable(),
      rtdsSocket: socket.nullable(),
      binanceSocket: socket.nullable(),
      gamma: http,
      clob: http,
      cryptoPrice: http.nullable(),
    })
    .partial()
    .optional(),
  credentials: credentialsSchema.optional(),
  clock: z.strictObject({ venueAt: moment, wallAt: moment, speed: z.number().positive() }).optional(),
});

/**
 * Parses the JSON of a venue configuration; an endpoint that it does not name is the venue's own.
 * @throws VenueConfigError
 */
export function parseVenueConfig(text: string): VenueConfig {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, which may hold a secret.
    throw new VenueConfigError("the venue configuration is no JSON: check its commas and quotes");
  }
  const result = schema.safeParse(parsed);
  if (!result.success) throw new VenueConfigError(describeIssue(result.error.issues[0]));
  const { endpoints, credentials, clock } = result.data;
  return {
    endpoints: withoutTrailingSlashes({ ...PRODUCTION_ENDPOINTS, ...definedOnly(endpoints ?? {}) }),
    ...(credentials ? { credentials } : {}),
    ...(clock ? { clock } : {}),
  };
}

/**
 * The venue configuration of a file, with credentials of the environment where the file has none; without a path the
 * venue's own endpoints.
 * @throws VenueConfigError, or CredentialsError where the environment has only half of them.
 */
export async function readVenueConfig(
  path?: string,
  lookup: (name: string) => string | undefined = environment,
): Promise<VenueConfig> {
  const config = path === undefined ? parseVenueConfig("{}") : parseVenueConfig(await readConfigFile(path));
  const credentials = config.credentials ?? credentialsFrom(lookup);
  return credentials ? { ...config, credentials } : config;
}

/** The JSON that `parseVenueConfig` reads back as the same configuration. Holds the credentials in clear. */
export function formatVenueConfig(config: VenueConfig): string {
  const { clock, ...rest } = config;
  // In ISO 8601 and not as a number: the magnitude of a replayed moment could be read as another unit.
  const anchor = clock
    ? { clock: { ...clock, venueAt: formatTime(clock.venueAt), wallAt: formatTime(clock.wallAt) } }
    : {};
  return `${JSON.stringify({ ...rest, ...anchor }, null, 2)}\n`;
}

async function readConfigFile(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new VenueConfigError(`cannot read ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}

function describeIssue(issue: z.core.$ZodIssue | undefined): string {
  if (!issue) return "the venue configuration is not valid";
  const where = issue.path.length === 0 ? "" : `${issue.path.join(".")}: `;
  if (issue.code !== "unrecognized_keys") return `venue configuration: ${where}${issue.message}`;
  const known =
    issue.path[0] === "endpoints" ? Object.keys(PRODUCTION_ENDPOINTS) : ["endpoints", "credentials", "clock"];
  return `venue configuration: ${where}remove ${issue.keys.join(", ")}; known are ${known.join(", ")}`;
}

function definedOnly(
  partial: { [K in keyof VenueEndpoints]?: VenueEndpoints[K] | undefined },
): Partial<VenueEndpoints> {
  return Object.fromEntries(Object.entries(partial).filter(([, value]) => value !== undefined));
}

function withoutTrailingSlashes(endpoints: VenueEndpoints): VenueEndpoints {
  const trim = (url: string) => url.replace(/\/+$/, "");
  return { ...endpoints, gamma: trim(endpoints.gamma), clob: trim(endpoints.clob) };
}
