import { Command } from "commander";
import type { Frame, InstrumentId, UnixMicros } from "#model";
import { formatFrameLine } from "#replay";
import { mergedFrames } from "#timeline";
import { type DataOption, dataOption, timeArgument, tokenArgument } from "../options.ts";
import { write } from "../output.ts";
import { openRecording } from "../recording.ts";

interface FramesOptions extends DataOption {
  readonly from?: UnixMicros;
  readonly to?: UnixMicros;
  readonly token?: InstrumentId;
  readonly all?: true;
  readonly merged?: true;
}

export function frames(): Command {
  return new Command("frames")
    .description("frames out again, as NDJSON on standard output, byte for byte what was received")
    .addOption(dataOption())
    .option("--from <time>", "first receivedAt", timeArgument)
    .option("--to <time>", "last receivedAt", timeArgument)
    .option("--token <id>", "only frames that name this token", tokenArgument)
    .option("--merged", "frames of redundant connections once each")
    .option(
      "--all",
      "also what is no message of the venue: connects, subscribes, HTTP answers, gaps, sessions, bad lines",
    )
    .action(async (options: FramesOptions) => {
      const reader = await openRecording(options.data);
      const range = {
        ...(options.from === undefined ? {} : { fromTime: options.from }),
        ...(options.to === undefined ? {} : { toTime: options.to }),
      };
      const wanted = filterOf(options);
      try {
        const batches = options.merged ? unwrapped(mergedFrames(reader, range)) : reader.read(range);
        for await (const batch of batches) {
          const lines = batch.filter(wanted).map((frame) => `${formatFrameLine(frame)}\n`);
          if (lines.length > 0) await write(lines.join(""));
        }
      } finally {
        await reader.close();
      }
    });
}

function filterOf({ all, token }: FramesOptions): (frame: Frame) => boolean {
  return (frame) => {
    if (!all && frame.kind !== "received") return false;
    return (
      token === undefined || Buffer.from(frame.bytes.buffer, frame.bytes.byteOffset, frame.bytes.length).includes(token)
    );
  };
}

async function* unwrapped(batches: ReturnType<typeof mergedFrames>): AsyncGenerator<readonly Frame[]> {
  for await (const batch of batches) yield batch.map(({ frame }) => frame);
}
