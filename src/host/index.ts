// What a process needs from its machine: clock, chance, environment, log, disk, HTTP, limits, shutdown.
export * from "./backoff.ts";
export * from "./clock.ts";
export * from "./disk.ts";
export * from "./environment.ts";
export * from "./http.ts";
export * from "./log.ts";
export * from "./manual-clock.ts";
export * from "./random.ts";
export * from "./shutdown.ts";
export * from "./token-bucket.ts";
