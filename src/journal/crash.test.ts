import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { JournalLocked, verifyJournal } from "#journal";
import { open, readAll, temporaryDirectory, textOf, writeBlocks } from "./fixtures/journals.ts";

let directory: string;
let remove: () => void;
beforeEach(() => {
  ({ path: directory, remove } = temporaryDirectory());
});
afterEach(() => remove());

const WRITER = fileURLToPath(new URL("./fixtures/writer.ts", import.meta.url));

interface Writer {
  readonly child: ChildProcess;
  /** The last seq that it said was durable. */
  acknowledged: number;
  opened: Promise<unknown>;
}

function startWriter(): Writer {
  const child = spawn(process.execPath, [WRITER, directory], { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  const writer: Writer = { child, acknowledged: -1, opened: once(lines, "line") };
  lines.on("line", (line) => {
    if (/^\d+$/.test(line)) writer.acknowledged = Number(line);
  });
  return writer;
}

async function kill({ child }: Writer): Promise<void> {
  const gone = once(child, "close");
  child.kill("SIGKILL");
  await gone;
}

describe("kill -9 of a writer under load", () => {
  it("loses nothing acknowledged, and the next writer goes on at once", { timeout: 60_000 }, async () => {
    let acknowledged = -1;
    for (let round = 0; round < 10; round++) {
      const writer = startWriter();
      await writer.opened;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 120));
      await kill(writer);
      acknowledged = Math.max(acknowledged, writer.acknowledged);
      expect((await verifyJournal(directory)).damage).toEqual([]);
    }
    const journal = await open(directory);
    expect(acknowledged).toBeGreaterThan(0);
    expect(journal.durable).toBeGreaterThanOrEqual(acknowledged);
    const { next } = journal;
    await writeBlocks(journal, 1);
    await journal.close();
    const frames = await readAll(directory);
    expect(frames).toHaveLength(next + 1);
    for (const [index, frame] of frames.entries())
      expect(`${frame.seq} ${textOf(frame)}`).toBe(`${index} frame ${index}`);
    expect(await verifyJournal(directory)).toMatchObject({ damage: [], tornBytes: 0, frames: next + 1 });
  });
});

describe("the lock", () => {
  it("refuses a second writer in this process and names this process", async () => {
    const journal = await open(directory);
    await expect(open(directory)).rejects.toThrow(JournalLocked);
    await expect(open(directory)).rejects.toMatchObject({ pid: process.pid });
    await writeBlocks(journal, 1);
    await journal.close();
    await (await open(directory)).close();
  });

  it("is held against other processes, named, and gone the moment its holder is killed", async () => {
    const writer = startWriter();
    await writer.opened;
    await expect(open(directory)).rejects.toMatchObject({ name: "JournalLocked", pid: writer.child.pid });
    // A reader of the lock's directory must not break it (see the trap in lock.ts).
    await readAll(directory);
    await expect(open(directory)).rejects.toThrow(JournalLocked);
    await kill(writer);
    // The dead holder's name is still there; the lock is not.
    expect(Number(readFileSync(join(directory, "writer.pid"), "utf8"))).toBe(writer.child.pid);
    await (await open(directory)).close();
  });

  it("goes to exactly one of many contenders", async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => open(directory)));
    const won = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
    expect(won).toHaveLength(1);
    for (const outcome of outcomes)
      if (outcome.status === "rejected") expect(outcome.reason).toBeInstanceOf(JournalLocked);
    await won[0]!.close();
  });
});
