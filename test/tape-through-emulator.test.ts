import { describe, expect, it } from "vitest";
import { framesFileSource } from "#emulator";
import { openJournalReader } from "#journal";
import type { Frame, UnixMicros } from "#model";
import { SECOND } from "#model";
import { proveRecording } from "#replay";
import { mergedFrames } from "#timeline";
import { SOCKETS, sourceOf, startRecording, textOf } from "./fixtures/recording.ts";
import { standingClock } from "./fixtures/standing-clock.ts";
import { DELTA_TAPE, haveTapes, readTape } from "./fixtures/tapes.ts";

const SPEED = 50;

describe.skipIf(!haveTapes)("the recorded delta tape (skipped where ../shared/data is missing)", () => {
  it(`played at ${SPEED}x and recorded on two sockets is the same tape again, as well proven and without a gap`, async () => {
    const tape = readTape(DELTA_TAPE);
    const windows = [...new Set(tape.map((frame) => frame.connection))];
    expect(windows).toHaveLength(10);
    const clock = standingClock((tape[0]!.receivedAt - SECOND) as UnixMicros, SPEED);
    const source = await framesFileSource(DELTA_TAPE);
    const recording = await startRecording({ source, clock, record: windows.map((slug) => `slug:${slug}`) });
    await recording.emulator.finished;
    const last = Buffer.from(tape.at(-1)!.bytes);
    await recording.heard(({ bytes }) => last.equals(bytes));
    await recording.stop();

    const merged = await mergedTexts(recording.directory);
    for (const window of windows) {
      const expected = tape.filter(({ connection }) => connection === window).map(textOf);
      const known = new Set(expected);
      const found = merged.filter((text) => known.has(text));
      // Not toEqual on thousands of frames: the place where they part says more than two lists.
      const partsAt = found.findIndex((text, index) => text !== expected[index]);
      expect({ window, frames: found.length, partsAt }).toEqual({ window, frames: expected.length, partsAt: -1 });
    }

    const ofTape = new Set(tape.map(textOf));
    const others = merged.filter((text) => !ofTape.has(text));
    const dumps = others.filter((text) => text !== "PONG");
    const { witness, connections } = recording.capture.status();
    // No part of the tape are answers to our PING; and opening books, where a socket had to be subscribed again.
    const reopened = connections
      .filter((each) => SOCKETS.includes(each.connection))
      .reduce((n, { opens }) => n + opens - 1, 0);
    expect(dumps.length).toBeLessThanOrEqual(witness.redrives + reopened);
    expect(dumps.every((text) => text.startsWith("[") && text.includes('"event_type":"book"'))).toBe(true);

    const report = await recording.prove();
    const { states, bbo } = await proveRecording(sourceOf(tape), { search: "full" });
    expect(states.proven).toBeGreaterThanOrEqual(37_641);
    expect(report.states.proven).toBeGreaterThanOrEqual(states.proven);
    expect(report.states).toMatchObject({ inferred: 0, contradicted: 0, unprovable: 0 });
    expect(report.bbo.checked).toBe(bbo.checked);
    expect(report.bbo.agreed).toBe(bbo.checked);
    expect(report).toMatchObject({ gaps: [], faults: 0 });
  }, 240_000);
});

/** Each frame of the market sockets once, in the order of the merge. */
async function mergedTexts(directory: string): Promise<string[]> {
  const reader = await openJournalReader(directory);
  const isOfMarket = ({ kind, connection }: Frame) => kind === "received" && SOCKETS.includes(connection);
  const texts: string[] = [];
  for await (const frames of mergedFrames(reader)) {
    for (const { frame } of frames) if (isOfMarket(frame)) texts.push(textOf(frame));
  }
  await reader.close();
  return texts;
}
