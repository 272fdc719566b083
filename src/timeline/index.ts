// A recording as one ordered stream: redundant connections merged, decoded, with the catalog and gaps it tells of.
export { Cuts, type CutsMemory } from "./cuts.ts";
export { FreshEvents } from "./fresh-events.ts";
export { parseGapRecord, RecordedGaps } from "./gap-ledger.ts";
export { MarketBook } from "./markets.ts";
export { ConnectionMerge, type MergedFrame, type MergeOptions, replicaGroup } from "./merge.ts";
export { Fifo, Heap } from "./queues.ts";
export { mergedFrames, type TimelineStep, timeline } from "./timeline.ts";
