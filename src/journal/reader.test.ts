import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { JournalDamaged, JournalMissing, openJournalReader, verifyJournal } from "#journal";
import type { Frame, Seq, UnixMicros } from "#model";
import { frameOf, open, readAll, temporaryDirectory, textOf, writeBlocks } from "./fixtures/journals.ts";

let directory: string;
let remove: () => void;
beforeEach(() => {
  ({ path: directory, remove } = temporaryDirectory());
});
afterEach(() => remove());

const seq = (value: number): Seq => value as Seq;
const at = (value: number): UnixMicros => value as UnixMicros;

describe("reading a range", () => {
  it("by seq gives exactly the frames of the range, wherever it lies", async () => {
    const journal = await open(directory, { maxSegmentBytes: 3_000 });
    for (let block = 0; block < 40; block++) {
      for (let index = 0; index < 25; index++) journal.append(frameOf(`frame ${journal.next}`));
      await journal.flush();
    }
    await journal.close();
    for (const [from, to] of [
      [0, 0],
      [0, 999],
      [13, 13],
      [24, 25],
      [500, 701],
      [999, 999],
      [998, 5_000],
      [1_000, 2_000],
      [7, 3],
    ] as const) {
      const frames = await readAll(directory, { fromSeq: seq(from), toSeq: seq(to) });
      const expected = Array.from({ length: Math.max(0, Math.min(to, 999) - from + 1) }, (_, index) => from + index);
      expect(frames.map((frame) => frame.seq)).toEqual(expected);
    }
  });

  it("by time is right also where the clock jumped back and forth", async () => {
    const journal = await open(directory, { maxSegmentBytes: 3_000 });
    const times: number[] = [];
    for (let index = 0; index < 600; index++) {
      // Forward, with an hour's jump back in the middle and a leap ahead for a while.
      const jump = index > 300 ? -3_600 : index > 200 && index < 220 ? 10_000 : 0;
      times.push(1_000_000 + index * 7 + jump);
      journal.append(frameOf(`frame ${index}`, { receivedAt: times[index]! }));
      if (index % 9 === 0) await journal.flush();
    }
    await journal.close();
    for (const [from, to] of [
      [0, 2_000_000],
      [1_000_000, 1_000_000],
      [998_000, 999_000],
      [1_001_000, 1_001_500],
      [1_011_400, 1_011_500],
      [5, 6],
    ] as const) {
      const frames = await readAll(directory, { fromTime: at(from), toTime: at(to) });
      const expected = times.flatMap((time, index) => (time >= from && time <= to ? [index] : []));
      expect(frames.map((frame) => frame.seq)).toEqual(expected);
    }
    const reader = await openJournalReader(directory);
    expect(reader.span).toEqual({
      firstSeq: 0,
      lastSeq: 599,
      firstReceivedAt: Math.min(...times),
      lastReceivedAt: Math.max(...times),
      frames: 600,
    });
    await reader.close();
  });

  it("beside a writer shows what is durable, and its span grows", async () => {
    const journal = await open(directory);
    const reader = await openJournalReader(directory);
    expect(reader.span).toBeNull();
    for (let round = 1; round <= 3; round++) {
      await writeBlocks(journal, 10);
      const frames: Frame[] = [];
      for await (const some of reader.read()) frames.push(...some);
      expect(frames.map(textOf)).toEqual(Array.from({ length: round * 10 }, (_, index) => `frame ${index}`));
      expect(reader.span).toMatchObject({ lastSeq: round * 10 - 1, frames: round * 10 });
    }
    await reader.close();
    await journal.close();
  });

  it("opens only what the range can be in: damage elsewhere is not even met", async () => {
    const journal = await open(directory);
    for (let index = 0; index < 400; index++) {
      const bytes = crypto.getRandomValues(new Uint8Array(1_000));
      await journal.whenDurable(journal.append(frameOf(bytes, { receivedAt: index })));
    }
    await journal.close();
    const path = join(directory, "0000000000000000.journal");
    const bytes = readFileSync(path);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(path, bytes);
    expect(await readAll(directory, { fromSeq: seq(390) })).toHaveLength(10);
    expect(await readAll(directory, { toTime: at(9) })).toHaveLength(10);
    await expect(readAll(directory)).rejects.toThrow(JournalDamaged);
  });

  it("and verifying beside a writer at full speed never take what is being written for damage", async () => {
    const journal = await open(directory, { maxSegmentBytes: 20_000 });
    const reader = await openJournalReader(directory);
    let writing = true;
    const writer = (async () => {
      for (let round = 0; round < 300; round++) {
        for (let index = 0; index < 20; index++) journal.append(frameOf(`frame ${journal.next}`));
        await journal.whenDurable(seq(journal.next - 1));
      }
      writing = false;
    })();
    let rounds = 0;
    while (writing) {
      const durable = journal.durable;
      let last = -1;
      for await (const frames of reader.read()) last = frames.at(-1)!.seq;
      expect(last).toBeGreaterThanOrEqual(durable);
      const verified = await verifyJournal(directory);
      expect(verified.damage, JSON.stringify(verified.damage)).toEqual([]);
      expect(verified.frames).toBeGreaterThan(durable);
      rounds++;
    }
    expect(rounds).toBeGreaterThan(1);
    await writer;
    await reader.close();
    await journal.close();
  });

  it("of no journal says so", async () => {
    await expect(openJournalReader(`${directory}/nothing`)).rejects.toThrow(JournalMissing);
    expect(readdirSync(directory)).toEqual([]);
  });
});

