import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "#host";
import { type Damage, openJournal } from "#journal";
import type { Frame, InstrumentId, UnixMicros } from "#model";
import { MINUTE, SECOND } from "#model";
import { type BookAt, openRecording, type PlaybackItem, type Recording, UNLIMITED } from "#replay";
import { syntheticFrames, writeRecording } from "../examples/synthetic-recording.ts";
import { MemoryArchive } from "./fixtures/memory-archive.ts";
import { temporaryFolder } from "./fixtures/run-cli.ts";

const SERIES = ["btc-updown-5m"];
let frames: readonly Frame[] = [];
let tokens: readonly InstrumentId[] = [];

beforeAll(async () => {
  frames = await syntheticFrames({ seconds: 120, outageAt: 80, activity: 0.1 });
  const folder = await writeRecording(frames);
  const recording = await openRecording(folder);
  const running = (await recording.markets()).filter(
    ({ window }) => (window?.startsAt ?? 0) <= frames[0]!.receivedAt + MINUTE,
  );
  tokens = running.slice(1).flatMap((market) => market.outcomes.map((outcome) => outcome.instrument));
  await recording.close();
  rmSync(folder, { recursive: true });
});

/** A data folder with all frames in a journal of many segments, beside an archive that has the first `packed`. */
async function split(packed: number): Promise<{ recording: Recording; archive: MemoryArchive; data: string }> {
  const data = temporaryFolder();
  const archive = new MemoryArchive(frames, packed);
  await writeJournal(data, frames);
  mkdirSync(join(data, "archive"));
  return { recording: await openRecording(data, { openArchive: async () => archive }), archive, data };
}

async function writeJournal(data: string, written: readonly Frame[]): Promise<void> {
  const journal = await openJournal({
    directory: join(data, "journal"),
    clock: systemClock(),
    maxSegmentBytes: 20_000,
  });
  for (const [place, frame] of written.entries()) {
    journal.append(frame);
    if (place % 100 === 99) await journal.flush();
  }
  await journal.close();
}

async function seqsOf(source: AsyncIterable<readonly Frame[]>): Promise<number[]> {
  const seqs: number[] = [];
  for await (const batch of source) seqs.push(...batch.map(({ seq }) => seq));
  return seqs;
}

const flat = (found: BookAt | undefined) =>
  found && {
    verdict: found.verdict,
    openGaps: found.openGaps,
    bids: found.book.ladder.levels("bid"),
    asks: found.book.ladder.levels("ask"),
    seq: found.book.seq,
    receivedAt: found.book.receivedAt,
    sentAt: found.book.sentAt,
    digest: found.book.digest,
  };

describe("archive and journal as one recording", () => {
  it("gives every frame once and in order, wherever the seam lies", async () => {
    const all = frames.map(({ seq }) => seq);
    for (const packed of [0, 1, 99, 100, Math.floor(frames.length / 2), frames.length - 1, frames.length]) {
      const { recording } = await split(packed);
      expect(await seqsOf(recording.read())).toEqual(all);
      expect(recording.span).toMatchObject({ firstSeq: 0, lastSeq: frames.length - 1, frames: frames.length });
      const [from, to] = [frames[150]!.receivedAt, frames[900]!.receivedAt];
      const within = frames.filter(({ receivedAt }) => receivedAt >= from && receivedAt <= to).map(({ seq }) => seq);
      expect(await seqsOf(recording.read({ fromTime: from, toTime: to }))).toEqual(within);
      await recording.close();
    }
  });

  it("goes on while hours move to the archive and the journal loses them underneath", async () => {
    const { recording, archive, data } = await split(500);
    const seqs: number[] = [];
    for await (const batch of recording.read()) {
      seqs.push(...batch.map(({ seq }) => seq));
      if (seqs.length < 700 || archive.span!.frames === frames.length) continue;
      archive.pack(frames.length);
      for (const file of journalFiles(data)) rmSync(file);
    }
    expect(seqs).toEqual(frames.map(({ seq }) => seq));
    await recording.close();
  });

  it("tells of frames that neither has", async () => {
    const data = temporaryFolder();
    await writeJournal(data, frames);
    const [first, second] = journalFiles(data);
    for (const file of [first!, second!]) rmSync(file);
    mkdirSync(join(data, "archive"));
    const archive = new MemoryArchive(frames, 20);
    const told: unknown[] = [];
    const onDamage = (damage: Damage) => void told.push(damage.lost);
    const recording = await openRecording(data, { openArchive: async () => archive, onDamage });
    const seqs = await seqsOf(recording.read());
    expect(seqs.slice(0, 20)).toEqual(frames.slice(0, 20).map(({ seq }) => seq));
    expect(told).toEqual([{ from: 20, to: seqs[20] }]);
    expect(seqs[20]).toBeGreaterThan(20);
    expect(seqs.at(-1)).toBe(frames.length - 1);
    await recording.close();
    const strict = await openRecording(data, { openArchive: async () => archive });
    await expect(seqsOf(strict.read())).rejects.toThrow("between the archive and the journal are missing");
    await strict.close();
  });
});

