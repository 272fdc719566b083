import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, it, onTestFinished } from "vitest";
import { openJournalReader, verifyJournal } from "#journal";
import type { Seq } from "#model";
import { proveRecording } from "#replay";
import { runCli, temporaryFolder } from "./fixtures/run-cli.ts";

// The real recorder in a process of its own, under load from an emulator in another, killed where it hurts.

const ROUNDS = 20;
const POLYPUNT = join(import.meta.dirname, "../polypunt");
const MARKETS = 20;

function start(...args: string[]): ChildProcess {
  // The script execs Node, so the process we kill is the recorder itself.
  const child = spawn(POLYPUNT, args, { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

async function startEmulator(folder: string): Promise<string> {
  const config = join(folder, "venue.json");
  const child = start("emulate", "--markets", String(MARKETS), "--rate", "3000", "--write-config", config);
  await once(child.stdout!, "data");
  expect(existsSync(config)).toBe(true);
  return config;
}

describe("kill -9 of the recorder under load", () => {
  it(`loses nothing acknowledged, ${ROUNDS} times at random moments, and the hole is a gap`, async () => {
    const folder = temporaryFolder();
    const data = join(folder, "data");
    const journal = join(data, "journal");
    const config = await startEmulator(folder);
    const targets = Array.from({ length: MARKETS }, (_, number) => ["--slug", `synthetic-${number}`]).flat();
    const record = () => start("record", "--venue-config", config, ...targets, "--data", data, "--json");
    for (let round = 0; round < ROUNDS; round++) {
      const recorder = record();
      let acknowledged = -1;
      const lines = createInterface({ input: recorder.stdout! });
      const begun = Promise.withResolvers<void>();
      const exited = once(recorder, "exit");
      void exited.then(([code, signal]) =>
        begun.reject(new Error(`round ${round}: the recorder ended by itself: ${code ?? signal}`)),
      );
      const before = round === 0 ? -1 : await lastSeq(journal);
      lines.on("line", (line) => {
        acknowledged = (JSON.parse(line) as { durable: number }).durable;
        if (acknowledged > before + 500) begun.resolve();
      });
      await begun.promise;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 700));
      recorder.kill("SIGKILL");
      await exited;
      expect(await lastSeq(journal)).toBeGreaterThanOrEqual(acknowledged);
    }
    const last = record();
    await once(createInterface({ input: last.stdout! }), "line");
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    last.kill("SIGTERM");
    expect((await once(last, "exit"))[0]).toBe(0);

    const integrity = await verifyJournal(journal);
    expect(integrity.damage).toEqual([]);
    const reader = await openJournalReader(journal);
    const seqs: Seq[] = [];
    for await (const frames of reader.read()) for (const frame of frames) seqs.push(frame.seq);
    expect(seqs).toEqual(seqs.map((_, index) => index));
    const report = await proveRecording(reader, { search: "near" });
    expect(report.states.contradicted).toBe(0);
    expect(report.gaps.filter((gap) => gap.cause === "process_down")).toHaveLength(ROUNDS);
    expect(report.gaps.every((gap) => gap.to !== null)).toBe(true);
    expect((await runCli("verify", "--data", data)).code).toBe(0);
  }, 240_000);
});

async function lastSeq(journal: string): Promise<number> {
  const reader = await openJournalReader(journal);
  let last = -1;
  const { span } = reader;
  if (span) for await (const frames of reader.read({ fromSeq: span.lastSeq })) last = frames.at(-1)?.seq ?? last;
  await reader.close();
  return last;
}
