import { replay } from "tardis-dev";
import type { Frame } from "#model";
import { encodeChunk } from "../src/archive/columns/encode-chunk.ts";
import { openChunk } from "../src/archive/columns/open-chunk.ts";
import { packFrames } from "../test/fixtures/chunks.ts";
import { DELTA_TAPE, haveTapes, readTape } from "../test/fixtures/tapes.ts";
import { mirroredFrames } from "./fixtures/archived.ts";
import { TARDIS_MINUTE, tardisCache } from "./fixtures/tardis-cache.ts";
import { alternate, type Bench, type BenchRow } from "./measure.ts";

/*
 * Ours: chunks in memory to frames with their bytes, every digest recomputed from the rebuilt books. Theirs: raw replay()
 * of the same messages from a gzip file in the page cache, as parsed objects, which is what it gives.
 */

const LENGTH = 2_048;
const ROUNDS = 5;
const MESSAGES = 60_000;
const EXCHANGE = "coinbase";
const CHANNEL = "l2update" as const;
const PACKING_GOAL = 60_000;

async function row(promise: string, frames: readonly Frame[]): Promise<BenchRow> {
  const chunks = packFrames(frames, LENGTH);
  const removeCache = tardisCache(
    EXCHANGE,
    [CHANNEL],
    frames.map(({ bytes }) => Buffer.from(bytes).toString().trimEnd()),
  );
  const counted = (count: number, start: number): number => {
    if (count !== frames.length) throw new Error(`${frames.length} frames went in, ${count} came out`);
    return (count * 1_000) / (performance.now() - start);
  };
  const result = await alternate(
    ROUNDS,
    () => {
      const start = performance.now();
      let count = 0;
      for (const { encoded } of chunks) count += openChunk(encoded.bytes).frames().length;
      return counted(count, start);
    },
    async () => {
      const start = performance.now();
      let count = 0;
      const filters = [{ channel: CHANNEL }];
      for await (const _ of replay({ exchange: EXCHANGE, filters, ...TARDIS_MINUTE })) count++;
      return counted(count, start);
    },
  );
  removeCache();
  return {
    name: "archive-exact",
    promise,
    ...result,
    unit: "messages/s",
    goal: "ratio >= 1",
    holds: result.ratio >= 1,
    notes: "baseline: tardis-dev raw replay() of the same messages",
  };
}

/** Packing alone: how much faster than they come do messages go into chunks. */
function packing(frames: readonly Frame[]): BenchRow {
  const inputs = packFrames(frames, LENGTH).map(({ input }) => input);
  const rates = Array.from({ length: ROUNDS }, () => {
    const start = performance.now();
    for (const input of inputs) encodeChunk(input);
    return (frames.length * 1_000) / (performance.now() - start);
  }).sort((a, b) => a - b);
  const measured = rates[ROUNDS >> 1] as number;
  return {
    name: "archive-exact",
    promise: "mirrored messages into chunks, read again and compared, one core",
    measured,
    baseline: null,
    ratio: null,
    unit: "messages/s",
    goal: `>= ${PACKING_GOAL}`,
    holds: measured >= PACKING_GOAL,
    spread: { measured: [rates[0] as number, rates[ROUNDS - 1] as number] },
  };
}

const bench: Bench = {
  name: "archive-exact",
  async run() {
    const mirrored = mirroredFrames(MESSAGES);
    const rows = [await row("mirrored stream to frames with their bytes, digests recomputed", mirrored)];
    rows.push(packing(mirrored));
    if (haveTapes) rows.push(await row("recorded delta tape to frames, digests recomputed", readTape(DELTA_TAPE)));
    return rows;
  },
};

export default bench;
