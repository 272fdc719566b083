// The past as a stream: recordings proven, the book at any moment, frames as text.
export { type BookAt, bookAt } from "./book-at.ts";
export { type FileLine, readFramesFile } from "./frame-files.ts";
export { formatFrameLine } from "./frame-lines.ts";
export {
  createPlayhead,
  type Playhead,
  type PlayheadChange,
  type PlayheadOptions,
  type Reached,
  UNLIMITED,
} from "./playhead.ts";
export { marketsOf, nameOf, type ProofReport, type ProvenInstrument, proveRecording } from "./prove.ts";
