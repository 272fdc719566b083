import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runArchive } from "#archive";
import { systemClock } from "#host";
import { openJournal } from "#journal";
import { SECOND, type UnixMicros } from "#model";
import { BEFORE_THE_HOUR, recordTwoSockets } from "../test/fixtures/two-sockets.ts";
import { type Bench, median } from "./measure.ts";

// The whole way of an hour into the archive: journal read, merged, decoded, proven, packed, synced, read back and compared,
// indexed. 2,000 instruments on two sockets at 1,000 frames a second.

const MARKETS = 1_000;
const SECONDS = 90;
/** Of the two sockets together, dumps aside. */
const FRAMES_PER_SECOND = 1_000;
const ROUNDS = 5;
const GOAL = 20 * FRAMES_PER_SECOND;

async function writeJournal(directory: string): Promise<number> {
  const startsAt = (BEFORE_THE_HOUR - 600 * SECOND) as UnixMicros;
  const load = { series: [], markets: MARKETS, framesPerSecond: FRAMES_PER_SECOND / 2 };
  const frames = recordTwoSockets({ seed: 1, seconds: SECONDS, startsAt, ...load });
  const journal = await openJournal({ directory, clock: systemClock(), maxBacklogBytes: 512 * 1024 * 1024 });
  for (const frame of frames) journal.append(frame);
  await journal.close();
  return frames.length;
}

const bench: Bench = {
  name: "pack",
  async run() {
    const folder = mkdtempSync(join(tmpdir(), "polypunt-bench-"));
    try {
      const journal = join(folder, "journal");
      const frames = await writeJournal(journal);
      const rates: number[] = [];
      const shares: number[] = [];
      for (let round = 0; round <= ROUNDS; round++) {
        const archive = join(folder, `archive-${round}`);
        let packedAt = 0;
        const begun = performance.now();
        const { packed } = await runArchive({
          archive,
          journal,
          now: systemClock().now(),
          all: true,
          onProgress({ phase }) {
            if (phase === "packing") packedAt = performance.now();
          },
        });
        const taken = performance.now() - begun;
        if (packed.reduce((sum, each) => sum + each.frames, 0) !== frames)
          throw new Error("not every frame was packed");
        rmSync(archive, { recursive: true });
        // The first warms up.
        if (round === 0) continue;
        rates.push((frames * 1_000) / taken);
        shares.push((packedAt - begun) / taken);
      }
      const measured = median(rates);
      return [
        {
          name: "pack",
          promise: "journal -> merged, decoded, proven, packed, read back, compared: 2,000 instruments on two sockets",
          measured,
          unit: "frames/s",
          baseline: null,
          ratio: null,
          goal: `>= ${GOAL.toLocaleString("en")} (20x real time at ${FRAMES_PER_SECOND.toLocaleString("en")} frames/s)`,
          holds: measured >= GOAL,
          spread: { measured: [Math.min(...rates), Math.max(...rates)] },
          notes: `${frames.toLocaleString("en")} frames; ${Math.round(median(shares) * 100)} % of the time until the last frame was packed`,
        },
      ];
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

export default bench;
