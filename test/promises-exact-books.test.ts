import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { framesFileSource } from "#emulator";
import type { FrameSource, Level } from "#model";
import { formatMicros, formatTime } from "#model";
import { type BookAt, bookAt } from "#replay";
import { MarketBook, mergedFrames } from "#timeline";
import { type Recording, receivedOn, SOCKETS, sourceOf, startRecording, textOf } from "./fixtures/recording.ts";
import { runCli } from "./fixtures/run-cli.ts";
import { standingClock } from "./fixtures/standing-clock.ts";
import { type Change, OPENS_AT, WrittenTape } from "./fixtures/written-tape.ts";

const OPENING: readonly Change[] = [
  ["BUY", "0.48", "100"],
  ["BUY", "0.47", "250.5"],
  ["SELL", "0.52", "80"],
];

/** Plays a tape to a recorder with two sockets until both have all of it, and ends the recording. */
async function recordTape(tape: WrittenTape): Promise<Recording> {
  const source = await framesFileSource(tape.write());
  const recording = await startRecording({ source, clock: standingClock(OPENS_AT, 20), record: [tape.slug] });
  const last = tape.frames.at(-1);
  await recording.heard((frame) => textOf(frame) === last);
  await recording.stop();
  return recording;
}

const asText = (levels: readonly Level[]) =>
  levels.map(({ price, size }) => ({ price: formatMicros(price), size: formatMicros(size) }));
const sidesOf = ({ book }: BookAt) => ({
  bids: asText(book.ladder.levels("bid")),
  asks: asText(book.ladder.levels("ask")),
});
const sidesOn = (tape: WrittenTape) => ({ bids: tape.levels("BUY"), asks: tape.levels("SELL") });

describe("the opening snapshot (P2)", () => {
  it("is recorded as it came, an array, and is the book from the first frame on", async () => {
    const tape = new WrittenTape();
    tape.dump(1, OPENING);
    const opening = sidesOn(tape);
    tape.change(30, [["BUY", "0.48", "0"]]);
    const recording = await recordTape(tape);
    const frames = await recording.frames();
    for (const socket of SOCKETS) expect(textOf(receivedOn(socket, frames)[0]!)).toBe(tape.frames[0]);
    const first = frames.find((frame) => textOf(frame) === tape.frames[0])!;
    const found = await recording.bookAt(tape.token, first.receivedAt);
    expect(found).toMatchObject({ verdict: "proven", openGaps: [] });
    expect(sidesOf(found!)).toEqual(opening);
    expect((await recording.prove()).states).toEqual({ proven: 2, inferred: 0, contradicted: 0, unprovable: 0 });
  });
});

describe("a level that goes A, B, A within one millisecond (P3)", () => {
  it("ends as A, and all three frames are kept, also where two of them are the same bytes", async () => {
    const tape = new WrittenTape();
    tape.dump(1, OPENING);
    tape.change(2, [["BUY", "0.49", "10"]], [["BUY", "0.49", "25"]], [["BUY", "0.49", "10"]]);
    expect(tape.frames[1]).toBe(tape.frames[3]);
    tape.change(3, [["SELL", "0.52", "81"]]);
    const recording = await recordTape(tape);
    const frames = await recording.frames();
    for (const socket of SOCKETS) expect(receivedOn(socket, frames).map(textOf)).toEqual(tape.frames);
    expect(await mergedTexts(sourceOf(frames))).toEqual(tape.frames);
    const found = await recording.bookAt(tape.token, frames.at(-1)!.receivedAt);
    expect(found?.verdict).toBe("proven");
    expect(sidesOf(found!)).toEqual(sidesOn(tape));
    expect(sidesOf(found!).bids[0]).toEqual({ price: "0.49", size: "10" });
  });
});

