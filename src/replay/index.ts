// The past as a stream: recordings opened, proven and played, the book at any moment, frames as text.
export type { ArchivedHours, SeqSpan } from "./archived-hours.ts";
export { type BookAt, bookAt, booksAt } from "./book-at.ts";
export type { BookRow, Interval, SeriesInterval, SeriesOptions } from "./book-series.ts";
export type { ConnectionReport } from "./connection-report.ts";
export * from "./errors.ts";
export { type FileLine, readFramesFile } from "./frame-files.ts";
export { formatFrameLine, parseFrameLine } from "./frame-lines.ts";
export { type OpenOptions, openRecording } from "./open-recording.ts";
export type { Playback, PlaybackItem } from "./playback.ts";
export * from "./playhead.ts";
export { marketsOf, nameOf, type ProofReport, type ProvenInstrument, proveRecording } from "./prove.ts";
export type { RecordedItem, RecordedStream } from "./recorded-stream.ts";
export type * from "./recording.ts";
export type { RecordedReference, ReferenceOptions } from "./references.ts";
export type { Selection } from "./selection.ts";
export type { WindowReport } from "./window-report.ts";
