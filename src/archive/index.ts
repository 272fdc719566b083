// Closed hours, packed by market: columnar, byte-exact, seekable, with checkpoints.
export type * from "./chunk.ts";
