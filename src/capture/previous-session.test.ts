import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { manualClock } from "#host";
import { openJournal } from "#journal";
import {
  type ConnectionId,
  type FrameKind,
  type Gap,
  type InstrumentId,
  SECOND,
  type Seq,
  type UnixMicros,
} from "#model";
import { NO_PREVIOUS_SESSION, parseGapRecord, REWRITE_EVERY, readPreviousSession } from "./previous-session.ts";

const gap = (id: string, to: number | null = null): Gap => ({
  id,
  cause: "disconnect",
  instruments: ["i" as InstrumentId],
  connection: null,
  from: 1 as UnixMicros,
  to: to as UnixMicros | null,
  fromSeq: 0 as Seq,
  toSeq: null,
  evidence: "",
});

async function written(records: readonly [FrameKind, unknown, number?][]): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "polypunt-previous-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const clock = manualClock();
  const journal = await openJournal({ directory, clock });
  for (const [kind, body, advance = SECOND] of records) {
    await clock.advance(advance);
    journal.append({
      kind,
      connection: "recorder" as ConnectionId,
      receivedAt: clock.now(),
      monotonicAt: clock.monotonic(),
      bytes: new TextEncoder().encode(JSON.stringify(body)),
    });
  }
  await journal.close();
  return directory;
}

describe("readPreviousSession", () => {
  it("finds nothing in a new journal", async () => {
    expect(await readPreviousSession(await written([]))).toEqual(NO_PREVIOUS_SESSION);
  });

  it("finds the gaps that were left open, in their last state, and that the session was killed", async () => {
    const directory = await written([
      ["session", { phase: "started" }],
      ["gap", { phase: "opened", gap: gap("a") }],
      ["gap", { phase: "opened", gap: gap("b") }],
      ["gap", { phase: "closed", gap: gap("a", 5) }],
      ["received", "x"],
    ]);
    const previous = await readPreviousSession(directory);
    expect(previous.openGaps.map((each) => each.id)).toEqual(["b"]);
    expect(previous.stopped).toBe(false);
    expect(previous.last?.seq).toBe(4);
  });

  it("knows a session that stopped in order", async () => {
    const directory = await written([
      ["session", { phase: "started" }],
      ["session", { phase: "stopped" }],
    ]);
    expect((await readPreviousSession(directory)).stopped).toBe(true);
  });

  it("reads no further back than open gaps are written anew", async () => {
    const directory = await written([
      ["gap", { phase: "opened", gap: gap("old") }],
      ["gap", { phase: "opened", gap: gap("anew") }, 3 * REWRITE_EVERY],
      ["received", "x", REWRITE_EVERY],
    ]);
    expect((await readPreviousSession(directory)).openGaps.map((each) => each.id)).toEqual(["anew"]);
  });

  it.each([
    "",
    "{}",
    '{"phase":"opened"}',
    '{"phase":"opened","gap":{"cause":"whim","id":"x","instruments":[]}}',
    "null",
  ])("is not troubled by a record that is none: %s", (text) => expect(parseGapRecord(text)).toBeUndefined());
});
