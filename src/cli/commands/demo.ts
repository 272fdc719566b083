import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { listenForShutdown } from "#host";
import { openJournalReader } from "#journal";
import { formatTime, MINUTE, parseTime, proofRate, type UnixMicros } from "#model";
import { type ProofReport, proveRecording } from "#replay";
import { parseTarget, readVenueConfig, windowSlug } from "#venue";
import { UserError } from "../failure.ts";
import { positive, wholeNumber } from "../options.ts";
import { print, printJson } from "../output.ts";
import { runRecording } from "../recorder-run.ts";
import { journalFolder } from "../recording.ts";
import { gapLine } from "./verify.ts";

interface DemoOptions {
  readonly data: string;
  readonly speed: number;
  readonly windows: number;
  readonly seed: number;
  readonly json?: true;
}

const SERIES = "btc-updown-15m";
const WINDOW = 15 * MINUTE;
/** Any quarter hour: the demo is the same each time. */
const FIRST_WINDOW = parseTime("2026-11-02T14:00:00Z") as UnixMicros;
/** Long enough to see the subscription ahead of the opening, and after the end the resolution. */
const BEFORE = 2 * MINUTE;
const AFTER = 2 * MINUTE;
const MOST_SAID = 2_000;
/** A folder with this file was made by a demo, and the next one may replace it. */
const MARK = "made-by-demo";

export function demo(): Command {
  return new Command("demo")
    .description("offline: a synthetic venue, recorded as the real one would be, then proven")
    .option("--data <dir>", "folder of the recording; a former demo in it is replaced", "./polypunt-data/demo")
    .option("--speed <factor>", "how fast the venue's time runs", positive, 60)
    .option("--windows <n>", "how many 15-minute windows", wholeNumber, 2)
    .option("--seed <n>", "the same seed gives the same market", wholeNumber, 1)
    .option("--json", "print the proof summary as JSON, and no live screen")
    .action(runDemo);
}

async function runDemo(options: DemoOptions): Promise<void> {
  const data = resolve(options.data);
  emptyFolder(data);
  const shutdown = listenForShutdown();
  const venue = await startVenue(options);
  const endsAt = FIRST_WINDOW + options.windows * WINDOW + AFTER;
  try {
    await runRecording({
      data,
      venue: await readVenueConfig(venue.config),
      targets: [parseTarget(`series:${SERIES}`)],
      replicas: 2,
      maxBytes: null,
      screen: options.json ? "quiet" : process.stdout.isTTY ? "live" : "lines",
      stop: shutdown.signal,
      finished: (status) => status.at >= endsAt,
    });
  } finally {
    await venue.stop();
    shutdown.dispose();
  }
  const reader = await openJournalReader(journalFolder(data));
  const report = await proveRecording(reader, { search: "full" });
  await reader.close();
  if (options.json) printJson({ data, ...report });
  else printSummary(data, report);
}

function emptyFolder(data: string): void {
  if (existsSync(data)) {
    if (!existsSync(join(data, MARK)))
      throw new UserError(`${data} was not made by a demo: name another folder with --data`);
    rmSync(data, { recursive: true });
  }
  mkdirSync(data, { recursive: true });
  writeFileSync(join(data, MARK), "The synthetic recording of polypunt demo. The next demo replaces it.\n");
}

interface DemoVenue {
  /** Path of its venue configuration. */
  readonly config: string;
  stop(): Promise<void>;
}

/** The venue in a process of its own, as it would be: its work must not share the recorder's event loop. */
async function startVenue({ speed, seed }: DemoOptions): Promise<DemoVenue> {
  const folder = mkdtempSync(join(tmpdir(), "polypunt-demo-"));
  const config = join(folder, "venue.json");
  const from = formatTime((FIRST_WINDOW - BEFORE) as UnixMicros);
  const args = [
    "emulate",
    "--series",
    SERIES,
    "--from",
    from,
    "--speed",
    String(speed),
    "--seed",
    String(seed),
    "--write-config",
    config,
  ];
  const child = spawn(process.execPath, [...process.execArgv, join(import.meta.dirname, "../main.ts"), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  await ready(child);
  return {
    config,
    async stop() {
      child.kill("SIGTERM");
      if (child.exitCode === null && child.signalCode === null)
        await new Promise((resolve) => child.once("exit", resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The venue's own words are shown only where it failed: they are about recording from another terminal. */
function ready(child: ChildProcess): Promise<void> {
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said = `${said}${text}`.slice(-MOST_SAID);
  });
  return new Promise((resolve, reject) => {
    child.stdout?.once("data", () => resolve());
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the synthetic venue ended with code ${code}: ${said}`)));
  });
}

function printSummary(data: string, report: ProofReport): void {
  const { states } = report;
  const rate = proofRate(states);
  print("");
  print(
    `${report.frames.toLocaleString("en")} frames recorded on two sockets, ${report.merged.toLocaleString("en")} once each after the merge`,
  );
  print(
    `${(states.proven + states.inferred).toLocaleString("en")} book states equal to the venue's digest, ${states.contradicted} contradicted, ${states.unprovable} unprovable: ${rate === null ? "nothing to prove" : `${(rate * 100).toFixed(2)} % proven`}`,
  );
  for (const gap of report.gaps) print(`gap: ${gapLine(gap)}`);
  if (report.gaps.length === 0) print("no gaps");
  const shown = report.instruments.find((each) => each.slug === windowSlug("btc", "15m", FIRST_WINDOW));
  if (!shown) return;
  const at = formatTime((FIRST_WINDOW + WINDOW / 2) as UnixMicros);
  print(
    `\nNow look at a moment of it:\n  ./polypunt book --data ${data} --token ${shown.instrument} --at ${at}\n  ./polypunt verify --data ${data}`,
  );
}