describe("tailing", () => {
  async function collect(fromSeq: number, until: number, signal: AbortController): Promise<number[]> {
    const reader = await openJournalReader(directory);
    const seqs: number[] = [];
    for await (const frames of reader.tail({ fromSeq: seq(fromSeq), signal: signal.signal })) {
      for (const frame of frames) {
        expect(textOf(frame)).toBe(`frame ${frame.seq}`);
        seqs.push(frame.seq);
      }
      if (seqs.at(-1)! >= until) break;
    }
    await reader.close();
    return seqs;
  }

  it("follows every frame once, in order, through new segments and new writers, for many readers", async () => {
    const total = 400;
    const first = await open(directory, { maxSegmentBytes: 1_000 });
    await writeBlocks(first, 20);
    const abort = new AbortController();
    const starts = [0, 0, 7, 19, 20, 150, 399];
    const tails = starts.map((from) => collect(from, total - 1, abort));
    await writeBlocks(first, 180);
    await first.close();
    const second = await open(directory, { maxSegmentBytes: 1_000 });
    await writeBlocks(second, 200);
    const seen = await Promise.all(tails);
    for (const [index, from] of starts.entries()) {
      expect(seen[index]).toEqual(Array.from({ length: total - from }, (_, offset) => from + offset));
    }
    await second.close();
  });

  it("begins before the journal does", async () => {
    const abort = new AbortController();
    const tail = collect(0, 299, abort);
    const journal = await open(directory);
    for (let round = 0; round < 30; round++) {
      for (let index = 0; index < 10; index++) journal.append(frameOf(`frame ${journal.next}`));
      await delay(1);
    }
    await journal.flush();
    expect(await tail).toHaveLength(300);
    await journal.close();
  });

  it("ends when the signal aborts, also in the middle of waiting, and when the reader closes", async () => {
    const journal = await open(directory);
    await writeBlocks(journal, 1);
    const abort = new AbortController();
    const ended = collect(1, 1, abort);
    await delay(30);
    abort.abort();
    expect(await ended).toEqual([]);
    const reader = await openJournalReader(directory);
    const tail = reader.tail({ fromSeq: seq(1), signal: new AbortController().signal });
    const next = tail[Symbol.asyncIterator]().next();
    await reader.close();
    expect((await next).done).toBe(true);
    await journal.close();
  });
});
