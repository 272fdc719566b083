import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, it, onTestFinished } from "vitest";
import { type Frame, formatMicros, type Level, MILLISECOND, ONE, parseTime } from "#model";
import { formatFrameLine } from "#replay";
import { Decoder } from "#venue";
import { type PmxtFixtureRow, pmxtFile } from "../src/formats/fixtures/pmxt-file.ts";
import { runCli, temporaryFolder } from "./fixtures/run-cli.ts";
import { DELTA_TAPE, haveTapes, readTape } from "./fixtures/tapes.ts";
import { WrittenTape } from "./fixtures/written-tape.ts";

/** What the archive's exporter would have made of frames. */
function pmxtRowsOf(frames: readonly Frame[]): PmxtFixtureRow[] {
  const decoder = new Decoder();
  return frames.flatMap((frame) =>
    decoder.decodeFrame(frame).flatMap((event): PmxtFixtureRow[] => {
      if (!("market" in event) || event.kind === "market_created") return [];
      const head = {
        timestamp_received: Math.floor(frame.receivedAt / MILLISECOND),
        timestamp: event.sentAt / MILLISECOND,
        market: event.market,
      };
      switch (event.kind) {
        case "book": {
          const side = (levels: readonly Level[]) =>
            JSON.stringify(levels.map(({ price, size }) => [formatMicros(price), formatMicros(size)]));
          const { instrument, bids, asks } = event;
          return [{ ...head, event_type: "book", asset_id: instrument, bids: side(bids), asks: side(asks) }];
        }
        case "price_change":
          return event.changes.map(({ instrument, side, price, size }) => ({
            ...head,
            event_type: "price_change",
            asset_id: instrument,
            side: side === "bid" ? "BUY" : "SELL",
            price: price / ONE,
            size: size / ONE,
          }));
        case "trade":
          return [{ ...head, event_type: "last_trade_price", asset_id: event.instrument, price: event.price / ONE }];
        default:
          return [];
      }
    }),
  );
}

/** A minute of one market, with a trade in it. */
function writtenTape(): WrittenTape {
  const tape = new WrittenTape();
  tape.dump(0, [
    ["BUY", "0.48", "100"],
    ["BUY", "0.47", "219.217767"],
    ["SELL", "0.52", "30"],
  ]);
  for (let second = 1; second < 60; second++) {
    if (second === 30) tape.trade(second, "0.52");
    tape.change(second, [["BUY", `0.${11 + (second % 9)}`, String(second)]], [["SELL", "0.55", String(second * 2)]]);
  }
  return tape;
}

async function imported(tape: WrittenTape): Promise<string> {
  const data = temporaryFolder();
  expect((await runCli("import", "frames", tape.write(), "--data", data)).code).toBe(0);
  return data;
}

async function exported(data: string, format: string, ...more: string[]): Promise<string> {
  const out = join(temporaryFolder(), "out");
  const result = await runCli("export", format, "--data", data, "--out", out, ...more);
  expect(result.stderr).toBe("");
  expect(result.code).toBe(0);
  return out;
}

async function verified(data: string): Promise<{ states: Record<string, number>; frames: number; faults: number }> {
  const result = await runCli("verify", "--data", data, "--json");
  expect(result.code).toBe(0);
  return JSON.parse(result.stdout);
}

async function bookOf(data: string, token: string, at: string): Promise<Record<string, unknown>> {
  const result = await runCli("book", "--data", data, "--token", token, "--at", at, "--json");
  const { bids, asks, digest, sentAt, proof } = JSON.parse(result.stdout);
  return { bids, asks, digest, sentAt, proof };
}

describe("a recording that goes out and comes in again", () => {
  it("as frames is the same, byte for byte", async () => {
    const data = await imported(writtenTape());
    const out = await exported(data, "ndjson", "--shape", "frames", "--gzip");
    const again = temporaryFolder();
    await runCli("import", "frames", join(out, "frames.ndjson.gz"), "--data", again);
    expect((await runCli("frames", "--data", again, "--all")).stdout).toBe(
      (await runCli("frames", "--data", data, "--all")).stdout,
    );
  });

  it("in the shape of tardis has the same books, digests and trades", async () => {
    const tape = writtenTape();
    const data = await imported(tape);
    const out = await exported(data, "ndjson", "--shape", "tardis");
    const again = temporaryFolder();
    await runCli("import", "tardis", join(out, "tardis.ndjson"), "--data", again);
    const { states } = await verified(again);
    expect(states).toEqual((await verified(data)).states);
    expect(states).toMatchObject({ proven: 60, contradicted: 0, unprovable: 0 });
    const at = "2026-11-22T18:00:45Z";
    expect(await bookOf(again, tape.token, at)).toEqual(await bookOf(data, tape.token, at));
    const trades = async (folder: string): Promise<string> =>
      readFileSync(join(await exported(folder, "csv", "--what", "trades"), "trades/part-0.csv"), "utf8");
    expect(await trades(again)).toBe(await trades(data));
  });

  it("in the venue's shape is its messages, a line each", async () => {
    const tape = writtenTape();
    const out = await exported(await imported(tape), "ndjson", "--shape", "venue");
    expect(readFileSync(join(out, "venue.ndjson"), "utf8")).toBe(
      tape.frames.map((frame) => `${frame.trimEnd()}\n`).join(""),
    );
  });
});

