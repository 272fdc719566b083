import { describe, expect, it } from "vitest";
import { manualClock, silentLog } from "#host";
import { JournalOverloaded } from "#journal";
import type { ConnectionId, Frame, FrameKind, GapRecord, Seq, UnnumberedFrame } from "#model";
import { GapLedger } from "./gap-ledger.ts";
import { Intake } from "./intake.ts";

/** A journal of a few frames that can be full. */
function rig() {
  const clock = manualClock();
  const taken: Frame[] = [];
  const state = { full: false };
  const journal = {
    append(frame: UnnumberedFrame): Seq {
      if (state.full) throw new JournalOverloaded(1, 1);
      taken.push({ ...frame, seq: taken.length as Seq });
      return (taken.length - 1) as Seq;
    },
  };
  const seen: Frame[] = [];
  const intake = new Intake({ journal, clock, log: silentLog(), onFrame: (frame) => seen.push(frame) });
  const ledger = new GapLedger((record) => intake.record("gap", record));
  intake.reportTo(ledger);
  const frame = (kind: FrameKind, text: string): UnnumberedFrame => ({
    kind,
    connection: "market-a-0" as ConnectionId,
    receivedAt: clock.now(),
    monotonicAt: clock.monotonic(),
    bytes: new TextEncoder().encode(text),
  });
  const texts = () => taken.map(({ kind, bytes }) => (kind === "gap" ? "gap" : new TextDecoder().decode(bytes)));
  const gaps = () =>
    taken
      .filter((each) => each.kind === "gap")
      .map((each) => JSON.parse(new TextDecoder().decode(each.bytes)) as GapRecord);
  return { clock, state, intake, ledger, taken, seen, frame, texts, gaps };
}

describe("Intake", () => {
  it("shows the live view exactly what the journal took, in its order", () => {
    const { intake, seen, taken, frame, state } = rig();
    for (const text of ["a", "b"]) intake.take(frame("received", text));
    state.full = true;
    intake.take(frame("received", "lost"));
    state.full = false;
    intake.take(frame("received", "c"));
    expect(seen).toEqual(taken);
  });

  it("counts what a full journal refused, in one overload gap from the last frame before to the first after", async () => {
    const { intake, state, frame, gaps, clock } = rig();
    intake.take(frame("received", "before"));
    const before = clock.now();
    state.full = true;
    for (const text of ["xx", "yyy", "zzzz"]) {
      await clock.advance(1_000);
      intake.take(frame("received", text));
    }
    expect(gaps()).toEqual([]);
    state.full = false;
    await clock.advance(1_000);
    intake.take(frame("received", "after"));
    expect(gaps().map((record) => record.phase)).toEqual(["opened", "closed"]);
    const [, closed] = gaps();
    expect(closed!.gap).toMatchObject({
      cause: "overload",
      instruments: [],
      from: before,
      to: clock.now(),
      fromSeq: 0,
    });
    expect(closed!.gap.evidence).toContain("3 frames of 9 bytes refused");
    expect(intake.refusedFrames).toBe(3);
  });

  it("keeps what we have to say ourselves until there is room, in order, before the next frame", () => {
    const { intake, state, frame, texts } = rig();
    state.full = true;
    intake.take(frame("received", "refused"));
    intake.take(frame("closed", "closed"));
    intake.take(frame("opened", "opened"));
    state.full = false;
    intake.take(frame("received", "after"));
    expect(texts()).toEqual(["gap", "closed", "opened", "after", "gap"]);
  });

  it("lets a flush bring in what waits when the venue is silent", () => {
    const { intake, state, frame, texts } = rig();
    state.full = true;
    intake.take(frame("closed", "closed"));
    expect(intake.flush()).toBe(false);
    state.full = false;
    expect(intake.flush()).toBe(true);
    expect(texts()).toEqual(["closed"]);
  });
});
