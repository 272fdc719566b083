import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { openArchive } from "#archive";
import { runCli, temporaryFolder } from "./fixtures/run-cli.ts";

const POLYPUNT = join(import.meta.dirname, "../polypunt");

function start(...args: string[]) {
  const child = spawn(POLYPUNT, args, { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

it("a recorder packs by itself what is over, and goes on recording", async () => {
  const folder = temporaryFolder();
  const config = join(folder, "venue.json");
  const data = join(folder, "data");
  // A venue of a past day: its hours are over by the machine's clock.
  const from = ["--from", "2026-11-02T13:58:30Z", "--speed", "60"];
  const venue = start("emulate", "--series", "btc-updown-15m", ...from, "--write-config", config);
  await once(venue.stdout, "data");
  const target = ["--series", "btc-updown-15m", "--venue-config", config, "--data", data, "--json"];
  const recorder = start("record", ...target, "--archive");
  recorder.stdout.resume();
  const packs = () => readdirSync(join(data, "archive", "packs")).filter((name) => name.endsWith(".pack"));
  const ends = performance.now() + 30_000;
  while (!(existsSync(join(data, "archive", "packs")) && packs().length > 0) && performance.now() < ends)
    await new Promise((resolve) => setTimeout(resolve, 100));
  recorder.kill("SIGTERM");
  expect((await once(recorder, "exit"))[0]).toBe(0);
  expect(packs().length).toBeGreaterThan(0);
  expect((await runCli("archive", "run", "--all", "--data", data)).code).toBe(0);
  expect((await runCli("archive", "verify", "--data", data)).code).toBe(0);
  const archive = await openArchive(join(data, "archive"));
  // The strikes and winners of the catalog's answers are in the index, as of when they were known.
  expect(archive.index.windows({ series: "btc-up-or-down-15m" }).length).toBeGreaterThan(0);
  await archive.close();
}, 90_000);
