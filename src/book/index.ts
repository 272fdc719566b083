// The book of an instrument: levels, views of them, the venue's digest, and the proof of each state against it. Pure.
export { bookDigest, type DigestFields, snapshotDigest } from "./digest.ts";
export type { BookState, FramePosition, InstrumentFacts, InstrumentProof, StateVerdict } from "./instrument-state.ts";
export { judgeBook, type StandingBook } from "./judge-book.ts";
export { Ladder } from "./ladder.ts";
export { searchLastTrade } from "./last-trade-search.ts";
export { Prover, type ProverOptions } from "./prover.ts";
export type { InstrumentMemory, ProverMemory } from "./prover-memory.ts";
export * from "./views.ts";
