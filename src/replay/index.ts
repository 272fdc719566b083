// The past as a stream: redundant connections merged, journals proven, the book at any moment.
export { ConnectionMerge, type MergedFrame, replicaGroup } from "./merge.ts";