describe("files packed by others", () => {
  it("come in from gzip and zstd of several members, with labels of their own", async () => {
    const tape = writtenTape();
    const lines = tape.frames.map((frame) => JSON.stringify({ ts: 1_795_370_400, raw: JSON.parse(frame) }));
    const folder = temporaryFolder();
    const parts = [lines.slice(0, 20), lines.slice(20)].map((part) => Buffer.from(`${part.join("\n")}\n`));
    writeFileSync(join(folder, "a.gz"), Buffer.concat(parts.map((part) => gzipSync(part))));
    writeFileSync(join(folder, "b.zst"), Buffer.concat(parts.map((part) => zstdCompressSync(part))));
    for (const name of ["a.gz", "b.zst"]) {
      const data = temporaryFolder();
      const result = await runCli(
        ...["import", "jsonl", join(folder, name), "--received-at", "ts", "--payload", "raw", "--connection", "found"],
        ...["--data", data, "--json"],
      );
      expect(JSON.parse(result.stdout)).toMatchObject({ frames: lines.length, badLines: 0 });
      const { states } = await verified(data);
      expect(states).toMatchObject({ contradicted: 0, unprovable: 0 });
      expect((await runCli("frames", "--data", data)).stdout).toContain('"connection":"found"');
    }
  });
});

describe("bad input", () => {
  it("is told in one line, with what to do", async () => {
    const tape = writtenTape();
    const data = await imported(tape);
    const folder = temporaryFolder();
    const file = (name: string, content: string | Uint8Array): string => {
      writeFileSync(join(folder, name), content);
      return join(folder, name);
    };
    const frames = tape.write();
    const bomb = file("bomb.gz", gzipSync(Buffer.alloc(128 * 1024 * 1024)));
    const full = await exported(data, "csv");
    const cases: readonly (readonly [readonly string[], string])[] = [
      [["import", "tardis", frames], 'looks like a frames file: use "import frames"'],
      [
        ["import", "frames", file("t", "2026-06-01T00:00:01.0000000Z {}\n")],
        'looks like a tardis file: use "import tardis"',
      ],
      [["import", "frames", file("p", "PAR1....")], 'looks like a pmxt file: use "import pmxt"'],
      [["import", "pmxt", frames], 'looks like a frames file: use "import frames"'],
      [["import", "pmxt", file("q", "PAR1 but no more of it PAR1")], "declares a footer"],
      [["import", "frames", bomb], "grows more than 400-fold"],
      [["import", "tardis", "/nonexistent/x"], "cannot read /nonexistent/x"],
      [
        ["export", "parquet", "--out", full, "--data", data],
        "is not empty: name another folder with --out, or replace",
      ],
      [
        ["export", "csv", "--out", join(folder, "o"), "--what", "trees", "--data", data],
        "trees is none of events, books",
      ],
      [
        ["export", "csv", "--out", join(folder, "o"), "--layout", "tardis", "--what", "prices", "--data", data],
        "has events and trades",
      ],
      [
        ["export", "csv", "--out", join(folder, "o"), "--series", "btc-updown-5m", "--data", data],
        "it has no catalog: name tokens",
      ],
      [
        ["export", "npz", "--out", join(folder, "o"), "--token", "123", "--data", data],
        "no market data of what was named",
      ],
      [["export", "npz", "--out", join(folder, "o"), "--latency-shift", "fast", "--data", data], "whole microseconds"],
      [["export", "ndjson", "--out", join(folder, "o"), "--data", "/nonexistent/polypunt"], "no recording in"],
      [["export", "parquet", "--data", data], "required option"],
    ];
    for (const [args, message] of cases) {
      const result = await runCli(...args, ...(args.includes("--data") ? [] : ["--data", temporaryFolder()]));
      expect(result.stderr, args.join(" ")).toContain(message);
      expect(result.stderr).not.toMatch(/^\s+at .*\.ts:/m);
      expect(result.code, args.join(" ")).toBe(2);
    }
    expect((await runCli("export", "csv", "--out", full, "--force", "--data", data)).code).toBe(0);
  });

  it("of the world: a full disk is said so, and the manifest that the export is incomplete", async (context) => {
    const data = await imported(writtenTape());
    const disk = temporaryFolder();
    if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=24k", "tmpfs", disk]).status !== 0)
      return context.skip("mounting is not permitted here");
    onTestFinished(() => {
      spawnSync("umount", [disk]);
    });
    const out = join(disk, "out");
    const result = await runCli("export", "csv", "--data", data, "--out", out);
    expect(result.code).toBe(3);
    expect(result.stderr).toMatch(
      /cannot write .*out: ENOSPC.*; what is there is incomplete, and manifest.json says so/,
    );
    expect(JSON.parse(readFileSync(join(out, "manifest.json"), "utf8"))).toMatchObject({ complete: false });
  });
});

