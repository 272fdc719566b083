import { describe, expect, it } from "vitest";
import type { ArchiveReader } from "#archive";
import { seededRandom } from "#host";
import type { FrameSource, InstrumentId, Level, UnixMicros, Verdict } from "#model";
import { bookAt, marketsOf } from "#replay";
import { journalOf, pack, withBoth } from "./fixtures/archives.ts";
import { BOOK_TAPE, DELTA_TAPE, haveTapes, readTape } from "./fixtures/tapes.ts";
import { BEFORE_THE_HOUR, recordTwoSockets } from "./fixtures/two-sockets.ts";

// The book at a moment out of the archive is the one that the journal, read up to that moment, would have given; and so
// is its verdict, though the archive knows by then what came later.

interface Found {
  readonly digest: string;
  readonly sentAt: number;
  readonly bids: readonly Level[];
  readonly asks: readonly Level[];
  readonly verdict: Verdict;
}

async function ofJournal(source: FrameSource, instrument: InstrumentId, at: UnixMicros): Promise<Found | undefined> {
  const found = await bookAt(source, await marketsOf(source, { toTime: at }), instrument, at);
  if (!found) return undefined;
  const { ladder, digest, sentAt } = found.book;
  return { digest, sentAt, bids: ladder.levels("bid"), asks: ladder.levels("ask"), verdict: found.verdict };
}

async function ofArchive(archive: ArchiveReader, instrument: InstrumentId, at: UnixMicros): Promise<Found | undefined> {
  const found = await archive.bookAt(instrument, at);
  if (!found) return undefined;
  const { digest, sentAt, bids, asks } = found.checkpoint;
  return { digest, sentAt, bids, asks, verdict: found.verdict };
}

/** Returns the verdicts met. */
async function expectEqualBooks(
  folders: { journal: string; archive: string },
  moments: number,
  seed: number,
): Promise<Set<Verdict>> {
  return withBoth(folders, async (journal, archive) => {
    const random = seededRandom(seed);
    const instruments = archive.index.instruments().filter(({ market }) => archive.index.spans(market).length > 0);
    const { firstReceivedAt, lastReceivedAt } = journal.span!;
    const verdicts = new Set<Verdict>();
    for (let moment = 0; moment < moments; moment++) {
      const { instrument } = instruments[Math.floor(random.next() * instruments.length)]!;
      const at = Math.floor(firstReceivedAt + random.next() * (lastReceivedAt - firstReceivedAt + 3e6)) as UnixMicros;
      const theirs = await ofJournal(journal, instrument, at);
      expect({ at, instrument, ...(await ofArchive(archive, instrument, at)) }).toEqual({ at, instrument, ...theirs });
      if (theirs) verdicts.add(theirs.verdict);
    }
    return verdicts;
  });
}

describe("bookAt out of the archive and out of the journal", () => {
  it.skipIf(!haveTapes).each([DELTA_TAPE, BOOK_TAPE])(
    "are the same on the recorded tape %s",
    async (tape) => {
      const folders = await journalOf(readTape(tape));
      await pack(folders);
      await expectEqualBooks(folders, 12, 1);
    },
    120_000,
  );

  it("are the same on two sockets that lose nothing", async () => {
    const startsAt = (BEFORE_THE_HOUR + 150e6) as UnixMicros;
    const folders = await journalOf(recordTwoSockets({ seed: 21, seconds: 60, startsAt }));
    await pack(folders, { mostBuffered: 2_000_000 });
    await expectEqualBooks(folders, 100, 2);
  }, 120_000);

  it("are the same through losses, drops and contradictions", async () => {
    const startsAt = (BEFORE_THE_HOUR + 150e6) as UnixMicros;
    const drops = [
      { at: 12, sockets: ["b"], lasts: 3 },
      { at: 40, sockets: ["a", "b"], lasts: 2 },
    ] as const;
    // Each socket alone loses so much that some frames are lost on both.
    const folders = await journalOf(recordTwoSockets({ seed: 22, seconds: 60, startsAt, loss: 0.03, drops }));
    await pack(folders, { mostBuffered: 2_000_000 });
    const verdicts = await expectEqualBooks(folders, 100, 3);
    expect([...verdicts]).toEqual(expect.arrayContaining(["proven", "contradicted"]));
  }, 120_000);
});
