import { describe, expect, it } from "vitest";
import { verifyArchive } from "#archive";
import { openJournalReader } from "#journal";
import { DAY, HOUR, MINUTE, SECOND, type UnixMicros, type UnnumberedFrame } from "#model";
import { proveRecording } from "#replay";
import { expectSame, journalOf, linesOf, pack, withBoth } from "./fixtures/archives.ts";
import { BOOK_TAPE, DELTA_TAPE, haveTapes, readTape } from "./fixtures/tapes.ts";
import { BEFORE_THE_HOUR, recordTwoSockets, session, text } from "./fixtures/two-sockets.ts";

// What goes into the archive comes out again: every frame, every byte, whatever happened while it was recorded.

const FAULTY = {
  seed: 3,
  seconds: 420,
  loss: 0.01,
  drops: [
    { at: 60, sockets: ["b"], lasts: 3 },
    { at: 178, sockets: ["a"], lasts: 4 },
    { at: 260, sockets: ["a", "b"], lasts: 2 },
  ],
} as const;

async function expectNoDamage({ journal, archive }: { journal: string; archive: string }): Promise<void> {
  const reader = await openJournalReader(journal);
  const report = await verifyArchive(archive, reader);
  await reader.close();
  expect(report.damage).toEqual([]);
  expect(report.compared).toBe(report.frames);
}

