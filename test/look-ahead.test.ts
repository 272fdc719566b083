import { rmSync } from "node:fs";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { Frame, InstrumentId, UnixMicros } from "#model";
import { MINUTE, SECOND } from "#model";
import { type BookAt, openRecording, type RecordedItem, type Recording } from "#replay";
import { ConnectionMerge } from "#timeline";
import { syntheticFrames, writeRecording } from "../examples/synthetic-recording.ts";

// Nothing that was received after a moment changes what is said about it: each answer is asked of a recording and of the
// same recording with another future.

const SERIES = "btc-updown-5m";
const LAST = { seconds: 100, outageAt: 70, activity: 0.05 };

/** One socket: the order of its frames is certain at once. */
let single: readonly Frame[] = [];
/** Two, of which each waits for the other. */
let redundant: readonly Frame[] = [];
let other: readonly Frame[] = [];
let token: InstrumentId;

beforeAll(async () => {
  single = await syntheticFrames({ ...LAST, redundant: false });
  redundant = await syntheticFrames(LAST);
  other = await syntheticFrames({ ...LAST, seed: 99, redundant: false, outageAt: 20 });
  token = await withRecording(single, async (recording) => {
    const markets = await recording.markets();
    return markets.find(({ window }) => window?.startsAt === single[0]!.receivedAt + MINUTE)!.outcomes[0]!.instrument;
  });
});

async function withRecording<T>(frames: readonly Frame[], ask: (recording: Recording) => Promise<T>): Promise<T> {
  const folder = await writeRecording(frames);
  const recording = await openRecording(folder);
  try {
    return await ask(recording);
  } finally {
    await recording.close();
    rmSync(folder, { recursive: true });
  }
}

const textOf = ({ bytes }: Frame): string => Buffer.from(bytes).toString();
const rewritten = (frame: Frame, text: string): Frame => ({ ...frame, bytes: Buffer.from(text) });
const moved = (frames: readonly Frame[], at: number): Frame[] => {
  const by = at - (frames[0]?.receivedAt ?? 0);
  return frames.map((frame) => ({ ...frame, receivedAt: (frame.receivedAt + by) as UnixMicros }));
};

