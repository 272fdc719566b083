// Closed hours, packed by market: byte-exact, opened at any moment in about a millisecond, with an index of what is there.
export { type ArchivedBook, type ArchiveOptions, type ArchiveReader, openArchive } from "./archive.ts";
export * from "./archive-index.ts";
export type * from "./chunk.ts";
export * from "./errors.ts";
export { rebuildIndex } from "./index-sync.ts";
export { type ArchiveRunOptions, type ArchiveRunReport, archiveHas, type PackedHour, runArchive } from "./run.ts";
export { type ArchiveStatus, readArchiveStatus } from "./status.ts";
export { type ArchiveDamage, type ArchiveVerification, verifyArchive } from "./verify.ts";
