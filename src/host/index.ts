// What a process needs from its machine: clock, environment, log, shutdown.
export * from "./clock.ts";
export * from "./environment.ts";
export * from "./log.ts";
export * from "./manual-clock.ts";
