import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { runCli, temporaryFolder } from "./fixtures/run-cli.ts";
import { BOOK_TAPE, DELTA_TAPE, haveTapes } from "./fixtures/tapes.ts";

const TOKEN = "98879333153580861799018681648381139364382622074357239010764368082362737328219";
const line = (at: number, frame: string, connection = "c") =>
  JSON.stringify({ receivedAtMicros: at, connection, frame });

const DUMP = `[{"market":"0xd967d7d5a0b33a1526e5f2239568e58de8c924a14fe3b69a1c50aff38cb0d4e0","asset_id":"28718769439282091652995010258948804660150865727547676008909086622855303551587","timestamp":"1777325080783","hash":"6244f63858a1e3ef43606706e51a484907d911a0","bids":[{"price":"0.01","size":"100"}],"asks":[{"price":"0.99","size":"100"}],"tick_size":"0.01","event_type":"book","last_trade_price":""}]\n`;
const DUMP_TOKEN = "28718769439282091652995010258948804660150865727547676008909086622855303551587";

describe("import and frames", () => {
  it.skipIf(!haveTapes)("give back every byte of a real tape, in order", async () => {
    const data = temporaryFolder();
    expect((await runCli("import", "frames", BOOK_TAPE, "--data", data)).code).toBe(0);
    const out = await runCli("frames", "--data", data);
    expect(out.stdout === gunzipSync(readFileSync(BOOK_TAPE)).toString()).toBe(true);
  });

  it("keep bad lines raw, name them, and go on", async () => {
    const data = temporaryFolder();
    const file = join(data, "in.ndjson");
    const lines = [
      line(10, "a"),
      "{not json",
      line(20, "b"),
      '{"receivedAtMicros":"x","connection":"c","frame":"c"}',
      line(30, "ü ☃ \\n"),
    ];
    writeFileSync(file, `${lines.join("\n")}\n`);
    const result = await runCli("import", "frames", file, "--data", data, "--json");
    expect(result.code).toBe(0);
    expect(JSON.parse(result.stdout)).toMatchObject({ frames: 3, badLines: 2, bad: [{ line: 2 }, { line: 4 }] });
    expect((await runCli("frames", "--data", data)).stdout).toBe(`${[lines[0], lines[2], lines[4]].join("\n")}\n`);
    const all = (await runCli("frames", "--data", data, "--all")).stdout
      .trimEnd()
      .split("\n")
      .map((each) => JSON.parse(each));
    expect(all[1]).toMatchObject({ kind: "unreadable", frame: "{not json" });
    const again = temporaryFolder();
    writeFileSync(join(again, "all.ndjson"), all.map((each) => JSON.stringify(each)).join("\n"));
    await runCli("import", "frames", join(again, "all.ndjson"), "--data", again);
    expect((await runCli("frames", "--data", again, "--all")).stdout).toBe(
      (await runCli("frames", "--data", data, "--all")).stdout,
    );
    const verified = JSON.parse((await runCli("verify", "--data", data, "--json")).stdout);
    expect(verified).toMatchObject({ frames: 5, faults: 5 });
  });

  it("cut by time and by token", async () => {
    const data = temporaryFolder();
    const file = join(data, "in.ndjson");
    writeFileSync(file, [line(1_000_000, "a"), line(2_000_000, DUMP), line(3_000_000, "b")].join("\n"));
    await runCli("import", "frames", file, "--data", data);
    const cut = await runCli(
      "frames",
      "--data",
      data,
      "--from",
      "1970-01-01T00:00:02Z",
      "--to",
      "1970-01-01T00:00:02.5Z",
    );
    expect(
      cut.stdout
        .trimEnd()
        .split("\n")
        .map((each) => JSON.parse(each).receivedAtMicros),
    ).toEqual([2_000_000]);
    const own = await runCli("frames", "--data", data, "--token", DUMP_TOKEN);
    expect(own.stdout.trimEnd().split("\n")).toHaveLength(1);
  });
});