/** What may follow instead. */
const FUTURES: Readonly<Record<string, (after: readonly Frame[], at: UnixMicros) => readonly Frame[]>> = {
  "an end": () => [],
  "other sizes": (after) => after.map((frame) => rewritten(frame, textOf(frame).replace(/(?<="size":\s?")\d/g, "9"))),
  "another market's life": (_, at) => moved(other, at + 1),
  "other outcomes and strikes": (after) =>
    after.map((frame) =>
      rewritten(
        frame,
        textOf(frame)
          .replace(/(?<="priceToBeat":)\d+/g, "1")
          .replace(/"closed":false/g, '"closed":true'),
      ),
    ),
  "other gaps": (after, at) => {
    const gap = {
      id: "x",
      cause: "silence",
      instruments: [],
      connection: null,
      from: at - 20 * SECOND,
      to: null,
      fromSeq: null,
      toSeq: null,
      evidence: "",
    };
    const said = single.find((frame) => frame.kind === "gap")!;
    const record = { ...rewritten(said, JSON.stringify({ phase: "opened", gap })), receivedAt: (at + 1) as UnixMicros };
    return [record, ...after.filter((frame) => frame.kind !== "gap")];
  },
  garbage: (after) => after.map((frame) => rewritten(frame, `\u0000${textOf(frame).slice(7)}`)),
};

const futures = fc.constantFrom(...Object.keys(FUTURES));
const moments = fc.integer({ min: 65, max: LAST.seconds - 1 });

/** The same past with another future; both have `at` within them. */
function changed(frames: readonly Frame[], at: UnixMicros, future: string): readonly Frame[] {
  const before = frames.filter(({ receivedAt }) => receivedAt <= at);
  return [...before, ...FUTURES[future]!(frames.slice(before.length), at)];
}

const plain = (found: BookAt | undefined) => {
  if (!found) return undefined;
  const { ladder, ...book } = found.book;
  return { ...found, book: { ...book, bids: ladder.levels("bid"), asks: ladder.levels("ask") } };
};

const plainItem = (item: RecordedItem) => (item.kind === "book" ? { ...item, ...plain(item) } : item);

async function asOf(recording: Recording, at: UnixMicros) {
  const windows: unknown[] = [];
  for await (const { market, strike, finalPrice, outcome, gaps, states, coverage } of recording.windows({
    series: SERIES,
    asOf: at,
    to: at,
  }))
    windows.push({ market, strike, finalPrice, outcome, gaps, states, coverage });
  return {
    book: plain(await recording.bookAt(token, at)),
    markets: await recording.markets(at),
    gaps: await recording.gaps(at),
    windows,
  };
}

async function saidUntil(recording: Recording, at: UnixMicros) {
  const items: RecordedItem[] = [];
  for await (const item of recording.stream({ series: [SERIES] }))
    if (item.at <= at) items.push(plainItem(item) as RecordedItem);
  const rows: unknown[] = [];
  for (const every of ["tick", "1s"] as const)
    for await (const row of recording.books(token, { every, levels: 3 })) if (row.at <= at) rows.push(row);
  return { items, rows };
}

const only = (items: readonly RecordedItem[], verdicts: boolean) =>
  items.filter((item) => (item.kind === "verdict") === verdicts);

describe("no look-ahead", () => {
  it("in the book, the catalog, the gaps and the windows as of a moment", async () => {
    let proven = 0;
    await fc.assert(
      fc.asyncProperty(moments, futures, async (second, future) => {
        const at = (single[0]!.receivedAt + second * SECOND + 12_345) as UnixMicros;
        const expected = await withRecording(single, (recording) => asOf(recording, at));
        expect(await withRecording(changed(single, at, future), (recording) => asOf(recording, at))).toEqual(expected);
        expect(expected.windows.length).toBeGreaterThan(0);
        if (expected.book?.verdict === "proven") proven++;
      }),
      { numRuns: 15, seed: 3 },
    );
    expect(proven).toBeGreaterThan(5);
  });

  it("in what was played and in the rows of a series before a moment", async () => {
    await fc.assert(
      fc.asyncProperty(moments, futures, async (second, future) => {
        const at = (single[0]!.receivedAt + second * SECOND + 12_345) as UnixMicros;
        const expected = await withRecording(single, (recording) => saidUntil(recording, at));
        const said = await withRecording(changed(single, at, future), (recording) => saidUntil(recording, at));
        const [verdicts, rest] = [only(expected.items, true), only(expected.items, false)];
        expect(only(said.items, false)).toEqual(rest);
        // Where the stream ends, the state that stood gets its verdict at once: one more may be said of the moment.
        expect(only(said.items, true).slice(0, verdicts.length)).toEqual(verdicts);
        expect(said.rows.slice(0, expected.rows.length)).toEqual(expected.rows.slice(0, said.rows.length));
        expect(said.items.length).toBeGreaterThan(100);
        expect(expected.rows.length).toBeGreaterThan(20);
      }),
      { numRuns: 12, seed: 6 },
    );
  });

  it("in the order of redundant sockets, as far as it was certain by then", async () => {
    await fc.assert(
      fc.asyncProperty(moments, futures, async (second, future) => {
        const at = (redundant[0]!.receivedAt + second * SECOND) as UnixMicros;
        const merge = new ConnectionMerge();
        const known = redundant.filter(({ receivedAt }) => receivedAt <= at).flatMap((frame) => merge.push(frame));
        const whole = new ConnectionMerge();
        const all = changed(redundant, at, future).flatMap((frame) => whole.push(frame));
        expect(all.slice(0, known.length)).toEqual(known);
        expect(known.length).toBeGreaterThan(100);
      }),
      { numRuns: 20, seed: 8 },
    );
  });
});
