import type { FrameRange, FrameSource, VenueEvent } from "#model";
import { Decoder } from "#venue";
import { FreshEvents } from "./fresh-events.ts";
import { ConnectionMerge, type MergedFrame } from "./merge.ts";

/** A merged frame with what it says, less what the books already had from another socket. */
export interface TimelineStep extends MergedFrame {
  readonly events: readonly VenueEvent[];
}

/** Every frame of a recording once, in the venue's order, whichever sockets carried it. */
export async function* mergedFrames(
  source: FrameSource,
  range: FrameRange = {},
): AsyncGenerator<readonly MergedFrame[]> {
  const merge = new ConnectionMerge();
  for await (const frames of source.read(range)) {
    const ready = frames.flatMap((frame) => merge.push(frame));
    if (ready.length > 0) yield ready;
  }
  const rest = merge.flush();
  if (rest.length > 0) yield rest;
}

/** The same, decoded. Deterministic: same recording, same steps. */
export async function* timeline(source: FrameSource, range: FrameRange = {}): AsyncGenerator<readonly TimelineStep[]> {
  const decoder = new Decoder();
  const fresh = new FreshEvents();
  for await (const frames of mergedFrames(source, range)) {
    yield frames.map((merged) => {
      const events: VenueEvent[] = [];
      for (const event of decoder.decodeFrame(merged.frame)) {
        const kept = fresh.of(event);
        if (kept) events.push(kept);
      }
      return { ...merged, events };
    });
  }
}
