import { Command, InvalidArgumentError } from "commander";
import { listenForShutdown } from "#host";
import type { InstrumentId, UnixMicros, VenueEvent } from "#model";
import { formatTime } from "#model";
import { type Playback, type PlaybackItem, UNLIMITED } from "#replay";
import { UserError } from "../failure.ts";
import { type DataOption, dataOption, positive, timeArgument, tokenArgument } from "../options.ts";
import { write } from "../output.ts";
import { openRecording } from "../recording.ts";

interface ReplayOptions extends DataOption {
  readonly from?: UnixMicros;
  readonly to?: UnixMicros;
  readonly series?: readonly string[];
  readonly slug?: readonly string[];
  readonly token?: readonly InstrumentId[];
  readonly speed: number;
  readonly follow?: true;
}

export function replay(): Command {
  return new Command("replay")
    .description("the past at a pace, or on into the present: events, verdicts and gaps as NDJSON, a line each")
    .addOption(dataOption())
    .option("--from <time>", "where to begin; default: with the recording", timeArgument)
    .option("--to <time>", "last moment", timeArgument)
    .option("--series <name...>", "only windows of this series, btc-updown-15m")
    .option("--slug <slug...>", "only this market or group")
    .option("--token <id...>", "only this outcome", (text: string, former: InstrumentId[] = []) => [
      ...former,
      tokenArgument(text),
    ])
    .option("--speed <factor>", "seconds of recording a second, or unlimited", speedArgument, UNLIMITED)
    .option("--follow", "after the past go on with what becomes durable, until Ctrl-C")
    .option("--json", "as it is always: each line is a JSON document")
    .action(async (options: ReplayOptions) => {
      if (options.follow && options.to !== undefined) throw new UserError("--follow has no end: leave --to away");
      const recording = await openRecording(options.data);
      const shutdown = listenForShutdown();
      try {
        const choice = choiceOf(options);
        const playback = options.follow
          ? await recording.follow({ ...choice, signal: shutdown.signal })
          : await recording.playback(choice);
        shutdown.signal.addEventListener("abort", () => playback.close());
        await print(playback);
      } finally {
        shutdown.dispose();
        await recording.close();
      }
    });
}

function speedArgument(text: string): number {
  if (text === "unlimited") return UNLIMITED;
  try {
    return positive(text);
  } catch {
    throw new InvalidArgumentError('give a number above 0, or "unlimited"');
  }
}

function choiceOf({ from, to, series, slug, token, speed }: ReplayOptions) {
  return {
    speed,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(series === undefined ? {} : { series }),
    ...(slug === undefined ? {} : { windows: slug }),
    ...(token === undefined ? {} : { instruments: token }),
  };
}

async function print(playback: Playback): Promise<void> {
  for await (const item of playback) {
    for (const line of linesOf(item)) await write(`${JSON.stringify({ at: formatTime(item.at), ...line })}\n`);
  }
}

/** What is no event of the venue (answers, connects) is in "frames --all". */
function linesOf(item: PlaybackItem): readonly object[] {
  switch (item.kind) {
    case "frame":
      return item.events
        .filter((event) => event.kind !== "notice")
        .map((event: VenueEvent) => ({ seq: item.frame.seq, connection: item.frame.connection, ...event }));
    case "verdict":
      return [{ ...item.verdict, kind: "verdict" }];
    case "gap":
      return [{ kind: "gap", phase: item.phase, ...item.gap }];
    case "book": {
      const { ladder, ...book } = item.book;
      const levels = { bids: ladder.levels("bid"), asks: ladder.levels("ask") };
      return [{ kind: "opening_book", ...book, ...levels, verdict: item.verdict, openGaps: item.openGaps }];
    }
    case "sought":
      return [{ kind: "sought" }];
  }
}
