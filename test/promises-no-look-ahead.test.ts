import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "#host";
import { openJournal } from "#journal";
import type { Frame, FrameSource, InstrumentId, UnixMicros } from "#model";
import { SECOND } from "#model";
import { type BookAt, bookAt, marketsOf } from "#replay";
import { startRig } from "./capture-rig.ts";
import { sourceOf, textOf } from "./fixtures/recording.ts";
import { runCli, temporaryFolder } from "./fixtures/run-cli.ts";

/** A recording of its own window and the next, made once; each run cuts it at another moment. */
let frames: readonly Frame[] = [];
let tokens: readonly InstrumentId[] = [];

beforeAll(async () => {
  const rig = await startRig({ speed: 20 });
  try {
    await rig.until("well on", ({ totals }) => totals.states.proven > 200);
    rig.emulator.inject({ kind: "disconnect" });
    await rig.until("a gap that is over", ({ gaps, openGaps }) => gaps.disconnect > 0 && openGaps.length === 0);
    await rig.until("further on", ({ totals }) => totals.states.proven > 600);
    const { markets } = rig.capture.status();
    tokens = markets
      .filter(({ phase }) => phase !== "ahead")
      .flatMap(({ outcomes }) => outcomes.map((outcome) => outcome.instrument));
    await rig.end();
    frames = await rig.frames();
  } finally {
    await rig.close();
  }
});

/** The book and all that is said about it, as a user gets it: the catalog comes from the same recording. */
async function answer(source: FrameSource, token: InstrumentId, at: UnixMicros) {
  const found = await bookAt(source, await marketsOf(source, { toTime: at }), token, at);
  return found && { ...found, book: flat(found) };
}

const flat = ({ book: { ladder, ...book } }: BookAt) => ({
  ...book,
  tickSize: ladder.tickSize,
  bids: ladder.levels("bid"),
  asks: ladder.levels("ask"),
});

const digits = (text: string) => text.replace(/(?<="size":\s?")\d/g, "9").replace(/(?<="price":\s?"0\.)\d/g, "7");
const otherRules = (text: string) => text.replace(/(?<="orderMinSize":)\d+/g, "77");
const rewritten = (frame: Frame, text: string): Frame => ({ ...frame, bytes: Buffer.from(text) });

/** What may have followed instead: each takes the frames after the moment and makes others of them. */
const futures: Readonly<Record<string, (after: readonly Frame[]) => readonly Frame[]>> = {
  none: () => [],
  garbage: (after) => after.map((frame) => rewritten(frame, `\u0000${textOf(frame).slice(7)}`)),
  "other prices and sizes": (after) => after.map((frame) => rewritten(frame, digits(textOf(frame)))),
  "another catalog": (after) =>
    after.slice(0, 1).flatMap(({ seq, receivedAt }) => {
      const answers = frames.filter((frame) => frame.kind === "answered");
      return answers.map((frame) => ({ ...rewritten(frame, otherRules(textOf(frame))), seq, receivedAt }));
    }),
  "another order": (after) =>
    after
      .toReversed()
      .map((frame, index) => ({ ...frame, seq: after[index]!.seq, receivedAt: after[index]!.receivedAt })),
  "a gap ledger that is silent": (after) => after.filter((frame) => frame.kind !== "gap"),
};

describe("the book at a moment (P5)", () => {
  it("depends on nothing that was received after it", async () => {
    const whole = sourceOf(frames);
    const last = frames.length - 1;
    const place = fc.tuple(
      fc.integer({ min: 0, max: last }),
      fc.constantFrom(...tokens),
      fc.constantFrom(0, 1, SECOND),
    );
    let known = 0;
    await fc.assert(
      fc.asyncProperty(place, fc.constantFrom(...Object.keys(futures)), async ([index, token, later], future) => {
        const at = (frames[index]!.receivedAt + later) as UnixMicros;
        const before = frames.filter((frame) => frame.receivedAt <= at);
        const after = frames.filter((frame) => frame.receivedAt > at);
        const expected = await answer(whole, token, at);
        expect(await answer(sourceOf([...before, ...futures[future]!(after)]), token, at)).toEqual(expected);
        if (expected) known++;
      }),
      { numRuns: 60, seed: 5 },
    );
    expect(known).toBeGreaterThan(30);
  });

  it("is no book at all before the first snapshot, though one comes later", async () => {
    const source = sourceOf(frames);
    for (const token of tokens) {
      const first = frames.find(
        (frame) => frame.kind === "received" && textOf(frame).includes(`"asset_id":"${token}"`),
      )!;
      expect(await answer(source, token, (first.receivedAt - 1) as UnixMicros)).toBeUndefined();
      expect(await answer(source, token, first.receivedAt)).toBeDefined();
    }
  });

  it("is the same on the command line, whatever the journal holds after it", async () => {
    let index = Math.floor(frames.length / 2);
    const proven = async ({ receivedAt }: Frame) =>
      (await answer(sourceOf(frames), tokens[0]!, receivedAt))?.verdict === "proven";
    while (!(await proven(frames[index]!))) index++;
    const at = frames[index]!.receivedAt;
    const after = frames.filter((frame) => frame.receivedAt > at);
    const before = frames.filter((frame) => frame.receivedAt <= at);
    const show = async (kept: readonly Frame[]) => {
      const data = temporaryFolder();
      const journal = await openJournal({ directory: join(data, "journal"), clock: systemClock() });
      for (const frame of kept) journal.append(frame);
      await journal.close();
      return runCli("book", "--data", data, "--token", tokens[0]!, "--at", String(at), "--json");
    };
    const shown = await show(frames);
    expect(JSON.parse(shown.stdout)).toMatchObject({ proof: "proven" });
    const future = [...futures["another catalog"]!(after), ...futures.garbage!(after)];
    expect(await show([...before, ...future])).toEqual(shown);
  });
});
