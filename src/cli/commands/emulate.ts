import { writeFile } from "node:fs/promises";
import { Command } from "commander";
import { type EmulatorSource, framesFileSource, startEmulator, syntheticSource } from "#emulator";
import { listenForShutdown, scaledClock, systemClock } from "#host";
import { SECOND, type UnixMicros } from "#model";
import { formatVenueConfig } from "#venue";
import { type EmulateOptions, emulateOptions } from "../emulator-options.ts";
import { UserError } from "../failure.ts";
import { note, print } from "../output.ts";

/** A recording begins this long after the start, so that a recorder can subscribe before the first frame. */
const HEAD_START = 2 * SECOND;

export function emulate(): Command {
  const command = new Command("emulate").description(
    "serve a recorded file or the synthetic market in the venue's own protocols, on loopback, until Ctrl-C",
  );
  return emulateOptions(command).action(async (options: EmulateOptions) => {
    const source = await openSource(options);
    const wallAt = systemClock().now();
    const firstAt = options.from ?? firstMoment(options, source, wallAt);
    // The head start is in real time: whoever connects needs that long, however fast the venue's time runs.
    const clock = { venueAt: (firstAt - HEAD_START * options.speed) as UnixMicros, wallAt, speed: options.speed };
    const emulator = await startEmulator({ source, clock: scaledClock(clock), port: options.port });
    const config = { ...emulator.config(), clock };
    if (options.writeConfig) await writeFile(options.writeConfig, formatVenueConfig(config));
    print(formatVenueConfig(config).trimEnd());
    note(
      options.writeConfig
        ? `record from it with: polypunt record --venue-config ${options.writeConfig} --series btc-updown-15m`
        : "save the above as a file for record --venue-config",
    );
    const shutdown = listenForShutdown();
    await new Promise<void>((resolve) => shutdown.signal.addEventListener("abort", () => resolve()));
    await emulator.close();
    shutdown.dispose();
  });
}

async function openSource(options: EmulateOptions): Promise<EmulatorSource> {
  const { frames, seed, series, activity, markets, rate } = options;
  if (frames !== undefined) {
    try {
      return await framesFileSource(frames);
    } catch (error) {
      throw new UserError(`cannot play ${frames}: ${(error as Error).message}`);
    }
  }
  const startsAt = options.from ?? systemClock().now();
  const load = markets === undefined ? {} : { markets, framesPerSecond: rate };
  return syntheticSource({ seed, startsAt, series: markets === undefined ? series : [], activity, ...load });
}

function firstMoment({ frames }: EmulateOptions, source: EmulatorSource, now: UnixMicros): UnixMicros {
  return frames === undefined ? now : (source.nextAt() ?? now);
}
