import { constants, zstdCompressSync } from "node:zlib";
import type { Frame } from "#model";
import { packFrames } from "../test/fixtures/chunks.ts";
import { BOOK_TAPE, DELTA_TAPE, haveTapes, readTape } from "../test/fixtures/tapes.ts";
import { mirroredFrames } from "./fixtures/archived.ts";
import type { Bench, BenchRow } from "./measure.ts";

/*
 * Bytes of the chunks, with everything that exactness needs, beside zstd -19 of the raw frames alone, joined by newlines:
 * the whole stream at once and a window of 128 MiB, so that nothing of it is out of its reach.
 */

const LENGTH = 2_048;
const MESSAGES = 120_000;

function baseline(frames: readonly Frame[]): number {
  const joined = Buffer.from(frames.map(({ bytes }) => Buffer.from(bytes).toString()).join("\n"));
  const params = { [constants.ZSTD_c_compressionLevel]: 19, [constants.ZSTD_c_windowLog]: 27 };
  return zstdCompressSync(joined, { params }).length;
}

function row(promise: string, frames: readonly Frame[], goal: number): BenchRow {
  const chunks = packFrames(frames, LENGTH);
  let bytes = 0;
  let [messages, changes, raw, digests] = [0, 0, 0, 0];
  for (const { encoded } of chunks) {
    bytes += encoded.bytes.length;
    messages += encoded.messages;
    changes += encoded.levelChanges;
    raw += encoded.rawMessages;
    digests += encoded.rawDigests;
  }
  const packed = frames.length;
  if (messages !== packed) throw new Error(`${packed} frames went in and ${messages} messages were packed`);
  const theirs = baseline(frames);
  const ratio = bytes / theirs;
  return {
    name: "archive-size",
    promise,
    measured: bytes,
    baseline: theirs,
    ratio,
    unit: "bytes",
    goal: `ratio <= ${goal.toFixed(2)}`,
    holds: ratio <= goal,
    notes:
      `${(bytes / messages).toFixed(2)} B a message, ${(bytes / changes).toFixed(2)} B a level change; ${raw} messages and ` +
      `${digests} digests kept raw; baseline: zstd -19 of the bytes alone, without times`,
  };
}

const bench: Bench = {
  name: "archive-size",
  soak: true,
  async run() {
    const rows = [row("mirrored price_change stream, packed byte-exact", mirroredFrames(MESSAGES), 0.12)];
    if (!haveTapes) return rows;
    rows.push(row("recorded delta tape, packed byte-exact", readTape(DELTA_TAPE), 0.4));
    rows.push(row("recorded book tape, packed byte-exact", readTape(BOOK_TAPE), 0.4));
    return rows;
  },
};

export default bench;
