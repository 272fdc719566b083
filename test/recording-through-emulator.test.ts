import { describe, expect, it } from "vitest";
import { createSyntheticMarket, recordingSource } from "#emulator";
import { openJournal, openJournalReader } from "#journal";
import type { Frame, FrameSource, InstrumentId, UnixMicros } from "#model";
import { HOUR, SECOND } from "#model";
import { bookAt, marketsOf } from "#replay";
import { mergedFrames } from "#timeline";
import { Decoder } from "#venue";
import { STARTS_AT } from "./capture-rig.ts";
import { isPong, SOCKETS, startRecording, textOf } from "./fixtures/recording.ts";
import { temporaryFolder } from "./fixtures/run-cli.ts";
import { standingClock } from "./fixtures/standing-clock.ts";
import { DELTA_TAPE, haveTapes, readTape } from "./fixtures/tapes.ts";

const SERIES = "btc-updown-5m";

interface Played {
  readonly text: string;
  readonly knownAt: UnixMicros;
}

/** Each update of the market sockets once, in the order of the merge: no PONG, no opening dump. */
async function updatesOf(source: FrameSource, isOfMarket: (frame: Frame) => boolean): Promise<Played[]> {
  const updates: Played[] = [];
  for await (const merged of mergedFrames(source)) {
    for (const { frame, knownAt } of merged) {
      if (frame.kind !== "received" || !isOfMarket(frame) || isPong(frame)) continue;
      const text = textOf(frame);
      if (!text.startsWith("[")) updates.push({ text, knownAt });
    }
  }
  return updates;
}

const onSockets = ({ connection }: Frame) => SOCKETS.includes(connection);

/** The digest of each book at a moment. */
async function digestsAt(source: FrameSource, tokens: readonly InstrumentId[], at: UnixMicros) {
  const markets = await marketsOf(source, { toTime: at });
  const digests = await Promise.all(
    tokens.map(async (token) => [token, (await bookAt(source, markets, token, at))?.book.digest] as const),
  );
  return Object.fromEntries(digests);
}

function tokensIn(texts: readonly string[]): InstrumentId[] {
  const decoder = new Decoder();
  const tokens = new Set<InstrumentId>();
  for (const text of texts) {
    for (const event of decoder.decode("market", Buffer.from(text))) {
      if (event.kind === "price_change") for (const { instrument } of event.changes) tokens.add(instrument);
    }
  }
  return [...tokens];
}

/** Plays a data folder from a moment at a speed, and records what comes out of it as one would record the venue. */
async function recordAgain(directory: string, from: UnixMicros, speed: number, record: readonly string[]) {
  const reader = await openJournalReader(directory);
  const source = await recordingSource({ source: reader, from });
  const clock = standingClock(from, speed);
  const again = await startRecording({ source, clock, record });
  return { reader, again };
}

function partsAt(found: readonly string[], expected: readonly string[]): number {
  return expected.findIndex((text, index) => text !== found[index]);
}

describe("a data folder, played from the middle and recorded again", () => {
  it("is the same recording from there on: every frame in order, and the same books at the end", async () => {
    const source = createSyntheticMarket({
      seed: 5,
      startsAt: STARTS_AT,
      series: [SERIES],
      aheadMicros: HOUR / 6,
      holes: false,
      activity: 1,
    });
    const first = await startRecording({ source, clock: standingClock(STARTS_AT, 30), record: [SERIES] });
    const endsAt = STARTS_AT + 100 * SECOND;
    await first.until("long enough", ({ at }) => at > endsAt);
    await first.stop();

    const from = (STARTS_AT + 45 * SECOND) as UnixMicros;
    const { reader, again } = await recordAgain(first.directory, from, 30, [SERIES]);
    const played = (await updatesOf(reader, onSockets)).filter(({ knownAt }) => knownAt > from);
    await again.emulator.finished;
    const last = played.at(-1)!.text;
    await again.heard((frame) => textOf(frame) === last);
    await again.stop();

    const expected = played.map(({ text }) => text);
    const copy = await openJournalReader(again.directory);
    const found = (await updatesOf(copy, onSockets)).map(({ text }) => text);
    expect(expected.length).toBeGreaterThan(1_000);
    expect({ frames: found.length, partsAt: partsAt(found, expected) }).toEqual({
      frames: expected.length,
      partsAt: -1,
    });

    const tokens = tokensIn(expected);
    const [end, copyEnd] = [reader, copy].map((one) => one.span!.lastReceivedAt);
    expect(await digestsAt(copy, tokens, copyEnd!)).toEqual(await digestsAt(reader, tokens, end!));
    const report = await again.prove();
    expect(report.states).toMatchObject({ contradicted: 0 });
    expect(report.states.proven).toBeGreaterThan(500);
    expect(report.gaps).toEqual([]);
    await reader.close();
    await copy.close();
  }, 120_000);
});

describe.skipIf(!haveTapes)(
  "the recorded delta tape in a data folder (skipped where ../shared/data is missing)",
  () => {
    it("is the same from its middle on, without a catalog of its own", async () => {
      const tape = readTape(DELTA_TAPE);
      const directory = `${temporaryFolder()}/journal`;
      const clock = standingClock(tape[0]!.receivedAt, 1);
      const journal = await openJournal({ directory, clock, maxBacklogBytes: 256 * 1_048_576 });
      for (const frame of tape) journal.append(frame);
      await journal.close();

      const from = tape[Math.floor(tape.length * 0.7)]!.receivedAt;
      const rest = tape.filter(({ receivedAt }) => receivedAt > from);
      const windows = [...new Set(rest.map(({ connection }) => connection))];
      expect(windows.length).toBeGreaterThan(2);
      const targets = windows.map((slug) => `slug:${slug}`);
      const { reader, again } = await recordAgain(directory, from, 50, targets);
      await again.emulator.finished;
      const last = textOf(rest.at(-1)!);
      await again.heard((frame) => textOf(frame) === last);
      await again.stop();
      const copy = await openJournalReader(again.directory);
      const merged = (await updatesOf(copy, onSockets)).map(({ text }) => text);
      for (const window of windows) {
        const own = rest.filter(({ connection }) => connection === window).map(textOf);
        const expected = own.filter((text) => !text.startsWith("["));
        const known = new Set(expected);
        const found = merged.filter((text) => known.has(text));
        expect({ window, frames: found.length, partsAt: partsAt(found, expected) }).toEqual({
          window,
          frames: expected.length,
          partsAt: -1,
        });
      }
      expect((await again.prove()).states).toMatchObject({ inferred: 0, contradicted: 0, unprovable: 0 });
      await reader.close();
      await copy.close();
    }, 120_000);
  },
);
