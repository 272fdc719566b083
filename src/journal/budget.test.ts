import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "#host";
import { type Journal, type JournalBudget, type SegmentInfo, verifyJournal } from "#journal";
import type { UnixMicros } from "#model";
import { frameOf, open, readAll, temporaryDirectory } from "./fixtures/journals.ts";

let directory: string;
let remove: () => void;
beforeEach(() => {
  ({ path: directory, remove } = temporaryDirectory());
});
afterEach(() => remove());

const SEGMENT_BYTES = 10_000;

/** Some twenty segments, one frame a block, times rising by a second. */
async function filled(budget?: JournalBudget): Promise<Journal> {
  const journal = await open(directory, {
    maxSegmentBytes: SEGMENT_BYTES,
    clock: { ...systemClock(), now: () => 200_000_000 as UnixMicros },
    ...(budget ? { budget } : {}),
  });
  for (let index = 0; index < 200; index++) {
    const bytes = crypto.getRandomValues(new Uint8Array(800));
    await journal.whenDurable(journal.append(frameOf(bytes, { receivedAt: index * 1_000_000 })));
  }
  return journal;
}

const segments = (): string[] => readdirSync(directory).filter((name) => name.endsWith(".journal"));
const size = (): number => segments().reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);

describe("the budget", () => {
  it("deletes the oldest whole segments until the rest fits, and says which", async () => {
    const told: SegmentInfo[] = [];
    const journal = await filled({ maxBytes: 120_000, onDeleted: (segment) => told.push(segment) });
    const before = segments();
    const deleted = await journal.enforceBudget();
    expect(deleted.length).toBeGreaterThan(2);
    expect(told).toEqual(deleted);
    expect(deleted.map(({ file }) => file)).toEqual(before.slice(0, deleted.length));
    expect(deleted[0]).toMatchObject({ firstSeq: 0, firstReceivedAt: 0 });
    expect(size()).toBeLessThanOrEqual(120_000);
    await journal.close();
    const first = deleted.at(-1)!.lastSeq + 1;
    expect((await readAll(directory)).map(({ seq }) => seq)).toEqual(
      Array.from({ length: 200 - first }, (_, index) => first + index),
    );
    expect((await verifyJournal(directory)).damage).toEqual([]);
  });

  it("deletes by age of the newest frame", async () => {
    const journal = await filled({ maxAgeMicros: 100_000_000 });
    const deleted = await journal.enforceBudget();
    expect(deleted.length).toBeGreaterThan(5);
    for (const { lastReceivedAt } of deleted) expect(lastReceivedAt).toBeLessThan(100_000_000);
    await journal.close();
    expect((await readAll(directory))[0]!.seq).toBe(deleted.at(-1)!.lastSeq + 1);
  });

  it("leaves what may not go and everything after it, and never touches the newest segment", async () => {
    const asked: number[] = [];
    const journal = await filled({
      maxBytes: 0,
      mayDelete: ({ firstSeq }) => {
        asked.push(firstSeq);
        return asked.length < 4;
      },
    });
    const before = segments();
    expect(await journal.enforceBudget()).toHaveLength(3);
    expect(segments()).toEqual(before.slice(3));
    expect(asked).toHaveLength(4);
    await journal.close();
    const all = await open(directory, { budget: { maxBytes: 0 } });
    await all.enforceBudget();
    expect(segments()).toEqual(before.slice(-1));
    expect(all.next).toBe(200);
    await all.close();
  });

  it("is none by default: nothing is ever deleted", async () => {
    const journal = await filled();
    const before = segments();
    expect(await journal.enforceBudget()).toEqual([]);
    expect(segments()).toEqual(before);
    await journal.close();
  });
});