describe.skipIf(!haveTapes)("on the recorded delta tape (skipped where ../shared/data is missing)", () => {
  it("every state is proven again after a tour through tardis' raw format", async () => {
    const data = temporaryFolder();
    await runCli("import", "frames", DELTA_TAPE, "--data", data);
    const out = await exported(data, "ndjson", "--shape", "tardis", "--gzip");
    const again = temporaryFolder();
    await runCli("import", "tardis", join(out, "tardis.ndjson.gz"), "--data", again);
    expect((await verified(again)).states).toEqual({ proven: 37_653, inferred: 0, contradicted: 0, unprovable: 0 });
    const lines = gunzipSync(readFileSync(join(out, "tardis.ndjson.gz")))
      .toString()
      .trimEnd()
      .split("\n");
    const frames = readTape(DELTA_TAPE);
    expect(lines).toHaveLength(frames.length);
    for (const at of [0, 1_000, 55_000]) {
      const [time = ""] = lines[at]?.split(" ", 1) ?? [];
      expect(parseTime(time)).toBe(frames[at]?.receivedAt);
      expect(lines[at]?.slice(29)).toBe(
        Buffer.from(frames[at]?.bytes ?? [])
          .toString()
          .trimEnd(),
      );
    }
  });

  it("an hour as the pmxt archive would have it gives the same books, whose digests are gone", async () => {
    const frames = readTape(DELTA_TAPE).slice(0, 6_000);
    const folder = temporaryFolder();
    const tape = join(folder, "tape.ndjson");
    writeFileSync(tape, frames.map((frame) => `${formatFrameLine(frame)}\n`).join(""));
    writeFileSync(join(folder, "hour.parquet"), pmxtFile(pmxtRowsOf(frames), { groupRows: 10_000 }));
    const [data, again] = [temporaryFolder(), temporaryFolder()];
    await runCli("import", "frames", tape, "--data", data);
    const result = await runCli("import", "pmxt", join(folder, "hour.parquet"), "--data", again);
    expect(result.stdout).toContain("no state of these books can be proven");
    const { states, faults } = await verified(again);
    expect({ ...states, faults }).toMatchObject({ proven: 0, contradicted: 0, faults: 0 });
    const token = "98879333153580861799018681648381139364382622074357239010764368082362737328219";
    // The archive keeps millis: a moment with nothing about it within one.
    for (const at of ["1776323450.5", "1776323500", "1776323560.25"]) {
      const { bids, asks } = await bookOf(again, token, at);
      const { bids: trueBids, asks: trueAsks } = await bookOf(data, token, at);
      expect({ bids, asks }).toEqual({ bids: trueBids, asks: trueAsks });
    }
  });

  it("all tables, tardis' files and npz come out, with every state proven", async () => {
    const data = temporaryFolder();
    await runCli("import", "frames", DELTA_TAPE, "--data", data);
    const [day] = ["2026-04-16"];
    for (const [format, ...more] of [
      ["parquet", "--what", "events,books,quotes,trades,prices", "--every", "5s"],
      ["csv", "--layout", "tardis", "--what", "events,trades"],
      ["npz"],
    ]) {
      const out = await exported(data, format ?? "", ...more);
      const manifest = JSON.parse(readFileSync(join(out, "manifest.json"), "utf8"));
      expect(manifest).toMatchObject({
        complete: true,
        proof: { proven: 37_653, contradicted: 0, unprovable: 0 },
        gaps: [],
      });
      expect(readdirSync(out).length).toBeGreaterThan(2);
      if (format === "csv")
        expect(readdirSync(out).every((name) => !name.startsWith("polymarket_") || name.includes(day ?? ""))).toBe(
          true,
        );
    }
  });
});
