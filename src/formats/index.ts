// Recordings in other people's formats: read into frames, and written from a recording.

export { exportNdjson, NDJSON_SHAPES, type NdjsonShape } from "./exports/export-ndjson.ts";
export { exportNpz, type LatencyShift } from "./exports/export-npz.ts";
export { exportTables } from "./exports/export-tables.ts";
export { exportTardisCsv, type TardisType } from "./exports/export-tardis.ts";
export { PARTITION_KEYS, type PartitionKey } from "./exports/partitions.ts";
export type { ExportOptions, ExportResult } from "./exports/run-export.ts";
export type { Every } from "./exports/sampler.ts";
export { WHATS, type What } from "./exports/tables.ts";
export { FormatError } from "./format-error.ts";
export { readFrames } from "./imports/frames-file.ts";
export { type JsonlMapping, readJsonl, TIME_UNITS, type TimeUnit } from "./imports/jsonl.ts";
export { type PmxtOptions, readPmxt } from "./imports/pmxt.ts";
export type { Reading } from "./imports/reading.ts";
export { type FileFormat, sniffFormat } from "./imports/sniff.ts";
export { readTardis, type TardisOptions } from "./imports/tardis.ts";