describe("the book at a moment", () => {
  it("is the same from the archive, from the journal, and across the seam", async () => {
    const whole = await openRecording(await writeRecording(frames, temporaryFolder()));
    const joined = await Promise.all([0.3, 0.6, 1].map(async (share) => split(Math.floor(share * frames.length))));
    const place = fc.tuple(
      fc.integer({ min: 0, max: frames.length - 1 }),
      fc.constantFrom(...tokens),
      fc.constantFrom(0, 1, SECOND),
    );
    let proven = 0;
    await fc.assert(
      fc.asyncProperty(place, fc.constantFrom(0, 1, 2), async ([index, token, later], which) => {
        const at = (frames[index]!.receivedAt + later) as UnixMicros;
        const expected = flat(await whole.bookAt(token, at).catch(() => undefined));
        expect(flat(await joined[which]!.recording.bookAt(token, at).catch(() => undefined))).toEqual(expected);
        if (expected?.verdict === "proven") proven++;
      }),
      { numRuns: 40, seed: 4 },
    );
    expect(proven).toBeGreaterThan(15);
    for (const { recording } of joined) await recording.close();
    await whole.close();
  });

  it("says clearly what cannot be answered", async () => {
    const recording = await openRecording(await writeRecording(frames, temporaryFolder()));
    const first = frames[0]!.receivedAt;
    const at = frames.at(-1)!.receivedAt;
    await expect(recording.bookAt(tokens[0]!, (first - 1) as UnixMicros)).rejects.toMatchObject({
      name: "OutsideRecording",
    });
    await expect(recording.bookAt(tokens[0]!, (at + 2 * MINUTE) as UnixMicros)).rejects.toThrow("the recording covers");
    await expect(recording.bookAt("12345" as InstrumentId, at)).rejects.toMatchObject({ name: "UnknownInstrument" });
    await expect(recording.playback({ series: ["eth-updown-5m"] })).rejects.toMatchObject({ name: "NothingSelected" });
    await recording.close();
    await expect(openRecording(temporaryFolder())).rejects.toMatchObject({ name: "RecordingMissing" });
    const data = temporaryFolder();
    mkdirSync(join(data, "archive"));
    const broken = openRecording(data, { openArchive: () => Promise.reject(new Error("an index of version 9")) });
    await expect(broken).rejects.toThrow("cannot be read: an index of version 9");
  });
});

describe("the stream", () => {
  it("carries opening books, verdicts and gaps in their places, and its time never falls", async () => {
    const recording = await openRecording(await writeRecording(frames, temporaryFolder()));
    const from = (frames[0]!.receivedAt + 70 * SECOND) as UnixMicros;
    const kinds: Record<string, number> = {};
    let before = 0;
    let openedAt = 0;
    for await (const item of recording.stream({ series: SERIES, from })) {
      expect(item.at).toBeGreaterThanOrEqual(before);
      before = item.at;
      kinds[item.kind] = (kinds[item.kind] ?? 0) + 1;
      if (item.kind === "book") expect(item.at).toBe(from);
      if (item.kind === "verdict") expect(item.verdict.verdict).toBe("proven");
      if (item.kind === "gap" && item.phase === "opened") openedAt = item.at;
    }
    expect(openedAt).toBe(frames[0]!.receivedAt + 80 * SECOND + 10_000);
    expect(kinds).toMatchObject({ gap: 2 });
    expect(kinds.book).toBeGreaterThanOrEqual(2);
    expect(kinds.verdict).toBeGreaterThan(20);
    await recording.close();
  });
});

