import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { JournalDamaged, repairJournal, verifyJournal } from "#journal";
import type { Frame } from "#model";
import type { Damage } from "./errors.ts";
import { open, readAll, temporaryDirectory, textOf, withFile, writeBlocks } from "./fixtures/journals.ts";

let directory: string;
let remove: () => void;
beforeEach(() => {
  ({ path: directory, remove } = temporaryDirectory());
});
afterEach(() => remove());

const BLOCKS = 2;
const FIRST = "0000000000000000.journal";
const SECOND = "0000000000000002.journal";

/** Two sealed segments. */
async function twoSegments(): Promise<void> {
  for (let writer = 0; writer < 2; writer++) {
    const journal = await open(directory);
    await writeBlocks(journal, BLOCKS);
    await journal.close();
  }
}

function expectTrueFrames(frames: readonly Frame[]): void {
  let last = -1;
  for (const frame of frames) {
    expect(textOf(frame)).toBe(`frame ${frame.seq}`);
    expect(frame.receivedAt).toBe(1_000 + frame.seq);
    expect(frame.seq).toBeGreaterThan(last);
    last = frame.seq;
  }
}

function flipped(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[at]! ^= 1 << (at % 8);
  return changed;
}

describe("every byte of a journal", () => {
  it("is missed when it is flipped, and no wrong frame is ever read", async () => {
    await twoSegments();
    for (const file of [FIRST, SECOND, "durable"]) {
      const path = join(directory, file);
      const bytes = readFileSync(path);
      for (let at = 0; at < bytes.length; at++) {
        await withFile(path, flipped(bytes, at), async () => {
          const { damage, frames } = await verifyJournal(directory);
          expect(damage.length, `${file} byte ${at}`).toBeGreaterThan(0);
          const told: Damage[] = [];
          const read = await readAll(directory, {}, told);
          expectTrueFrames(read);
          expect(read.length, `${file} byte ${at}`).toBe(frames);
          // A damaged footer, header or mark costs no frame; a damaged block costs its own, and that is told.
          if (frames < 2 * BLOCKS) expect(told.length, `${file} byte ${at}`).toBeGreaterThan(0);
          expect(frames).toBeGreaterThanOrEqual(2 * BLOCKS - 1);
        });
      }
    }
  });

  it("is missed when it is cut off, up to bytes that hold no acknowledged frame", async () => {
    await twoSegments();
    for (const file of [FIRST, SECOND]) {
      const path = join(directory, file);
      const bytes = readFileSync(path);
      for (let length = 0; length < bytes.length; length++) {
        await withFile(path, bytes.subarray(0, length), async () => {
          const { damage, frames } = await verifyJournal(directory);
          const told: Damage[] = [];
          const read = await readAll(directory, {}, told);
          expectTrueFrames(read);
          expect(read.length).toBe(frames);
          if (frames < 2 * BLOCKS) {
            expect(damage.length, `${file} cut at ${length}`).toBeGreaterThan(0);
          }
        });
      }
    }
  });

  it("is cut as a torn tail where nothing says that it was acknowledged", async () => {
    await twoSegments();
    await rm(join(directory, "durable"));
    const path = join(directory, SECOND);
    const bytes = readFileSync(path);
    for (let length = 0; length < bytes.length; length += 7) {
      await withFile(path, bytes.subarray(0, length), async () => {
        expect((await verifyJournal(directory)).damage).toEqual([]);
        expectTrueFrames(await readAll(directory));
      });
    }
  });
});

