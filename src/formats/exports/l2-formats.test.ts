import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { unzipSync } from "fflate";
import { describe, expect, it } from "vitest";
import type { Level, Side, UnixMicros } from "#model";
import { csvRows, exporting, lastAt, levelsOf, micros, ToldBook } from "../fixtures/exporting.ts";
import { randomRecording } from "../fixtures/random-recording.ts";
import { DOWN, moment, smallRecording, UP, WINDOW } from "../fixtures/scripted-recording.ts";
import { exportNpz } from "./export-npz.ts";
import { exportTardisCsv } from "./export-tardis.ts";

const TOKENS = [UP, DOWN] as const;

describe("tardis' CSV", () => {
  it("gives its readers every book of the recording, after each message", async () => {
    await fc.assert(
      fc.asyncProperty(randomRecording, async ({ recording }) => {
        const base = exporting(recording);
        await exportTardisCsv({ ...base, types: ["incremental_book_L2", "trades"], gzip: false });
        for (const token of TOKENS) {
          const rows = csvRows(join(base.out, `polymarket_incremental_book_L2_2026-11-22_${token}.csv`));
          const book = new ToldBook();
          let inSnapshot = false;
          const after = new Map<number, ReturnType<typeof levelsOf>>();
          for (const row of rows) {
            // As docs.tardis.dev says it: a snapshot after lines that are of none voids the book.
            if (row.is_snapshot === "true" && !inSnapshot) book.clear();
            inSnapshot = row.is_snapshot === "true";
            book.set(row.side as Side, micros(Number(row.price)) ?? 0, micros(Number(row.amount)) ?? 0);
            after.set(Number(row.local_timestamp), { bids: book.levels("bid"), asks: book.levels("ask") });
          }
          for (const [at, levels] of after) expect(levels).toEqual(lastAt(recording, token, at as UnixMicros));
          expect(levelsOf([...after.values()].at(-1))).toEqual(
            lastAt(recording, token, Number.MAX_SAFE_INTEGER as UnixMicros),
          );
        }
      }),
      { numRuns: 40 },
    );
  });
});

interface HftRow {
  readonly event: number;
  readonly isExchange: boolean;
  readonly isLocal: boolean;
  readonly side: Side;
  readonly exchAt: bigint;
  readonly localAt: bigint;
  readonly price: number;
  readonly size: number;
}

/** Records of an npz file, read by the letter of hftbacktest's types. */
function hftRows(path: string): HftRow[] {
  const npy = unzipSync(readFileSync(path))["data.npy"] as Uint8Array;
  const view = new DataView(npy.buffer, npy.byteOffset, npy.length);
  const rows: HftRow[] = [];
  for (let at = 10 + view.getUint16(8, true); at < npy.length; at += 64) {
    const ev = view.getUint32(at, true);
    rows.push({
      event: ev & 0xff,
      isExchange: ev >>> 31 === 1,
      isLocal: ((ev >>> 30) & 1) === 1,
      side: ((ev >>> 29) & 1) === 1 ? "bid" : "ask",
      exchAt: view.getBigInt64(at + 8, true),
      localAt: view.getBigInt64(at + 16, true),
      price: Math.round(view.getFloat64(at + 24, true) * 1e6),
      size: Math.round(view.getFloat64(at + 32, true) * 1e6),
    });
  }
  return rows;
}

const NPZ = { [UP]: `${WINDOW.slug}.Up.npz`, [DOWN]: `${WINDOW.slug}.Down.npz` };

describe("hftbacktest's npz", () => {
  it("gives both clocks every book of the recording, dark in an outage", async () => {
    await fc.assert(
      fc.asyncProperty(randomRecording, async ({ recording, outages }) => {
        const base = exporting(recording);
        await exportNpz({ ...base, latencyShift: "auto" });
        for (const token of TOKENS) {
          const rows = hftRows(join(base.out, NPZ[token] ?? ""));
          for (const flag of ["isLocal", "isExchange"] as const) {
            const key = flag === "isLocal" ? "localAt" : "exchAt";
            const book = new ToldBook();
            let previous = 0n;
            const after = new Map<bigint, { bids: readonly Level[]; asks: readonly Level[] }>();
            for (const row of rows.filter((each) => each[flag])) {
              expect(row[key] >= previous).toBe(true);
              previous = row[key];
              if (row.event === 3) book.clear(row.side);
              else if (row.event === 1 || row.event === 4) book.set(row.side, row.price, row.size);
              after.set(row.localAt, { bids: book.levels("bid"), asks: book.levels("ask") });
            }
            if (flag === "isExchange") continue;
            for (const [at, levels] of after) {
              const known = Number(at / 1_000n) as UnixMicros;
              const starts = outages.some(([from, to]) => moment(from) === known && to > from);
              if (!starts) expect(levels).toEqual(lastAt(recording, token, known));
            }
            expect(levelsOf([...after.values()].at(-1))).toEqual(
              lastAt(recording, token, Number.MAX_SAFE_INTEGER as UnixMicros),
            );
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  it("clears the book where a gap begins, and gives it whole where it ends", async () => {
    const recording = smallRecording()
      .outage(3, 9, [UP, DOWN])
      .dump(9, UP, [[50, 1]], []);
    const base = exporting(recording);
    const result = await exportNpz({ ...base, latencyShift: 0 });
    const rows = hftRows(join(base.out, NPZ[UP] ?? "")).filter(({ localAt }) => localAt >= BigInt(moment(3)) * 1_000n);
    expect(rows.map(({ event, side, price }) => [event, side, price])).toEqual([
      [3, "bid", 0],
      [3, "ask", 1_000_000],
      [3, "bid", 0],
      [3, "ask", 1_000_000],
      [4, "bid", 500_000],
    ]);
    expect(rows.slice(0, 2).every(({ localAt }) => localAt === BigInt(moment(3)) * 1_000n)).toBe(true);
    expect(readFileSync(join(base.out, "gaps.ndjson"), "utf8")).toContain('"cause":"disconnect"');
    expect(result.manifest).toMatchObject({ latency: { leastMicros: 30_000, shiftMicros: 0, negative: 0 } });
  });

  it("marks trades by the taker, and begins a cut range with the book that was there", async () => {
    const base = exporting(smallRecording(), { from: moment(2) });
    await exportNpz({ ...base, latencyShift: "auto" });
    const rows = hftRows(join(base.out, NPZ[UP] ?? ""));
    expect(rows.map(({ event, side, price, size }) => [event, side, price, size])).toEqual([
      [3, "bid", 0, 0],
      [3, "ask", 1_000_000, 0],
      [4, "bid", 410_000, 2_000_000],
      [4, "bid", 400_000, 5_000_000],
      [4, "ask", 450_000, 1_000_000],
      [2, "bid", 450_000, 1_000_000],
      [1, "ask", 450_000, 0],
    ]);
  });
});
