import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { runCli, temporaryFolder } from "./fixtures/run-cli.ts";
import { WrittenTape } from "./fixtures/written-tape.ts";

const POLYPUNT = join(import.meta.dirname, "../polypunt");

/** Starts an emulator, and gives where it listens. */
async function startEmulate(...args: string[]): Promise<{ url: string; tape: WrittenTape; process: ChildProcess }> {
  const tape = written();
  const data = await imported(tape);
  const child = spawn(POLYPUNT, ["emulate", "--data", data, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void child.kill());
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  await Promise.race([
    once(child.stdout, "data"),
    once(child, "exit").then(() => {
      throw new Error(said);
    }),
  ]);
  await expect.poll(() => said).toContain("polypunt control");
  return { url: /--url (\S+)/.exec(said)![1]!, tape, process: child };
}

/** Ten seconds of a window: an opening book, then a change each second. */
function written(): WrittenTape {
  const tape = new WrittenTape();
  tape.dump(0, [
    ["BUY", "0.48", "100"],
    ["SELL", "0.52", "100"],
  ]);
  for (let second = 1; second <= 10; second++) tape.change(second, [["BUY", "0.48", String(100 + second)]]);
  return tape;
}

async function imported(tape: WrittenTape): Promise<string> {
  const data = temporaryFolder();
  expect((await runCli("import", "frames", tape.write(), "--data", data)).code).toBe(0);
  return data;
}

describe("emulate and control", () => {
  it("serve a data folder from a moment, paused; step, seek and pause it from another terminal", async () => {
    const { url, tape } = await startEmulate("--from", "2026-11-22T18:00:04.500Z", "--paused");
    const control = async (...args: string[]) => {
      const { code, stdout, stderr } = await runCli("control", ...args, "--url", url, "--json");
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      return JSON.parse(stdout);
    };
    const bestSize = async () => {
      const answer = await fetch(`${url}/clob/book?token_id=${tape.token}`);
      return (JSON.parse(await answer.text()) as { bids: { size: string }[] }).bids.at(-1)!.size;
    };
    expect(await control("state")).toMatchObject({ time: "2026-11-22T18:00:04.500Z", playing: false, ended: false });
    expect(await bestSize()).toBe("104");
    expect(await control("step", "1s")).toMatchObject({ time: "2026-11-22T18:00:05.500Z" });
    expect(await bestSize()).toBe("105");
    expect(await control("step")).toMatchObject({ time: "2026-11-22T18:00:06.000Z" });
    expect(await control("seek", "2026-11-22T18:00:02.200Z")).toMatchObject({ time: "2026-11-22T18:00:02.200Z" });
    expect(await bestSize()).toBe("102");
    expect(await control("markets")).toMatchObject([{ slug: tape.slug, tokens: [{ token: tape.token }] }]);
    expect(await control("speed", "max")).toMatchObject({ speed: "max" });
    expect(await control("inject", "lose", "--frames", "1")).toMatchObject({ faults: 1 });
    await control("play");
    await expect.poll(async () => (await control("state")).ended, { timeout: 10_000 }).toBe(true);
    expect(await bestSize()).toBe("110");
    const told = await runCli("control", "seek", "2026-11-23", "--url", url);
    expect(told.code).toBe(2);
    expect(told.stderr).toMatch(
      /^polypunt: nothing is recorded at 2026-11-23T00:00:00\.000Z: the recording goes from .*\n$/,
    );
    const shown = await runCli("control", "state", "--url", url);
    expect(shown.stdout).toMatch(/at the end\nrecording {2}2026-11-22T18:00:00\.000Z to 2026-11-22T18:00:10\.000Z\n/);
  }, 60_000);

  it("refuse what cannot be played, in one line with a code", async () => {
    const data = await imported(written());
    const empty = temporaryFolder();
    const cases: [string[], number, RegExp][] = [
      [["--data", data, "--from", "2026-11-21T00:00:00Z"], 2, /nothing is recorded at 2026-11-21/],
      [
        ["--data", data, "--from", "2026-11-22T18:00:05Z", "--to", "2026-11-22T18:00:04Z"],
        2,
        /--to lies before --from/,
      ],
      [["--data", data, "--series", "eth-updown-5m"], 2, /no series:eth-up-or-down-5m in the recording/],
      [["--data", data, "--token", "12345678901"], 2, /no token:12345678901 in the recording/],
      [["--data", empty], 2, /no recording in/],
      [["--data", data, "--frames", "x"], 2, /a recording \(--data\) or a file \(--frames\)/],
      [["--token", "12345678901"], 2, /name one with --data/],
      [["--series", "nonsense"], 2, /no such series/],
      [["--data", data, "--speed", "0.01"], 2, /from 0\.1 up, or "max"/],
    ];
    for (const [args, code, message] of cases) {
      const result = await runCli("emulate", ...args);
      expect({ args, code: result.code }).toEqual({ args, code });
      expect(result.stderr).toMatch(message);
      expect(result.stderr).not.toMatch(/^\s+at .*\.ts:/m);
    }
  }, 60_000);

  it("say so where the port is taken, and where no emulator answers", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const { port } = server.address() as { port: number };
    const data = await imported(written());
    const taken = await runCli("emulate", "--data", data, "--port", String(port));
    expect(taken).toMatchObject({ code: 3, stderr: expect.stringContaining(`port ${port} is taken`) });
    server.close();
    await once(server, "close");
    const nobody = await runCli("control", "state", "--port", String(port));
    expect(nobody).toMatchObject({ code: 3, stderr: expect.stringContaining("no emulator answers") });
    expect(await runCli("control", "state")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--port or --url"),
    });
  }, 60_000);

  it("play a frames file too, and come back in it", async () => {
    const file = join(temporaryFolder(), "tape.ndjson");
    const tape = written();
    writeFileSync(
      file,
      tape.frames
        .map((frame, n) => JSON.stringify({ receivedAtMicros: 1e15 + n * 1e6, connection: tape.slug, frame }))
        .join("\n"),
    );
    const child = spawn(POLYPUNT, ["emulate", "--frames", file, "--speed", "max", "--paused"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    onTestFinished(() => void child.kill());
    const [out] = (await once(child.stdout, "data")) as [Buffer];
    const { endpoints } = JSON.parse(out.toString()) as { endpoints: { gamma: string } };
    const url = endpoints.gamma.replace("/gamma", "");
    await runCli("control", "play", "--url", url);
    const state = async () => JSON.parse((await runCli("control", "state", "--url", url, "--json")).stdout);
    await expect.poll(async () => (await state()).ended, { timeout: 10_000 }).toBe(true);
    await runCli("control", "pause", "--url", url);
    await runCli("control", "seek", "1000000003", "--url", url);
    expect(await state()).toMatchObject({ ended: false, time: "2001-09-09T01:46:43.000Z" });
  }, 60_000);
});
