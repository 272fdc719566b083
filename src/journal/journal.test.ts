import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { manualClock } from "#host";
import { JournalClosed, JournalOverloaded, MAX_FRAME_BYTES, verifyJournal } from "#journal";
import { HOUR, type Seq } from "#model";
import { frameOf, open, readAll, temporaryDirectory, textOf, writeBlocks } from "./fixtures/journals.ts";

let directory: string;
let remove: () => void;
beforeEach(() => {
  ({ path: directory, remove } = temporaryDirectory());
});
afterEach(() => remove());

describe("a journal", () => {
  it("gives back what was appended, in order, and goes on where it ended", async () => {
    const journal = await open(directory);
    expect(journal.durable).toBe(-1);
    for (let index = 0; index < 1_000; index++)
      journal.append(frameOf(`frame ${index}`, { receivedAt: 1_000 + index }));
    await journal.flush();
    expect(journal.durable).toBe(999);
    expect(journal.backlog).toEqual({ frames: 0, bytes: 0 });
    await journal.close();
    const again = await open(directory);
    expect(again.next).toBe(1_000);
    expect(again.durable).toBe(999);
    expect(again.recovery).toEqual({ truncatedBytes: 0, lastFrameAt: 1_999, damage: [] });
    expect(again.append(frameOf("one more"))).toBe(1_000);
    await again.close();
    const frames = await readAll(directory);
    expect(frames.map(({ seq }) => seq)).toEqual(Array.from({ length: 1_001 }, (_, index) => index));
    expect(textOf(frames[17]!)).toBe("frame 17");
    expect(await verifyJournal(directory)).toMatchObject({ frames: 1_001, segments: 2, damage: [], tornBytes: 0 });
  });

  it("copies the bytes at append: their owner may use the buffer again", async () => {
    const journal = await open(directory);
    const bytes = new TextEncoder().encode("first");
    journal.append(frameOf(bytes));
    bytes.fill(0);
    await journal.close();
    expect((await readAll(directory)).map(textOf)).toEqual(["first"]);
  });

  it("holds frames of 0 bytes and of 16 MiB, also when the allowance is smaller than the frame", async () => {
    const journal = await open(directory, { maxBacklogBytes: 1_024, maxSegmentBytes: 1_024 * 1_024 });
    const large = new Uint8Array(MAX_FRAME_BYTES);
    for (let index = 0; index < large.length; index += 4_096)
      crypto.getRandomValues(large.subarray(index, index + 2_048));
    for (const bytes of [new Uint8Array(0), large, new Uint8Array(0), large]) {
      await journal.whenDurable(journal.append(frameOf(bytes)));
    }
    expect(() => journal.append(frameOf(new Uint8Array(MAX_FRAME_BYTES + 1)))).toThrow(RangeError);
    await journal.close();
    const frames = await readAll(directory);
    expect(frames.map(({ bytes }) => bytes.length)).toEqual([0, MAX_FRAME_BYTES, 0, MAX_FRAME_BYTES]);
    expect(Buffer.compare(frames[3]!.bytes, large)).toBe(0);
    expect((await verifyJournal(directory)).damage).toEqual([]);
  });

  it("holds 10,000 connections, and labels of any script", async () => {
    const journal = await open(directory);
    const labels = Array.from({ length: 10_000 }, (_, index) => `接続-${index}-🛰-\u{feff}é`);
    for (const connection of ["", ...labels, ...labels]) journal.append(frameOf("x", { connection }));
    await journal.close();
    expect((await readAll(directory)).map(({ connection }) => connection)).toEqual(["", ...labels, ...labels]);
  });

  it("refuses a frame whose times are no times, and queues nothing of it", async () => {
    const journal = await open(directory);
    for (const receivedAt of [-1, 0.5, Number.NaN, 2 ** 53]) {
      expect(() => journal.append(frameOf("x", { receivedAt }))).toThrow(RangeError);
    }
    expect(journal.next).toBe(0);
    await journal.close();
  });

  it("refuses frames beyond its backlog, loses none it took, and takes frames again", async () => {
    const journal = await open(directory, { maxBacklogBytes: 64 * 1_024 });
    let refused = 0;
    for (let index = 0; index < 2_000; index++) {
      try {
        journal.append(frameOf(new Uint8Array(1_000)));
      } catch (cause) {
        expect(cause).toBeInstanceOf(JournalOverloaded);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(0);
    expect(journal.next).toBe(2_000 - refused);
    await journal.flush();
    journal.append(frameOf("again"));
    await journal.close();
    expect(await readAll(directory)).toHaveLength(2_001 - refused);
  });

  it("makes frames durable while the thread that appended them is busy", async () => {
    const journal = await open(directory);
    journal.append(frameOf("x"));
    let turns = 0;
    // No await: this thread's event loop does not turn. The bound only ends a broken run.
    while (journal.durable < 0 && turns < 1e8) turns++;
    expect(journal.durable).toBe(0);
    await journal.close();
  });

  it("rolls over by size into segments that are named by their first frame", async () => {
    const journal = await open(directory, { maxSegmentBytes: 1_000 });
    await writeBlocks(journal, 60);
    await journal.close();
    const names = readdirSync(directory).filter((name) => name.endsWith(".journal"));
    expect(names.length).toBeGreaterThan(3);
    expect(names[0]).toBe("0000000000000000.journal");
    expect((await readAll(directory)).map(textOf)).toEqual(Array.from({ length: 60 }, (_, index) => `frame ${index}`));
    expect(await verifyJournal(directory)).toMatchObject({ frames: 60, blocks: 60, damage: [], tornBytes: 0 });
  });

  it("seals a segment that has reached its age, also when nothing follows", async () => {
    const clock = manualClock();
    const journal = await open(directory, { clock, maxSegmentAge: HOUR });
    await writeBlocks(journal, 2);
    const path = join(directory, "0000000000000000.journal");
    const taken = statSync(path).size;
    await clock.advance(HOUR - 1);
    await writeBlocks(journal, 1);
    await clock.advance(1);
    // Sealing gives back the space taken ahead.
    await expect.poll(() => statSync(path).size).toBeLessThan(taken);
    await writeBlocks(journal, 1);
    expect(readdirSync(directory)).toContain("0000000000000003.journal");
    await journal.close();
    expect(await verifyJournal(directory)).toMatchObject({ frames: 4, segments: 2, damage: [] });
  });

  it("makes durable what it holds when it closes, and takes nothing more", async () => {
    const journal = await open(directory);
    const seq = journal.append(frameOf("last"));
    const durable = journal.whenDurable(seq);
    await Promise.all([journal.close(), journal.close()]);
    await durable;
    await journal.whenDurable(seq);
    expect(() => journal.append(frameOf("too late"))).toThrow(JournalClosed);
    expect(await readAll(directory)).toHaveLength(1);
  });

  it("rejects to wait for what was never appended", async () => {
    const journal = await open(directory);
    await expect(journal.whenDurable(0 as Seq)).rejects.toThrow(RangeError);
    await journal.flush();
    await journal.close();
    expect(readdirSync(directory).filter((name) => name.endsWith(".journal"))).toEqual([]);
  });
});
