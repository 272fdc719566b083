import { rmSync } from "node:fs";
import { SECOND, type UnixMicros } from "#model";
import { openRecording } from "#replay";
import { syntheticFrames, writeRecording } from "../examples/synthetic-recording.ts";
import { alternate, type Bench, type BenchRow, quantile } from "./measure.ts";

// How late a played item is against the moment at which the recording has it, at the recording's own pace. Beside it a
// bare setTimeout for each of the same moments, which is as well as a timer can do here.

const GOAL_P99_MICROS = 5_000;
const ROUNDS = 5;
const SECONDS = 3;

const bench: Bench = {
  name: "pace",
  async run(): Promise<readonly BenchRow[]> {
    const folder = await writeRecording(await syntheticFrames({ activity: 2, seconds: 120, outageAt: null }));
    try {
      return [await measure(folder)];
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function measure(folder: string): Promise<BenchRow> {
  const recording = await openRecording(folder);
  const from = (recording.span!.firstReceivedAt + 80 * SECOND) as UnixMicros;
  const to = (from + SECONDS * SECOND) as UnixMicros;
  const moments: number[] = [];
  const medians: number[] = [];
  const played = async (): Promise<number> => {
    const playback = await recording.playback({ from, to, speed: 1 });
    const late: number[] = [];
    moments.length = 0;
    for await (const { at, kind } of playback) {
      if (kind !== "frame") continue;
      late.push(Math.abs(playback.playhead.now() - at));
      moments.push(at - from);
    }
    medians.push(quantile(late, 0.5));
    return quantile(late, 0.99);
  };
  const figures = await alternate(ROUNDS, played, () => timersAlone(moments));
  await recording.close();
  return {
    name: "pace",
    promise: "a recording played at its own pace: emission time error, p99; baseline: setTimeout alone",
    ...figures,
    unit: "us",
    goal: `<= ${GOAL_P99_MICROS} us`,
    holds: figures.measured <= GOAL_P99_MICROS,
    notes: `${moments.length} frames in ${SECONDS} s, books built and proven; p50 ${Math.round(quantile(medians, 0.5))} us`,
  };
}

async function timersAlone(moments: readonly number[]): Promise<number> {
  const start = performance.now() * 1_000;
  const late: number[] = [];
  for (const moment of moments) {
    const wait = start + moment - performance.now() * 1_000;
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait / 1_000));
    late.push(Math.abs(performance.now() * 1_000 - start - moment));
  }
  return quantile(late, 0.99);
}

export default bench;
