// The past as a stream: redundant connections merged, recordings proven, the book at any moment.
export { type BookAt, bookAt } from "./book-at.ts";
export { type FileLine, readFramesFile } from "./frame-files.ts";
export { formatFrameLine } from "./frame-lines.ts";
export type { FrameRange, FrameSource } from "./frame-source.ts";
export { MarketBook } from "./markets.ts";
export type { MergedFrame } from "./merge.ts";
export { marketsOf, nameOf, type ProofReport, type ProvenInstrument, proveRecording } from "./prove.ts";
export { mergedFrames } from "./timeline.ts";