describe("order within a recording (P4)", () => {
  it("is total, and any reader rebuilds the same books from it, updates of a snapshot's own millisecond included", async () => {
    const tape = new WrittenTape();
    tape.dump(1, OPENING);
    tape.change(2, [["SELL", "0.53", "7"]]);
    tape.update(2);
    tape.change(2, [["SELL", "0.53", "9"]], [["SELL", "0.52", "0"]]);
    tape.change(3, [["BUY", "0.48", "1"]], [["BUY", "0.48", "0"]], [["BUY", "0.48", "44"]]);
    const recording = await recordTape(tape);
    const frames = await recording.frames();
    expect(frames.map((frame) => frame.seq)).toEqual(frames.map((_, index) => index));
    const end = frames.at(-1)!.receivedAt;
    expect(sidesOf((await recording.bookAt(tape.token, end))!)).toEqual(sidesOn(tape));

    const either = SOCKETS.map((socket) =>
      frames.filter((frame) => !SOCKETS.includes(frame.connection) || frame.connection === socket),
    );
    const moments = [...new Set(frames.map((frame) => frame.receivedAt))];
    const markets = new MarketBook();
    for (const at of moments) {
      const whole = await bookAt(sourceOf(frames), markets, tape.token, at);
      for (const blockLength of [1, 2, 3, 7]) {
        expect(await bookAt(sourceOf(frames, blockLength), markets, tape.token, at)).toEqual(whole);
      }
    }
    for (const source of either.map((kept) => sourceOf(kept))) {
      expect(await mergedTexts(source)).toEqual(tape.frames);
      expect(sidesOf((await bookAt(source, markets, tape.token, end))!)).toEqual(sidesOn(tape));
    }
  });
});

describe("prices and sizes (P9)", () => {
  it("are the venue's decimals to the last digit, from the wire to the screen", async () => {
    const tape = new WrittenTape();
    tape.dump(1, [
      ["BUY", "0.1", "0.1"],
      ["BUY", "0.2", "0.2"],
      ["BUY", "0.3", "0.3"],
      // The smallest and the largest size of the wire; the largest still safe as an integer of millionths.
      ["BUY", "0.4", "0.000001"],
      ["SELL", "0.6", "9007199254.740991"],
    ]);
    for (const [index, change] of someChanges().entries()) tape.change(2 + index / 20, [change]);
    const recording = await recordTape(tape);
    const { states, bbo } = await recording.prove();
    expect(states).toMatchObject({ inferred: 0, contradicted: 0, unprovable: 0 });
    expect(bbo.agreed).toBe(bbo.checked);
    const end = (await recording.frames()).at(-1)!.receivedAt;
    expect(sidesOf((await recording.bookAt(tape.token, end))!)).toEqual(sidesOn(tape));
    const shown = await runCli(
      ...[
        "book",
        "--data",
        recording.data,
        "--token",
        tape.token,
        "--at",
        formatTime(end),
        "--depth",
        "10000",
        "--json",
      ],
    );
    const { bids, asks, proof } = JSON.parse(shown.stdout) as Record<string, unknown>;
    expect({ bids, asks, proof }).toEqual({ ...sidesOn(tape), proof: "proven" });
  });
});

/** The same each time: prices of up to four decimals, sizes of up to six, many of which no float holds. */
function someChanges(): Change[] {
  const decimal = (micros: number) => (micros / 1_000_000).toFixed(6).replace(/\.?0+$/, "");
  const change = fc
    .tuple(fc.boolean(), fc.integer({ min: 1, max: 4_999 }), fc.integer({ min: 0, max: 2_000_000_000 }))
    .map(
      ([isBid, tick, size]): Change => [
        isBid ? "BUY" : "SELL",
        decimal((isBid ? tick : 10_000 - tick) * 100),
        decimal(size),
      ],
    );
  return fc.sample(change, { numRuns: 300, seed: 9 });
}

async function mergedTexts(source: FrameSource): Promise<string[]> {
  const texts: string[] = [];
  for await (const merged of mergedFrames(source)) {
    for (const { frame } of merged) {
      if (SOCKETS.includes(frame.connection)) texts.push(...receivedOn(frame.connection, [frame]).map(textOf));
    }
  }
  return texts;
}
