// The truth on disk: append-only frames, durable by group commit; read, tailed, verified and repaired by anybody.
export { dropSegments, type JournalBudget, type SegmentInfo } from "./budget.ts";
export { crc32c } from "./crc32c.ts";
export * from "./errors.ts";
export { diskFileSystem, type FileSystem, writeWhole } from "./file-system.ts";
export { type Journal, type JournalHealth, type JournalOptions, openJournal } from "./journal.ts";
export { MAX_FRAME_BYTES } from "./layout.ts";
export type { ReaderOptions, ReadRange } from "./reader.ts";
export { type JournalReader, type JournalSpan, openJournalReader } from "./reader.ts";
export type { JournalRecovery } from "./recover.ts";
export { type RepairReport, repairJournal } from "./repair.ts";
export { ByteReader, ByteWriter } from "./varint.ts";
export { type JournalVerification, type VerifyProgress, verifyJournal } from "./verify.ts";
