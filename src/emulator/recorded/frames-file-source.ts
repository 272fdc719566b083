import type { Market, UnixMicros } from "#model";
import { Decoder } from "#venue";
import type { EmulatorSource } from "../source.ts";
import { FramesFile } from "./frames-file.ts";
import { RecordedCatalog } from "./recorded-catalog.ts";
import { PlayedRecording } from "./recording-source.ts";

export interface FramesFileOptions {
  /** What is known of its markets; else it is concluded from the frames and their labels. */
  readonly catalog?: readonly Market[];
}

/** A recorded file being played. */
export interface FramesFileSource extends EmulatorSource {
  /** Lines that were no frames. */
  readonly badLines: number;
}

/**
 * Opens a recorded frames file (NDJSON, gzip or not) to be played from before its first frame; reads it once to learn its
 * markets, then streams. Of redundant connections each frame is played once. To seek is to read it from the start.
 * @throws Error where the file cannot be read or holds no frame.
 */
export async function framesFileSource(path: string, options: FramesFileOptions = {}): Promise<FramesFileSource> {
  const file = new FramesFile(path);
  const catalog = new RecordedCatalog({ given: options.catalog ?? [], ahead: true });
  const decoder = new Decoder();
  for await (const batch of file.read()) for (const frame of batch) catalog.learn(frame, decoder.decodeFrame(frame));
  if (file.span === null) throw new Error(`${path} holds no frame (${file.badLines} lines are none)`);
  const played = new PlayedRecording({ source: file }, catalog);
  // A moment before the first frame, so that it is the first step.
  await played.seek((file.span.firstReceivedAt - 1) as UnixMicros);
  return Object.assign(played, { badLines: file.badLines });
}