describe("playing", () => {
  it("steps by frame and by time, seeks, and finds the next gap", async () => {
    const recording = await openRecording(await writeRecording(frames, temporaryFolder()));
    const playback = await recording.playback({ series: SERIES, paused: true, atEnd: "wait" });
    const items: PlaybackItem[] = [];
    const reading = (async () => {
      for await (const item of playback) items.push(item);
    })();
    await playback.step("frame");
    await playback.step("frame");
    expect(items.filter(({ kind }) => kind === "frame").length).toBeLessThanOrEqual(2);
    const start = playback.playhead.now();
    await playback.step(5 * SECOND);
    expect(playback.playhead.now()).toBe(start + 5 * SECOND);
    expect(items.at(-1)!.at).toBeLessThanOrEqual(start + 5 * SECOND);
    const gapAt = await playback.seekNext("gap");
    expect(gapAt).toBe(frames[0]!.receivedAt + 80 * SECOND + 10_000);
    await playback.step("frame");
    expect(items.some((item) => item.kind === "sought" && item.at === gapAt)).toBe(true);
    const sought = items.findIndex((item) => item.kind === "sought");
    expect(items[sought + 1]?.kind).toBe("book");
    playback.setSpeed(UNLIMITED);
    playback.play();
    while (items.at(-1)!.at < frames.at(-1)!.receivedAt - SECOND) await systemClock().sleep(5_000);
    playback.seek(start);
    while (items.filter((item) => item.kind === "sought").length < 2) await systemClock().sleep(5_000);
    playback.close();
    await reading;
    await recording.close();
  });

  it("plays the same at any pace", async () => {
    const recording = await openRecording(await writeRecording(frames.slice(0, 1_500), temporaryFolder()));
    const span = (frames[1_499]!.receivedAt - frames[0]!.receivedAt) / SECOND;
    const play = async (speed: number) => {
      const seen: unknown[] = [];
      const playback = await recording.playback({ series: SERIES, speed });
      for await (const item of playback) {
        expect(playback.playhead.now()).toBeGreaterThanOrEqual(item.at);
        seen.push([item.kind, item.at, item.kind === "frame" ? item.frame.seq : null]);
      }
      return seen;
    };
    expect(await play(span * 2)).toEqual(await play(UNLIMITED));
    await recording.close();
  });

  it("goes from the past into the present without a seam while the journal is written", async () => {
    const data = temporaryFolder();
    const journal = await openJournal({ directory: join(data, "journal"), clock: systemClock() });
    const half = Math.floor(frames.length / 2);
    for (const frame of frames.slice(0, half)) journal.append(frame);
    await journal.flush();
    const recording = await openRecording(data);
    const stop = new AbortController();
    const playback = await recording.follow({ from: frames[0]!.receivedAt, signal: stop.signal, prove: "none" });
    const seqs: number[] = [];
    const reading = (async () => {
      for await (const item of playback) if (item.kind === "frame") seqs.push(item.frame.seq);
    })();
    for (let place = half; place < frames.length; place += 200) {
      for (const frame of frames.slice(place, place + 200)) journal.append(frame);
      await journal.flush();
    }
    const whole: number[] = [];
    for await (const item of recording.stream({ prove: "none" })) if (item.kind === "frame") whole.push(item.frame.seq);
    // The last frames wait for the other socket until the stream ends.
    while (seqs.length < whole.length - 50) await systemClock().sleep(20_000);
    stop.abort();
    await reading;
    expect(seqs).toEqual(whole.slice(0, seqs.length));
    await journal.close();
    await recording.close();
  });
});

function journalFiles(data: string): string[] {
  return readdirSync(join(data, "journal"))
    .filter((name) => name.endsWith(".journal"))
    .sort()
    .map((name) => join(data, "journal", name));
}
