import { z } from "zod";
import type { InstrumentId } from "#model";
import type { Injection } from "../server/injections.ts";

const socket = z.int().nonnegative().optional();
const target = { surface: z.enum(["market", "user", "polybolt", "rtds"]).optional(), socket };
const instrument = z
  .string()
  .regex(/^\d{1,78}$/, "is no token id")
  .transform((text) => text as InstrumentId);
const instruments = z.array(instrument).min(1).optional();
const duration = z.int().positive("must be above 0");
const count = z.int().positive("must be above 0");

const injection = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("freeze"), forMicros: duration, instruments, ...target }),
  z.strictObject({ kind: z.literal("lose"), frames: count, instruments, ...target }),
  z.strictObject({ kind: z.literal("duplicate"), frames: count, instruments, ...target }),
  z.strictObject({ kind: z.literal("stale_book"), forMicros: duration, instruments }),
  z.strictObject({ kind: z.literal("cross"), instrument, socket }),
  z.strictObject({ kind: z.literal("disconnect"), code: z.int().min(1000).max(4999).optional(), ...target }),
  z.strictObject({ kind: z.literal("slow"), byMicros: duration, forMicros: duration, ...target }),
  z.strictObject({
    kind: z.literal("http_error"),
    status: z.union([z.literal(425), z.literal(429), z.literal(500), z.literal(503)]),
    requests: count,
    surface: z.enum(["gamma", "clob", "data", "upgrade"]).optional(),
  }),
  z.strictObject({ kind: z.literal("forget_resolution"), markets: count, socket }),
  z.strictObject({ kind: z.literal("clock_skew"), byMicros: z.int(), forMicros: duration }),
]);

/** Reads a fault as it came over HTTP; text says what is wrong with it. */
export function parseInjection(body: unknown): Injection | string {
  const read = injection.safeParse(body);
  if (read.success) return withoutHoles(read.data) as Injection;
  const { path, message } = read.error.issues[0]!;
  return `${path.length > 0 ? `"${path.join(".")}" ` : ""}${message}`;
}

/** Members that were not given are absent, as our types have them. */
function withoutHoles(members: object): object {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
