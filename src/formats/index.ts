// Recordings in other people's formats: read into frames, and written from a recording.
export { FormatError } from "./format-error.ts";
export { readFrames } from "./imports/frames-file.ts";
export { type JsonlMapping, readJsonl, TIME_UNITS, type TimeUnit } from "./imports/jsonl.ts";
export { type PmxtOptions, readPmxt } from "./imports/pmxt.ts";
export type { Reading } from "./imports/reading.ts";
export { type FileFormat, sniffFormat } from "./imports/sniff.ts";
export { readTardis, type TardisOptions } from "./imports/tardis.ts";
