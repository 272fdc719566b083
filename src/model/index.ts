// The words of the project: numbers, time, ids, markets, frames, events, proofs, gaps. Pure; imports nothing.
export * from "./event.ts";
export * from "./frame.ts";
export * from "./frame-source.ts";
export * from "./gap.ts";
export * from "./ids.ts";
export * from "./market.ts";
export * from "./numbers.ts";
export * from "./proof.ts";
export * from "./records.ts";
export * from "./time.ts";
