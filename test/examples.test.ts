import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

// Every example runs offline and at once, as its first line says: in a process of its own, with nothing but the checkout.

const ROOT = join(import.meta.dirname, "..");
const run = promisify(execFile);

async function linesOf(example: string): Promise<string[]> {
  const { stdout } = await run(join(ROOT, "node_modules/.bin/node"), [join(ROOT, "examples", example)], {
    env: { ...process.env, NODE_NO_WARNINGS: "1" },
    timeout: 50_000,
  });
  return stdout.trimEnd().split("\n");
}

describe("examples", () => {
  it("book-at shows six levels and how they were proven", async () => {
    const [head, ...levels] = await linesOf("book-at.ts");
    expect(head).toMatch(/ {2}proven, last change 2026-11-22T14:02:5/);
    expect(levels.map((line) => line.slice(0, 3))).toEqual(["ask", "ask", "ask", "bid", "bid", "bid"]);
  });

  it("book-series-to-csv gives a row a second, and marks those in the gap", async () => {
    const [head, ...rows] = (await linesOf("book-series-to-csv.ts")).map((line) => line.split(","));
    expect(rows.length).toBeGreaterThan(170);
    expect(new Set(rows.map((row) => row.length))).toEqual(new Set([head!.length]));
    const inGap = rows.filter((row) => row.at(-1) === "true").map((row) => row[0]);
    // From 14:01:30.01 to 14:01:33 nobody was connected.
    expect(inGap).toEqual(["2026-11-22T14:01:31.000Z", "2026-11-22T14:01:32.000Z"]);
  });

  it("replay-at-10x takes a second for ten", async () => {
    const lines = await linesOf("replay-at-10x.ts");
    expect(lines.length).toBeGreaterThanOrEqual(7);
    expect(lines[0]).toMatch(/^2026-11-22T14:00:3/);
  });

  it("follow-live tells of the last minute's trades", async () => {
    const lines = await linesOf("follow-live.ts");
    expect(lines.at(-1)).toBe(`${lines.filter((line) => / (buy|sell) /.test(line)).length} trades`);
    expect(lines.length).toBeGreaterThan(5);
  });

  it("proof-report tells windows, states and the gap", async () => {
    const text = (await linesOf("proof-report.ts")).join("\n");
    expect(text).toMatch(/2026-11-22T14:00:00.000Z {2}strike \d+\.\d+ {2}\d+\.\d % covered {2}100.00 % proven/);
    expect(text).toMatch(/"contradicted":0/);
    expect(text).toMatch(/^gap {2}disconnect {2}2026-11-22T14:01:30.000Z/m);
  });

  it("connection-latency tells first, late and missed", async () => {
    const text = (await linesOf("connection-latency.ts")).join("\n");
    expect(text).toMatch(/market-a-0: \d+ frames, first in \d+\.\d %.*, 0 missed/);
    expect(text).toMatch(/market-b-0: \d+ frames, .*late by \d\.\d ms \(p50\), [1-9]\d* missed/);
  });
});