describe.skipIf(!haveTapes)("on the recorded delta tape (skipped where ../shared/data is missing)", () => {
  it("verify proves every state, and book gives a proven book of a moment", async () => {
    const data = temporaryFolder();
    await runCli("import", "frames", DELTA_TAPE, "--data", data);
    const verified = await runCli("verify", "--data", data, "--json");
    expect(verified.code).toBe(0);
    expect(JSON.parse(verified.stdout)).toMatchObject({
      frames: 55_353,
      faults: 0,
      states: { proven: 37_653, inferred: 0, contradicted: 0, unprovable: 0 },
      bbo: { checked: 37_641, agreed: 37_641 },
      crossed: 0,
      gaps: [],
    });
    const book = JSON.parse(
      (await runCli("book", "--data", data, "--token", TOKEN, "--at", "1776323500", "--depth", "3", "--json")).stdout,
    );
    expect(book).toMatchObject({ token: TOKEN, proof: "proven", openGaps: [] });
    expect(book.bids).toHaveLength(3);
    expect(Number(book.bids[0].price)).toBeGreaterThan(Number(book.bids[1].price));
    for (const time of ["1776323500000", "1776323500000000", "2026-04-16T07:11:40Z"]) {
      const same = await runCli("book", "--data", data, "--token", TOKEN, "--at", time, "--depth", "3", "--json");
      expect(JSON.parse(same.stdout)).toEqual(book);
    }
  });
});

describe("book", () => {
  it("says so where no book is known yet, and never looks ahead", async () => {
    const data = temporaryFolder();
    const file = join(data, "in.ndjson");
    writeFileSync(file, [line(1_000_000, "PONG"), line(5_000_000, DUMP)].join("\n"));
    await runCli("import", "frames", file, "--data", data);
    const early = await runCli("book", "--data", data, "--token", DUMP_TOKEN, "--at", "4.999999");
    expect(early.code).toBe(2);
    expect(early.stderr).toContain("no book known yet");
    const then = await runCli("book", "--data", data, "--token", DUMP_TOKEN, "--at", "5", "--json");
    expect(JSON.parse(then.stdout)).toMatchObject({
      bestBid: "0.01",
      bestAsk: "0.99",
      proof: "proven",
      lastFrame: { ageMicros: 0 },
    });
    expect((await runCli("book", "--data", data, "--token", "123", "--at", "6")).stderr).toContain("no book known yet");
  });
});

describe("bad input", () => {
  it.each([
    [["verify", "--data", "/nonexistent/polypunt"], 2, "no recording in"],
    [["book", "--token", "12x", "--at", "1"], 2, "decimal number"],
    [["book", "--token", "12", "--at", "yesterday"], 2, "ISO 8601"],
    [["frames", "--from", "x"], 2, "ISO 8601"],
    [["import", "frames", "/nonexistent/file.ndjson"], 2, "cannot read /nonexistent/file.ndjson"],
    [["nonsense"], 2, "unknown command"],
    [["record"], 2, "name a target"],
    [["record", "--series", "BTC up"], 2, "expected something like btc-updown-15m"],
    [["record", "--series", "btc-updown-15m", "--venue-config", "/nonexistent/venue.json"], 2, "cannot read"],
  ])("%j ends with code %i and one line that says what to do", async (args, code, message) => {
    const result = await runCli(...args);
    expect(result.code).toBe(code);
    expect(result.stderr).toContain(message);
    expect(result.stderr).not.toMatch(/^\s+at .*\.ts:/m);
  });

  it("verify ends with 1 where a byte was damaged, and repair saves the rest", async () => {
    const data = temporaryFolder();
    const file = join(data, "in.ndjson");
    writeFileSync(file, Array.from({ length: 200 }, (_, index) => line(index + 1, `frame ${index}`)).join("\n"));
    await runCli("import", "frames", file, "--data", data);
    await runCli("import", "frames", file, "--data", data);
    const { readdirSync } = await import("node:fs");
    const segment =
      readdirSync(join(data, "journal"))
        .filter((name) => name.endsWith(".journal"))
        .sort()[0] ?? "";
    const path = join(data, "journal", segment);
    const bytes = readFileSync(path);
    bytes[100] = (bytes[100] ?? 0) ^ 0xff;
    writeFileSync(path, bytes);
    const verified = await runCli("verify", "--data", data, "--json");
    expect(verified.code).toBe(1);
    expect(JSON.parse(verified.stdout).damage).not.toEqual([]);
    expect((await runCli("repair", "--data", data)).code).toBe(0);
    expect((await runCli("verify", "--data", data)).code).toBe(0);
  });
});
