import { describe, expect, it } from "vitest";
import { syntheticFrames } from "../examples/synthetic-recording.ts";
import type { Chunk, ChunkInput, ChunkScan, MarketCheckpoint } from "../src/archive/chunk.ts";
import { encodeChunk } from "../src/archive/columns/encode-chunk.ts";
import { openChunk } from "../src/archive/columns/open-chunk.ts";
import { encodePlainChunk, openPlainChunk } from "../src/archive/fixtures/plain-chunk.ts";
import type { Frame, UnixMicros } from "../src/model/index.ts";
import { packFrames } from "./fixtures/chunks.ts";
import { BOOK_TAPE, DELTA_TAPE, haveTapes, readTape } from "./fixtures/tapes.ts";

/*
 * The column codec beside the plain one, which keeps everything as JSON and walks the books event by event: whatever is
 * asked of a chunk, both must say the same.
 */

const digestOf = (state: MarketCheckpoint) =>
  state.instruments.map(({ instrument, digest, bids, asks }) => [instrument, digest, bids.length, asks.length]);

/** A scan as text, so that two can be compared. */
function scanned(chunk: Chunk, until?: UnixMicros): string[] {
  const steps: string[] = [];
  const scan: ChunkScan = {
    message: (knownAt, sentAt, seq) => steps.push(`message ${knownAt} ${sentAt} ${seq}`),
    clear: (instrument) => steps.push(`clear ${chunk.instruments[instrument]}`),
    level: (instrument, side, price, size) => steps.push(`${chunk.instruments[instrument]} ${side} ${price} ${size}`),
  };
  chunk.scan(scan, until);
  return steps;
}

function expectSame(input: ChunkInput, moments: number): void {
  const columns = openChunk(encodeChunk(input).bytes);
  const plain = openPlainChunk(encodePlainChunk(input).bytes);
  expect(columns.market).toBe(plain.market);
  expect(columns.opening).toStrictEqual(plain.opening);
  expect(columns.frames().map(asText)).toStrictEqual(plain.frames().map(asText));
  expect(columns.messages().length).toBe(input.messages.length);
  expect(columns.messages().map((each) => each.events)).toStrictEqual(input.messages.map((each) => each.events));
  expect(columns.verdicts()).toStrictEqual(input.verdicts);
  const [first, last] = [input.messages[0]!.knownAt, input.messages.at(-1)!.knownAt];
  for (let step = 0; step <= moments; step++) {
    const at = Math.round(first - 1 + ((last - first + 2) * step) / moments) as UnixMicros;
    expect(columns.stateAt(at)).toStrictEqual(plain.stateAt(at));
  }
}

const asText = (frame: Frame) => ({ ...frame, bytes: Buffer.from(frame.bytes).toString("latin1") });

describe("a chunk in columns", () => {
  it("says the same as the plain one, of a synthetic market with two sockets and an outage", async () => {
    const chunks = packFrames(await syntheticFrames(), 300);
    expect(chunks.length).toBeGreaterThan(10);
    for (const { input } of chunks) expectSame(input, 20);
    // A dump of several markets fits no chunk of one; here it was given to one all the same, and that chunk stays plain.
    const inColumns = chunks.filter(({ encoded }) => encoded.rawMessages === 0);
    expect(inColumns.length).toBeGreaterThan(10);
  });

  it("replays the books by its scan to where its state says they are", async () => {
    let [half, whole] = [0, 0];
    for (const { input, encoded } of packFrames(await syntheticFrames({ seed: 11 }), 500)) {
      const chunk = openChunk(encoded.bytes);
      const halfway = input.messages[input.messages.length >> 1]!.knownAt;
      half += scanned(chunk, halfway).length;
      whole += scanned(chunk).length;
      expect(digestOf(chunk.stateAt(Number.MAX_SAFE_INTEGER as UnixMicros))).toEqual(digestOf(encoded.closing));
    }
    expect(half).toBeGreaterThan(whole / 4);
    expect(half).toBeLessThan((whole * 3) / 4);
  });

  it.skipIf(!haveTapes).each([DELTA_TAPE, BOOK_TAPE])("says the same of %s, and keeps nothing raw", (tape) => {
    const frames = readTape(tape);
    let raw = 0;
    for (const { input, encoded } of packFrames(frames, 2_048)) {
      raw += encoded.rawMessages + encoded.rawDigests;
      expect(openChunk(encoded.bytes).frames().map(asText)).toStrictEqual(
        input.frames.map(({ message, ...frame }) =>
          asText({ ...frame, kind: "received", bytes: input.messages[message]!.bytes! }),
        ),
      );
    }
    expect(raw).toBe(0);
  });

  it("is refused with a reason, or read exactly, whatever byte of it is cut or flipped", async () => {
    const { input, encoded } = packFrames(await syntheticFrames({ seconds: 90, outageAt: null }), 120)[2]!;
    const right = JSON.stringify(openChunk(encoded.bytes).frames().map(asText));
    const read = (bytes: Uint8Array): string => {
      try {
        const chunk = openChunk(bytes);
        chunk.stateAt(input.messages.at(-1)!.knownAt);
        return JSON.stringify(chunk.frames().map(asText)) === right ? "right" : "wrong";
      } catch (error) {
        return error instanceof RangeError ? "refused" : String(error);
      }
    };
    const outcomes = new Map<string, number>();
    for (let at = 0; at < encoded.bytes.length; at++) {
      const flipped = Uint8Array.from(encoded.bytes);
      flipped[at]! ^= 1 << (at % 8);
      for (const damaged of [flipped, encoded.bytes.subarray(0, at)]) {
        const outcome = read(damaged);
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
    }
    // A pack file's checksum tells what is wrong and can still be read; here it is only that reading ends.
    for (const outcome of outcomes.keys()) expect(["right", "wrong", "refused"]).toContain(outcome);
    expect(outcomes.get("refused")).toBeGreaterThan(encoded.bytes.length);
  });
});
