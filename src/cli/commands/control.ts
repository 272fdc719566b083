import { Command, InvalidArgumentError } from "commander";
import { MILLISECOND, MINUTE, SECOND } from "#model";
import { askControl, type ControlAddress, type ControlState } from "../control-client.ts";
import { portArgument, speedArgument } from "../emulator-options.ts";
import { jsonOption, timeArgument, tokenArgument, wholeNumber } from "../options.ts";
import { print, printJson, table } from "../output.ts";

interface ControlOptions extends ControlAddress {
  readonly json?: true;
}

interface InjectOptions extends ControlOptions {
  readonly for?: number;
  readonly by?: number;
  readonly frames?: number;
  readonly requests?: number;
  readonly markets?: number;
  readonly status?: number;
  readonly code?: number;
  readonly surface?: string;
  readonly socket?: number;
  readonly token?: readonly string[];
}

/** Tells an emulator in another terminal what to play. */
export function control(): Command {
  const command = new Command("control").description("control an emulator that runs: see docs/emulator.md");
  const add = (name: string, description: string): Command => {
    const each = new Command(name)
      .description(description)
      .option("--port <n>", "port of the emulator", portArgument)
      .option("--url <address>", "address of the emulator")
      .addOption(jsonOption());
    command.addCommand(each);
    return each;
  };
  add("state", "time, speed, clients and how far behind they are").action((options: ControlOptions) =>
    show(options, "state"),
  );
  add("play", "go on").action((options: ControlOptions) => show(options, "play", {}));
  add("pause", "stand still").action((options: ControlOptions) => show(options, "pause", {}));
  add("seek", "go to a moment; every client gets its opening books")
    .argument("<time>", "ISO 8601 or Unix time", timeArgument)
    .action((at: number, options: ControlOptions) => show(options, "seek", { at }));
  add("speed", "how fast the venue's time runs")
    .argument("<factor>", 'from 0.1 up, or "max"', speedArgument)
    .action((speed: number, options: ControlOptions) =>
      show(options, "speed", { speed: Number.isFinite(speed) ? speed : "max" }),
    );
  add("step", "pause, and go on by one step")
    .argument("[by]", '"frame", or a duration such as 1s, 5s, 250ms', "frame")
    .action((by: string, options: ControlOptions) => show(options, "step", { by }));
  add("markets", "what can be subscribed to").action(showMarkets);
  addInject(add("inject", "make something go wrong: freeze, lose, duplicate, stale_book, cross, disconnect, slow …"));
  return command;
}

function addInject(command: Command): void {
  command
    .argument("<kind>", "see docs/emulator.md, Faults on order")
    .option("--for <duration>", "how long: 10s, 500ms, 2m", durationArgument)
    .option("--by <duration>", "slow, clock_skew: by how much", durationArgument)
    .option("--frames <n>", "lose, duplicate: how many", wholeNumber)
    .option("--requests <n>", "http_error: how many", wholeNumber)
    .option("--markets <n>", "forget_resolution: how many", wholeNumber)
    .option("--status <n>", "http_error: 425, 429, 500 or 503", wholeNumber)
    .option("--code <n>", "disconnect: close code; without it the line is cut", wholeNumber)
    .option("--surface <name>", "market, user, polybolt, rtds; http_error: gamma, clob, data, upgrade")
    .option("--socket <n>", "only the n-th socket opened there, from 0", Number)
    .option("--token <id...>", "only these tokens", (text: string, before: string[] = []) => [
      ...before,
      tokenArgument(text),
    ])
    .action((kind: string, options: InjectOptions) => show(options, "inject", injection(kind, options)));
}

/** The fault as the API takes it; it says itself what is missing or too much. */
function injection(kind: string, options: InjectOptions): object {
  const { for: forMicros, by: byMicros, token, surface, socket, frames, requests, markets, status, code } = options;
  const about = kind === "cross" ? { instrument: token?.[0] } : { instruments: token };
  return { kind, forMicros, byMicros, ...about, surface, socket, frames, requests, markets, status, code };
}

async function show(options: ControlOptions, name: string, body?: object): Promise<void> {
  const state = (await askControl(options, name, body)) as ControlState;
  if (options.json) return printJson(state);
  const { time, speed, playing, ended, span, lagMicros, frames, clients, faults } = state;
  const how = ended ? "at the end" : playing ? `playing at ${speed === "max" ? "full speed" : `${speed}×`}` : "paused";
  print(`${time}  ${how}`);
  if (span) print(`recording  ${span.from} to ${span.to}`);
  print(`frames ${frames.toLocaleString("en")}  late ${(lagMicros / MILLISECOND).toFixed(1)} ms  faults ${faults}`);
  if (clients.length === 0) return print("no clients");
  const rows = clients.map((client) => [
    client.surface,
    String(client.socket),
    String(client.subscriptions),
    client.bufferedBytes.toLocaleString("en"),
  ]);
  print(table([["client", "socket", "subscriptions", "unread bytes"], ...rows]));
}

interface ListedMarket {
  readonly slug: string;
  readonly tokens: readonly { readonly outcome: string; readonly token: string }[];
}

async function showMarkets(options: ControlOptions): Promise<void> {
  const markets = (await askControl(options, "markets")) as readonly ListedMarket[];
  if (options.json) return printJson(markets);
  for (const { slug, tokens } of markets) {
    print(`${slug}  ${tokens.map(({ outcome, token }) => `${outcome} ${token}`).join("  ")}`);
  }
}

function durationArgument(text: string): number {
  const parts = /^(\d{1,9}(?:\.\d+)?)(ms|s|m)$/.exec(text);
  const units: Readonly<Record<string, number>> = { ms: MILLISECOND, s: SECOND, m: MINUTE };
  const micros = parts ? Math.round(Number(parts[1]) * units[parts[2]!]!) : 0;
  if (micros > 0) return micros;
  throw new InvalidArgumentError("give a duration such as 10s, 500ms or 2m");
}
