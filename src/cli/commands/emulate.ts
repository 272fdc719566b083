import { writeFile } from "node:fs/promises";
import { Command } from "commander";
import { type Emulator, startEmulator } from "#emulator";
import { listenForShutdown, systemClock } from "#host";
import { createPlayhead } from "#replay";
import { formatVenueConfig } from "#venue";
import { type EmulateOptions, emulateOptions } from "../emulator-options.ts";
import { EXIT, UserError } from "../failure.ts";
import { note, print } from "../output.ts";
import { openPlayedSource, type PlayedSource } from "../played-source.ts";

export function emulate(): Command {
  const command = new Command("emulate").description(
    "serve a recording, a recorded file or the synthetic market in the venue's own protocols, on loopback, until Ctrl-C",
  );
  return emulateOptions(command).action(async (options: EmulateOptions) => {
    const played = await openPlayedSource(options, systemClock().now());
    const { emulator, config } = await start(played, options);
    if (options.writeConfig) await writeFile(options.writeConfig, config);
    print(config.trimEnd());
    explain(emulator, options);
    const shutdown = listenForShutdown();
    await new Promise<void>((resolve) => shutdown.signal.addEventListener("abort", () => resolve()));
    await emulator.close();
    shutdown.dispose();
  });
}

async function start({ source, startsAt }: PlayedSource, { speed, paused, port }: EmulateOptions) {
  const clock = createPlayhead({ clock: systemClock(), at: startsAt, speed, playing: paused !== true });
  try {
    const emulator = await startEmulator({ source, clock, port });
    return { emulator, config: formatVenueConfig(emulator.config()) };
  } catch (error) {
    await source.close();
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    throw new UserError(`port ${port} is taken: name another with --port, or leave it out`, EXIT.cannotWork);
  }
}

/** How each kind of client is pointed at it. To standard error: the configuration alone goes to standard output. */
function explain({ endpoints }: Emulator, { writeConfig, paused, speed }: EmulateOptions): void {
  const { marketSocket, rtdsSocket, polyboltSocket, gamma, clob } = endpoints;
  const base = gamma.replace(/\/gamma$/, "");
  note(
    [
      `  clob-client-v2     new ClobClient({ host: "${clob}", … })`,
      `  @polymarket/client forkEnvironmentConfig({ clob: { rest: "${clob}", market: { ws: "${marketSocket}" } },`,
      `                     gamma: { rest: "${gamma}" }, data: { rest: "${base}/data-api" }, rtds: { ws: "${rtdsSocket}" }, … })`,
      `  tardis-node        WSS_URL_POLYMARKET=${marketSocket}`,
      `  nautilus_trader    base_url_http="${clob}", base_url_ws="${marketSocket.replace(/market$/, "")}"`,
      `  other bots         market ${marketSocket}, PolyBolt ${polyboltSocket}, RTDS ${rtdsSocket}`,
      writeConfig
        ? `  polypunt record    --venue-config ${writeConfig} --series btc-updown-15m`
        : "  polypunt record    save the above as a file for --venue-config",
      `  polypunt control   state --url ${base}`,
    ].join("\n"),
  );
  if (paused) note(`paused: "polypunt control play --url ${base}" starts it`);
  else if (!Number.isFinite(speed))
    note("playing as fast as it goes, with or without readers: --paused waits for them");
}
