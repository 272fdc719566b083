import { execFileSync } from "node:child_process";
import { rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "#host";
import { type Journal, JournalOverloaded, JournalStalled, openJournalReader, verifyJournal } from "#journal";
import type { Seq } from "#model";
import { frameOf, open, readAll, temporaryDirectory, textOf } from "./fixtures/journals.ts";
import { openJournalWith } from "./journal.ts";

let directory: string;
let remove: () => void;
beforeEach(() => {
  ({ path: directory, remove } = temporaryDirectory());
});
afterEach(() => remove());

const FAULTY = new URL("./fixtures/faulty-worker.ts", import.meta.url);

const fault = (kind: string): void => writeFileSync(join(directory, "fault"), kind);
const heal = (): void => rmSync(join(directory, "fault"));

function stateOf(journal: Journal, wanted: "writing" | "stalled"): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (journal.health.state !== wanted) return;
      forget();
      resolve();
    };
    const forget = journal.onHealth(look);
    look();
  });
}

function appendNumbered(journal: Journal, count: number): void {
  for (let index = 0; index < count; index++) journal.append(frameOf(`frame ${journal.next}`));
}

async function expectFrames(count: number): Promise<void> {
  const expected = Array.from({ length: count }, (_, index) => `frame ${index}`);
  expect((await readAll(directory)).map(textOf)).toEqual(expected);
  expect(await verifyJournal(directory)).toMatchObject({ frames: count, damage: [], knownLosses: [] });
}

/** How many frames a tail from the beginning is shown within this time. */
async function tailFor(millis: number): Promise<number> {
  const reader = await openJournalReader(directory);
  let shown = 0;
  const signal = AbortSignal.timeout(millis);
  for await (const frames of reader.tail({ fromSeq: 0 as Seq, signal })) shown += frames.length;
  await reader.close();
  return shown;
}

describe("a disk that fails", () => {
  it.each(["half", "sync", "read-only"])(
    "(%s) stalls the journal, which keeps all frames and goes on by itself",
    async (kind) => {
      const journal = await openJournalWith({ directory, clock: systemClock() }, FAULTY);
      appendNumbered(journal, 10);
      await journal.flush();
      fault(kind);
      appendNumbered(journal, 10);
      await stateOf(journal, "stalled");
      expect(journal.health.cause).toMatch(kind === "read-only" ? /EROFS/ : /EIO/);
      appendNumbered(journal, 10);
      expect(journal.durable).toBe(9);
      expect(journal.backlog.frames).toBe(20);
      // Readers see what is durable and no damage, whatever the failed writes left behind.
      await expectFrames(10);
      expect(await tailFor(60)).toBe(10);
      heal();
      await journal.flush();
      await stateOf(journal, "writing");
      expect(journal.durable).toBe(29);
      await expectFrames(30);
      await journal.close();
      const again = await open(directory);
      expect(again.next).toBe(30);
      await again.close();
      await expectFrames(30);
    },
  );

  it("(from the very first block on) leaves nothing behind that is in the way", async () => {
    fault("half");
    const journal = await openJournalWith({ directory, clock: systemClock() }, FAULTY);
    appendNumbered(journal, 3);
    await stateOf(journal, "stalled");
    fault("sync");
    await new Promise((resolve) => setTimeout(resolve, 60));
    heal();
    await journal.close();
    await expectFrames(3);
  });

  it("(short writes) is only slower", async () => {
    const journal = await openJournalWith({ directory, clock: systemClock(), maxSegmentBytes: 500 }, FAULTY);
    fault("short");
    for (let round = 0; round < 10; round++) {
      appendNumbered(journal, 5);
      await journal.flush();
    }
    expect(journal.health.state).toBe("writing");
    heal();
    await journal.close();
    await expectFrames(50);
  });

  it("refuses frames beyond the backlog instead of growing", async () => {
    const journal = await openJournalWith({ directory, clock: systemClock(), maxBacklogBytes: 10_000 }, FAULTY);
    fault("sync");
    expect(() => appendNumbered(journal, 10_000)).toThrow(JournalOverloaded);
    const { next } = journal;
    expect(journal.backlog.bytes).toBeLessThanOrEqual(10_000);
    heal();
    await journal.close();
    await expectFrames(next);
  });

  it("ends a close with the number of frames it cost, and the next writer goes on", async () => {
    const journal = await openJournalWith({ directory, clock: systemClock() }, FAULTY);
    appendNumbered(journal, 5);
    await journal.flush();
    fault("half");
    appendNumbered(journal, 7);
    const waiting = journal.whenDurable(
      journal.durable === 4 ? ((journal.next - 1) as typeof journal.next) : journal.next,
    );
    waiting.catch(() => undefined);
    const closing = journal.close();
    await expect(closing).rejects.toThrow(JournalStalled);
    await expect(closing).rejects.toMatchObject({ frames: 7 });
    await expect(waiting).rejects.toThrow(JournalStalled);
    heal();
    const again = await open(directory);
    expect(again.next).toBe(5);
    appendNumbered(again, 1);
    await again.close();
    await expectFrames(6);
  });
});

