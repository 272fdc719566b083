import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { type Frame, MINUTE, type UnixMicros } from "#model";
import { framesSource, type RecordedVenue, recordVenue } from "../fixtures/recorded-venue.ts";
import { recordingSource } from "./recording-source.ts";

let venue: RecordedVenue;

beforeAll(() => {
  venue = recordVenue(7, { activity: 0.1 });
});

const text = ({ bytes }: Frame) => Buffer.from(bytes).toString();
const rewritten = (frame: Frame, as: string): Frame => ({ ...frame, bytes: Buffer.from(as) });

/** What may have followed instead: each makes other frames of those after the moment. */
const futures: readonly ((frame: Frame) => Frame[])[] = [
  () => [],
  (frame) => [rewritten(frame, text(frame).replace(/(?<="size":\s?")\d/g, "9"))],
  // The other outcome wins, with another strike and another final price.
  (frame) => [rewritten(frame, text(frame).replace(/\[\\"1\\", \\"0\\"\]/g, '[\\"0\\", \\"1\\"]'))],
  (frame) => [rewritten(frame, text(frame).replace(/(?<="(priceToBeat|finalPrice)":)\d/g, "1"))],
  (frame) => [rewritten(frame, text(frame).replace(/(?<="orderPriceMinTickSize":)0\.01/g, "0.001"))],
  (frame) => (frame.kind === "answered" ? [] : [frame]),
  (frame) => [frame, frame],
];

/** All that the emulator would say at a moment, and all it said on the way there from a minute before. */
async function everythingAt(frames: readonly Frame[], moment: UnixMicros) {
  const source = await recordingSource({ source: framesSource(frames), from: (moment - MINUTE) as UnixMicros });
  const sent: string[] = [];
  while ((source.nextAt() !== null || (await source.prepare())) && source.nextAt()! <= moment) {
    for (const item of source.step()) if (item.kind !== "reference") sent.push(Buffer.from(item.bytes).toString());
  }
  await source.seek(moment);
  const markets = [...source.markets()];
  const tokens = markets.flatMap(({ outcomes }) => outcomes.map(({ instrument }) => instrument));
  const histories = await Promise.all(
    markets.slice(0, 2).map(({ outcomes }) => source.history(outcomes.map(({ instrument }) => instrument))),
  );
  return {
    sent,
    markets,
    books: tokens.map((token) => source.book(token)),
    references: source.references(),
    boundaries: markets.map((market) => source.boundaryPrices(market)),
    histories,
  };
}

describe("what comes after a moment", () => {
  it("changes nothing that the emulator says at it or before: frames, books, catalog, prices, trades", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.double({ min: 0.25, max: 0.95, noNaN: true }),
        fc.constantFrom(...futures.keys()),
        async (share, which) => {
          const moment = Math.round(venue.from + (venue.to - venue.from) * share) as UnixMicros;
          const past = venue.frames.filter(({ receivedAt }) => receivedAt <= moment);
          const future = venue.frames.filter(({ receivedAt }) => receivedAt > moment).flatMap(futures[which]!);
          // So that the moment lies within the recording, whatever is left of its future.
          const end: Frame = { ...venue.frames.at(-1)!, kind: "session", bytes: Buffer.from("{}") };
          const other = await everythingAt([...past, ...future, end], moment);
          expect(other).toEqual(await everythingAt([...venue.frames, end], moment));
        },
      ),
      { numRuns: 14 },
    );
  }, 120_000);
});