describe("opening a journal", () => {
  it("cuts a torn tail, says how much, and goes on after the last whole block", async () => {
    await twoSegments();
    await rm(join(directory, "durable"));
    const path = join(directory, SECOND);
    const bytes = readFileSync(path);
    await withFile(path, bytes.subarray(0, 200), async () => {
      const whole = (await readAll(directory)).length;
      const { tornBytes } = await verifyJournal(directory);
      expect(tornBytes).toBeGreaterThan(0);
      const journal = await open(directory);
      expect(journal.recovery.truncatedBytes).toBe(tornBytes);
      expect(journal.recovery.lastFrameAt).toBe(1_000 + whole - 1);
      expect(journal.next).toBe(whole);
      await writeBlocks(journal, 2);
      await journal.close();
      const frames = await readAll(directory);
      expectTrueFrames(frames);
      expect(frames).toHaveLength(whole + 2);
      expect(await verifyJournal(directory)).toMatchObject({ damage: [], tornBytes: 0 });
      await rm(join(directory, `${String(whole).padStart(16, "0")}.journal`));
    });
  });

  it("does not cut acknowledged bytes, and never gives their seqs to other frames", async () => {
    await twoSegments();
    const path = join(directory, SECOND);
    const bytes = readFileSync(path);
    await withFile(path, bytes.subarray(0, 200), async () => {
      const journal = await open(directory);
      expect(journal.recovery.truncatedBytes).toBe(0);
      expect(journal.recovery.damage).toHaveLength(1);
      expect(readFileSync(path).length).toBe(200);
      expect(journal.next).toBe(2 * BLOCKS);
      await writeBlocks(journal, 1);
      await journal.close();
      const told: Damage[] = [];
      const frames = await readAll(directory, {}, told);
      expectTrueFrames(frames);
      expect(frames.at(-1)!.seq).toBe(2 * BLOCKS);
      expect(told.length).toBeGreaterThan(0);
      await expect(readAll(directory)).rejects.toThrow(JournalDamaged);
      expect((await verifyJournal(directory)).damage.length).toBeGreaterThan(0);
    });
  });
});

describe("repair", () => {
  it("saves every whole block of any damaged journal, says what is lost, and keeps the original", async () => {
    await twoSegments();
    for (const file of [FIRST, SECOND]) {
      const bytes = readFileSync(join(directory, file));
      for (let at = 0; at < bytes.length; at += 61) {
        const copy = temporaryDirectory();
        cpSync(directory, copy.path, { recursive: true });
        writeFileSync(join(copy.path, file), flipped(bytes, at));
        const before = await verifyJournal(copy.path);
        const report = await repairJournal(copy.path);
        const after = await verifyJournal(copy.path);
        expect(after, `${file} byte ${at}`).toMatchObject({ damage: [], frames: before.frames });
        expect(report.frames).toBe(before.frames);
        expect(report.lost.reduce((sum, { from, to }) => sum + to - from, 0)).toBe(2 * BLOCKS - before.frames);
        expect(after.knownLosses).toEqual(report.lost);
        expect(readFileSync(join(copy.path, `${file}.damaged`))).toEqual(flipped(bytes, at));
        const frames = await readAll(copy.path);
        expectTrueFrames(frames);
        expect(frames).toHaveLength(before.frames);
        const journal = await open(copy.path);
        expect(journal.next).toBe(2 * BLOCKS);
        await journal.close();
        copy.remove();
      }
    }
  });

  it("of a whole journal changes nothing", async () => {
    await twoSegments();
    const before = readdirSync(directory);
    expect(await repairJournal(directory)).toEqual({ frames: 2 * BLOCKS, lost: [], damage: [], replaced: [] });
    expect(readdirSync(directory).sort()).toEqual(before.sort());
  });

  it("of a journal whose end is gone keeps the lost seqs from being used again", async () => {
    await twoSegments();
    await rm(join(directory, SECOND));
    const report = await repairJournal(directory);
    expect(report.lost).toEqual([{ from: BLOCKS, to: 2 * BLOCKS }]);
    expect(await verifyJournal(directory)).toMatchObject({
      damage: [],
      frames: BLOCKS,
      knownLosses: [{ from: BLOCKS, to: 2 * BLOCKS }],
    });
    const journal = await open(directory);
    expect(journal.next).toBe(2 * BLOCKS);
    expect(journal.recovery.lastFrameAt).toBe(1_000 + BLOCKS - 1);
    await writeBlocks(journal, 1);
    await journal.close();
    expect((await readAll(directory)).map(({ seq }) => seq)).toEqual([0, 1, 2 * BLOCKS]);
    expect(await verifyJournal(directory)).toMatchObject({ damage: [], frames: BLOCKS + 1 });
  });
});