/** A file system of its own for the test; undefined where one may not mount. */
function mountSmall(bytes: number): (() => void) | undefined {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", directory], { stdio: "ignore" });
    return () => execFileSync("umount", [directory]);
  } catch {
    return undefined;
  }
}

function remount(options: string): void {
  execFileSync("mount", ["-o", `remount,${options}`, directory], { stdio: "ignore" });
}

describe("a real small file system", () => {
  it("that fills up stalls the journal; with room again it goes on, nothing lost, nothing torn", async (context) => {
    const unmount = mountSmall(2 * 1024 * 1024);
    if (unmount === undefined) return context.skip("mounting is not permitted here");
    try {
      const journal = await open(directory, { maxSegmentBytes: 256 * 1024 });
      const noise = (): Uint8Array => crypto.getRandomValues(new Uint8Array(32 * 1024));
      const sent: Uint8Array[] = [];
      while (journal.health.state === "writing") {
        sent.push(noise());
        journal.append(frameOf(sent.at(-1)!));
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      expect(journal.health.cause).toMatch(/ENOSPC/);
      expect(journal.backlog.frames).toBeGreaterThan(0);
      expect((await verifyJournal(directory)).damage).toEqual([]);
      expect(statfsSync(directory).bfree * statfsSync(directory).bsize).toBeLessThan(1024 * 1024);
      remount(`size=${8 * 1024 * 1024}`);
      await journal.flush();
      expect(journal.health).toEqual({ state: "writing", cause: null });
      await journal.close();
      const frames = await readAll(directory);
      expect(frames).toHaveLength(sent.length);
      for (const [index, bytes] of sent.entries()) expect(Buffer.compare(frames[index]!.bytes, bytes)).toBe(0);
      expect((await verifyJournal(directory)).damage).toEqual([]);
    } finally {
      unmount();
    }
  });

  it("that is full when the journal opens does not keep it from opening", async (context) => {
    const unmount = mountSmall(1024 * 1024);
    if (unmount === undefined) return context.skip("mounting is not permitted here");
    try {
      const first = await open(directory);
      appendNumbered(first, 3);
      await first.close();
      const filler = join(directory, "filler");
      try {
        writeFileSync(filler, new Uint8Array(2 * 1024 * 1024));
      } catch {
        // Full now: that is what it is for.
      }
      const journal = await open(directory);
      appendNumbered(journal, 3);
      await stateOf(journal, "stalled");
      rmSync(filler);
      await journal.close();
      await expectFrames(6);
    } finally {
      unmount();
    }
  });

  it("that is read-only refuses a writer and serves readers", async (context) => {
    const unmount = mountSmall(1024 * 1024);
    if (unmount === undefined) return context.skip("mounting is not permitted here");
    try {
      const journal = await open(directory);
      appendNumbered(journal, 3);
      await journal.close();
      remount("ro");
      await expect(open(directory)).rejects.toThrow(/read-?only|EROFS|unable to open/i);
      await expectFrames(3);
    } finally {
      unmount();
    }
  });
});
