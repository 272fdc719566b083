import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "#host";
import { openJournal } from "#journal";
import type { ConnectionId, UnnumberedFrame } from "#model";
import { alternate, type Bench, type BenchRow, quantile } from "./measure.ts";

// Append -> durable, as the appending thread sees it, with frames offered evenly and never held back. Offering evenly
// keeps one core busy, and the committing thread needs another: on a machine whose cores are taken, this measures the
// scheduler. The note therefore also gives frames offered in steps of a millisecond, by a thread that sleeps in between.
// The first second after opening is not counted: it times the compiler, and a recorder lives for weeks.

const FRAME_BYTES = 566;
const GOAL_P50_MICROS = 500;
const GOAL_P99_MICROS = 2_000;
const GOAL_RATIO = 2.5;
const ROUNDS = 5;
const SECONDS = 3;
const WARM_UP_SECONDS = 1;
const SYNCS = 1_000;

const clock = systemClock();

/** Frames that look like a price_change and compress like one: mostly the same keys, fresh digests and prices. */
function sampleFrames(count: number): Uint8Array[] {
  let state = 1;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state;
  };
  const hex = (digits: number): string => {
    let text = "";
    while (text.length < digits) text += next().toString(16).padStart(8, "0");
    return text.slice(0, digits);
  };
  const token = "98879333180153580861799018681648381139364382622074357239010764368082362737328219";
  return Array.from({ length: count }, () => {
    const price = 1 + (next() % 98);
    const entry = (p: number, side: string): string =>
      `{"asset_id":"${token}", "price":"0.${String(p).padStart(2, "0")}", "size":"${next() % 5_000}.${next() % 100}", "side":"${side}", "hash":"${hex(40)}", "best_bid":"0.47", "best_ask":"0.48"}`;
    const changes = `${entry(price, "BUY")}, ${entry(100 - price, "SELL")}`;
    const text = `{"market":"0x${"9bf175d7".repeat(8)}", "price_changes":[${changes}], "event_type":"price_change"}`;
    return new TextEncoder().encode(text.padEnd(FRAME_BYTES).slice(0, FRAME_BYTES));
  });
}

const frames = sampleFrames(4_096);

function frameAt(index: number): UnnumberedFrame {
  return {
    connection: "market-a-0" as ConnectionId,
    kind: "received",
    receivedAt: clock.now(),
    monotonicAt: clock.monotonic(),
    bytes: frames[index % frames.length]!,
  };
}

async function inNewDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "polypunt-append-"));
  try {
    return await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** When to look again which frames are due. Callbacks: a promise a turn would time the collector. */
type Pace = (turn: () => void) => void;
const nextTurn: Pace = (turn) => setImmediate(turn);
const nextMillisecond: Pace = (turn) => setTimeout(turn, 1);

/** Latencies in micros of every frame, offered at `perSecond` for `seconds` after the warm-up. */
function offer(perSecond: number, seconds: number, pace: Pace = nextTurn): Promise<number[]> {
  return inNewDirectory(async (directory) => {
    const journal = await openJournal({ directory, clock });
    const total = perSecond * (seconds + WARM_UP_SECONDS);
    const latencies = new Array<number>(total).fill(Number.NaN);
    let last: Promise<void> = Promise.resolve();
    const offerOne = (index: number): void => {
      const from = performance.now();
      last = journal.whenDurable(journal.append(frameAt(index))).then(() => {
        latencies[index] = (performance.now() - from) * 1_000;
      });
    };
    const start = performance.now();
    let sent = 0;
    await new Promise<void>((resolve) => {
      const turn = (): void => {
        const due = Math.min(total, Math.floor(((performance.now() - start) / 1_000) * perSecond));
        while (sent < due) offerOne(sent++);
        if (sent < total) pace(turn);
        else resolve();
      };
      turn();
    });
    await last;
    await journal.close();
    return latencies.slice(perSecond * WARM_UP_SECONDS);
  });
}

/** p50 in micros of one write and fdatasync of one frame, as a program without group commit would do. */
function writeAndSync(): Promise<number> {
  return inNewDirectory(async (directory) => {
    const file = openSync(join(directory, "plain"), "w");
    const latencies: number[] = [];
    for (let index = 0; index < SYNCS; index++) {
      const from = performance.now();
      writeSync(file, frames[index % frames.length]!);
      fdatasyncSync(file);
      latencies.push((performance.now() - from) * 1_000);
    }
    closeSync(file);
    return quantile(latencies, 0.5);
  });
}

function described(latencies: readonly number[]): string {
  return `p50 ${Math.round(quantile(latencies, 0.5))} us, p99 ${Math.round(quantile(latencies, 0.99))} us`;
}

async function run(): Promise<readonly BenchRow[]> {
  const tails: number[] = [];
  const result = await alternate(
    ROUNDS,
    async () => {
      const latencies = await offer(20_000, SECONDS);
      tails.push(quantile(latencies, 0.99));
      return quantile(latencies, 0.5);
    },
    writeAndSync,
  );
  // The warm-up round does not count.
  tails.shift();
  const fast = await offer(100_000, 2);
  const stepped = await offer(20_000, SECONDS, nextMillisecond);
  const p99 = quantile(tails, 0.5);
  const load = `${FRAME_BYTES}-byte frames at 20,000/s`;
  return [
    {
      name: "append-p50",
      promise: `durable append, p50, ${load}; baseline: p50 of one write + fdatasync`,
      measured: result.measured,
      unit: "us",
      baseline: result.baseline,
      ratio: result.ratio,
      goal: `<= ${GOAL_P50_MICROS} us and ratio <= ${GOAL_RATIO}`,
      holds: result.measured <= GOAL_P50_MICROS && result.ratio <= GOAL_RATIO,
      spread: result.spread,
      notes: `at 100,000/s: ${described(fast)}; at 20,000/s in steps of 1 ms: ${described(stepped)}`,
    },
    {
      name: "append-p99",
      promise: `durable append, p99, ${load}`,
      measured: p99,
      unit: "us",
      baseline: null,
      ratio: null,
      goal: `<= ${GOAL_P99_MICROS} us`,
      holds: p99 <= GOAL_P99_MICROS,
      spread: { measured: [Math.min(...tails), Math.max(...tails)] },
    },
  ];
}

const bench: Bench = { name: "append", run };
export default bench;
