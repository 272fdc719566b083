import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Bench, median } from "./measure.ts";

// A capture of 2,000 instruments on two replicas, ten minutes under load, in a process of its own: how much memory, and
// does it grow? Linux only: the figure is VmRSS of /proc.

const MARKETS = 1_000;
const RATE = 1_000;
const MINUTES = 10;
const SAMPLE_MILLIS = 2_000;
const LIMIT_MIB = 512;
/** The heap fills to its working size first. */
const WARM_UP_SHARE = 0.25;
/** Later samples may lie this much above the earlier ones: garbage comes and goes. */
const FLAT_WITHIN = 1.1;
/** As users start it: the script sets V8's flags, then becomes Node. */
const POLYPUNT = join(import.meta.dirname, "../polypunt");

function polypunt(...args: string[]): ChildProcess {
  return spawn(POLYPUNT, args, { stdio: ["ignore", "pipe", "inherit"] });
}

function residentMiB(pid: number): number {
  const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(line?.[1] ?? 0) / 1_024;
}

async function measure(
  folder: string,
): Promise<{ samples: number[]; frames: number; instruments: number; refused: number }> {
  const config = join(folder, "venue.json");
  const venue = polypunt("emulate", "--markets", String(MARKETS), "--rate", String(RATE), "--write-config", config);
  await once(venue.stdout!, "data");
  const recorder = polypunt(
    "record",
    "--venue-config",
    config,
    "--tag",
    "synthetic",
    "--data",
    join(folder, "data"),
    "--json",
  );
  let last = { totals: { frames: 0, instruments: 0, refused: { frames: 0 } } };
  createInterface({ input: recorder.stdout! }).on("line", (line) => {
    last = JSON.parse(line) as typeof last;
  });
  const samples: number[] = [];
  for (let taken = 0; taken < (MINUTES * 60_000) / SAMPLE_MILLIS; taken++) {
    await new Promise((resolve) => setTimeout(resolve, SAMPLE_MILLIS));
    samples.push(residentMiB(recorder.pid!));
  }
  for (const child of [recorder, venue]) {
    child.kill("SIGTERM");
    await once(child, "exit");
  }
  return {
    samples,
    frames: last.totals.frames,
    instruments: last.totals.instruments,
    refused: last.totals.refused.frames,
  };
}

const bench: Bench = {
  name: "memory",
  soak: true,
  async run() {
    const folder = mkdtempSync(join(tmpdir(), "polypunt-bench-"));
    try {
      const { samples, frames, instruments, refused } = await measure(folder);
      const warm = samples.slice(Math.floor(samples.length * WARM_UP_SHARE));
      const third = Math.floor(warm.length / 3);
      const growth = median(warm.slice(-third)) / median(warm.slice(0, third));
      const most = Math.max(...samples);
      return [
        {
          name: "memory",
          promise: `memory of a capture of ${instruments} instruments, ${MINUTES} minutes of load`,
          measured: most,
          unit: "MiB RSS at most",
          baseline: null,
          ratio: null,
          goal: `<= ${LIMIT_MIB} MiB, last third <= ${FLAT_WITHIN}x the first after the warm-up`,
          holds: most <= LIMIT_MIB && growth <= FLAT_WITHIN && instruments === MARKETS * 2 && refused === 0,
          spread: { measured: [Math.min(...warm), most] },
          notes: `last third / first third ${growth.toFixed(3)}; ${frames} frames recorded, ${refused} refused`,
        },
      ];
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

export default bench;
