import { pino } from "pino";

/** Structured logging: one JSON object a line. `fields` must never hold a secret. */
export interface Log {
  debug(fields: Record<string, unknown>, message: string): void;
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
}

/** Logs to standard error, so that standard output stays free for results. */
export function createLog(level: "debug" | "info" | "warn" | "error" | "silent"): Log {
  return pino({ level, base: null }, pino.destination({ fd: 2, sync: true }));
}

export function silentLog(): Log {
  const nothing = () => undefined;
  return { debug: nothing, info: nothing, warn: nothing, error: nothing };
}
