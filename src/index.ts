// The library: a recording opened, its books at any moment, its stream at any pace. See docs/read-a-recording.md.
export {
  crossing,
  cumulativeDepth,
  depthTo,
  imbalance,
  type Ladder,
  mid,
  Prover,
  spread,
  weightedMid,
} from "#book";
export * from "#model";
export * from "#replay";
export {
  openRecording as open,
  proveRecording as prove,
} from "#replay";