describe("journal -> archive -> frames", () => {
  it.skipIf(!haveTapes).each([DELTA_TAPE, BOOK_TAPE])("is the same for the recorded tape %s", async (tape) => {
    const folders = await journalOf(readTape(tape));
    const { packed } = await pack(folders);
    expect(packed.map(({ file }) => file.slice(0, 13))).toEqual(["2026-04-16T07", "2026-04-16T08"]);
    await expectSame(folders);
    await expectNoDamage(folders);
  });

  it("is the same for two sockets with losses, drops and an hour's boundary, and proves the same", async () => {
    const folders = await journalOf(recordTwoSockets(FAULTY));
    const { packed } = await pack(folders);
    expect(packed.map(({ file }) => file.slice(0, 13))).toEqual(["2026-11-22T13", "2026-11-22T14"]);
    await expectSame(folders);
    await expectNoDamage(folders);
    await withBoth(folders, async (journal, archive) => {
      const whole = await proveRecording(journal, { search: "full" });
      const inParts = archive.index.proofs();
      const sum = (of: (proof: (typeof inParts)[number]) => number): number =>
        inParts.reduce((total, proof) => total + of(proof), 0);
      const { states, bbo } = whole;
      expect(states.contradicted).toBeGreaterThan(0);
      expect(sum((proof) => proof.states.contradicted)).toBe(states.contradicted);
      expect(sum((proof) => proof.bbo.checked)).toBe(bbo.checked);
      expect(sum((proof) => proof.bbo.agreed)).toBe(bbo.agreed);
      expect(sum(({ crossed }) => crossed)).toBe(whole.crossed);
      // The states that the end of the recording cuts are not over in the archive, where more may come.
      const open = archive.index.instruments().length;
      const counted = sum((proof) => proof.states.proven + proof.states.inferred + proof.states.unprovable);
      const all = states.proven + states.inferred + states.unprovable;
      expect(counted).toBeGreaterThanOrEqual(all - open);
      expect(counted).toBeLessThanOrEqual(all);
      const idsOf = (gaps: readonly { id: string }[]): string[] => gaps.map(({ id }) => id).sort();
      expect(idsOf(archive.index.gaps())).toEqual(idsOf(whole.gaps));
    });
  });

  it("gives the same packs in one run and in a run for each hour, with chunks that are closed early", async () => {
    const startsAt = (BEFORE_THE_HOUR + 160 * SECOND) as UnixMicros;
    const drops = [{ at: 18, sockets: ["a", "b"], lasts: 1 }] as const;
    const frames = recordTwoSockets({ seed: 4, seconds: 40, startsAt, markets: 3, loss: 0.02, drops });
    const hours: string[][] = [];
    for (const pieces of [1, 2]) {
      const own = pieces === 1 ? frames : frames.filter(({ receivedAt }) => receivedAt < BEFORE_THE_HOUR + 3 * MINUTE);
      const folders = await journalOf(own);
      await pack(folders, { mostBuffered: 300_000 });
      if (pieces === 2) {
        await journalOf(frames.slice(own.length), folders.data);
        await pack(folders, { mostBuffered: 300_000 });
      }
      await expectSame(folders);
      hours.push(
        await withBoth(folders, async (_, archive) => archive.index.packs().map((each) => JSON.stringify(each))),
      );
    }
    expect(hours[0]).toHaveLength(2);
    expect(hours[1]).toEqual(hours[0]);
  });

  it("leaves the hour that is not over in the journal, and packs it when it is", async () => {
    const folders = await journalOf(recordTwoSockets({ seed: 5, seconds: 240 }));
    const at = (after: number) => ({ all: false, now: (BEFORE_THE_HOUR + after) as UnixMicros });
    expect((await pack(folders, at(4 * MINUTE))).packed).toHaveLength(1);
    expect((await pack(folders, at(30 * MINUTE))).packed).toEqual([]);
    expect((await pack(folders, at(3 * MINUTE + HOUR + 2 * MINUTE))).packed).toHaveLength(1);
    await expectSame(folders);
  });

  it("packs what a session that ended left, hours without a frame, and sessions that follow", async () => {
    const first = recordTwoSockets({ seed: 6, seconds: 30 });
    const later = (BEFORE_THE_HOUR + 5 * HOUR) as UnixMicros;
    const folders = await journalOf(first);
    await journalOf(recordTwoSockets({ seed: 7, seconds: 30, startsAt: later }), folders.data);
    const { packed } = await pack(folders, { all: false, now: (later + DAY) as UnixMicros });
    expect(packed.map(({ file }) => file.slice(11, 13))).toEqual(["13", "18"]);
    await expectSame(folders);
    await expectNoDamage(folders);
  });

  it("lets clocks jump: forward over the hour and back, and back by hours", async () => {
    const jumps = [0, 50 * DAY, 0, -4 * HOUR, 0, -20 * SECOND];
    const frames = recordTwoSockets({ seed: 8, seconds: 60 });
    const each = Math.ceil(frames.length / jumps.length);
    const jumped = frames.map((frame, index): UnnumberedFrame => {
      const receivedAt = (frame.receivedAt + (jumps[Math.floor(index / each)] ?? 0)) as UnixMicros;
      return { ...frame, receivedAt };
    });
    const folders = await journalOf(jumped);
    const { packed } = await pack(folders);
    expect(packed.length).toBe(5);
    await expectSame(folders);
    await expectNoDamage(folders);
  });

  it("keeps what is no message of a market as it is, and one frame of several markets once", async () => {
    const frames = recordTwoSockets({ seed: 9, seconds: 5, series: [], markets: 2, framesPerSecond: 50 });
    const dumps = frames.filter(({ bytes }) => bytes[0] === 91).slice(0, 4);
    const joined = Buffer.from(JSON.stringify(dumps.flatMap(({ bytes }) => JSON.parse(Buffer.from(bytes).toString()))));
    const at = frames.at(-1)!;
    const odd = ["", "PONG", "[]", "{", '{"event_type":"later"}', "\u0000\u00ff"].map((bytes) => Buffer.from(bytes));
    const folders = await journalOf([
      { ...frames[0]!, connection: frames[1]!.connection, kind: "received", bytes: joined },
      ...frames,
      ...odd.map((bytes) => ({ ...at, bytes })),
      { ...at, kind: "unreadable", bytes: Buffer.from("no frame") },
      { ...at, kind: "session", bytes: text(session(at.receivedAt)) },
    ]);
    await pack(folders);
    await expectSame(folders);
    await expectNoDamage(folders);
    await withBoth(folders, async (_, archive) => {
      const [first] = archive.index.instruments();
      const market = archive.index.marketOf(first!.instrument)!;
      let kept = 0;
      for await (const chunk of archive.chunks(market))
        kept += chunk.messages().filter(({ bytes, events }) => bytes === null && events.length > 0).length;
      expect(kept).toBe(1);
    });
  });

  it("reads a part by seq, by time and by instrument", async () => {
    const folders = await journalOf(recordTwoSockets({ seed: 10, seconds: 240, markets: 3, framesPerSecond: 60 }));
    await pack(folders, { mostBuffered: 400_000 });
    await withBoth(folders, async (journal, archive) => {
      const { firstSeq, lastSeq, firstReceivedAt } = journal.span!;
      const ranges = [
        { fromSeq: (firstSeq + 100) as typeof firstSeq, toSeq: (firstSeq + 5_000) as typeof firstSeq },
        { fromSeq: (lastSeq - 10) as typeof firstSeq },
        {
          fromTime: (firstReceivedAt + 170 * SECOND) as UnixMicros,
          toTime: (firstReceivedAt + 190 * SECOND) as UnixMicros,
        },
        { fromTime: (firstReceivedAt + DAY) as UnixMicros },
      ];
      for (const range of ranges) expect(await linesOf(archive, range)).toEqual(await linesOf(journal, range));
      const { instrument } = archive.index.instruments()[0]!;
      const whole = await linesOf(journal);
      const some = await linesOf(archive, { instruments: new Set([instrument]) });
      expect(some.length).toBeLessThan(whole.length);
      const all = new Set(whole);
      expect(some.every((line) => all.has(line))).toBe(true);
      const named = (lines: readonly string[]) => lines.filter((line) => line.includes(instrument));
      expect(named(some)).toEqual(named(whole));
      expect(some.filter((line) => !line.includes(" received "))).toEqual(
        whole.filter((line) => !line.includes(" received ")),
      );
    });
  });
});
