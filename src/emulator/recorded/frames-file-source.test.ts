import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Prover } from "#book";
import { manualClock } from "#host";
import type { InstrumentId, Seq, UnixMicros } from "#model";
import { complementOf, SECOND } from "#model";
import { Decoder, encodeBookDump } from "#venue";
import { connect, type SocketClient } from "../fixtures/socket-client.ts";
import { marketAt, STARTS_AT } from "../fixtures/synthetic-venue.ts";
import { type Emulator, startEmulator } from "../server/emulator.ts";
import { createSyntheticMarket } from "../synthetic/synthetic-market.ts";
import { framesFileSource } from "./frames-file-source.ts";

let folder = "";
const open: { close(): unknown }[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "emulator-"));
});

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
  rmSync(folder, { recursive: true });
});

interface Recorded {
  readonly lines: readonly string[];
  readonly frames: readonly string[];
  readonly tokens: readonly [InstrumentId, InstrumentId];
  readonly slug: string;
}

/** What a recorder would have written of a window: its dump and what followed, here from the synthetic market. */
function record(seconds: number): Recorded {
  const market = createSyntheticMarket({
    seed: 4,
    startsAt: STARTS_AT,
    series: ["btc-updown-5m"],
    aheadMicros: SECOND,
  });
  const listed = marketAt(market, STARTS_AT);
  const tokens = listed.outcomes.map(({ instrument }) => instrument) as [InstrumentId, InstrumentId];
  const lines: string[] = [];
  const frames: string[] = [];
  const keep = (at: UnixMicros, bytes: Uint8Array) => {
    const frame = Buffer.from(bytes).toString();
    frames.push(frame);
    lines.push(JSON.stringify({ receivedAtMicros: at, connection: listed.slug, frame }));
  };
  const books = tokens.map((token) => market.book(token));
  keep(STARTS_AT, encodeBookDump(books.flatMap((answer) => (answer.kind === "open" ? [answer.book] : []))));
  while (market.nextAt() < STARTS_AT + seconds * SECOND) {
    const at = market.nextAt();
    for (const item of market.step()) if (item.kind === "market") keep(at, item.bytes);
  }
  return { lines, frames, tokens, slug: listed.slug };
}

function write(name: string, lines: readonly string[]): string {
  const path = join(folder, name);
  const text = `${lines.join("\n")}\n`;
  writeFileSync(path, name.endsWith(".gz") ? gzipSync(text) : text);
  return path;
}

/** Opens the file in an emulator whose clock stands a second before its first frame, with a reader that has subscribed. */
async function playBack(path: string, tokens: readonly InstrumentId[]) {
  const source = await framesFileSource(path);
  const clock = manualClock((source.nextAt()! - SECOND) as UnixMicros);
  const emulator = await startEmulator({ source, clock });
  open.push(emulator);
  const reader = await subscriber(emulator, tokens);
  return { emulator, reader, play: (seconds: number) => clock.advance(seconds * SECOND) };
}

async function subscriber(emulator: Emulator, tokens: readonly InstrumentId[]): Promise<SocketClient> {
  const reader = await connect(emulator.endpoints.marketSocket);
  open.push(reader);
  reader.send({ assets_ids: tokens, type: "market", custom_feature_enabled: true });
  await reader.caughtUp();
  return reader;
}

const framesOf = ({ received }: SocketClient) => received.filter((text) => text !== "PONG");

describe("a recorded file", () => {
  it("comes out of the socket byte for byte, in order, its opening dump included", async () => {
    const { lines, frames, tokens } = record(20);
    const { reader, emulator, play } = await playBack(write("tape.ndjson.gz", lines), tokens);
    await play(30);
    await emulator.finished;
    await reader.caughtUp();
    expect(framesOf(reader)).toEqual(frames);
  });

  it("gives who comes in the middle a rebuilt book that proves, and the rest of the frames", async () => {
    const { lines, frames, tokens } = record(40);
    const { emulator, play } = await playBack(write("tape.ndjson", lines), tokens);
    await play(20);
    const late = await subscriber(emulator, tokens);
    await play(30);
    await emulator.finished;
    await late.caughtUp();
    const [dump, ...rest] = framesOf(late);
    expect(rest.length).toBeGreaterThan(100);
    expect(rest).toEqual(frames.slice(-rest.length));
    const prover = new Prover({ search: "off" });
    const decoder = new Decoder();
    for (const [seq, text] of [dump!, ...rest].entries()) {
      for (const event of decoder.decode("market", Buffer.from(text))) {
        prover.apply(event, { seq: seq as Seq, receivedAt: seq as UnixMicros });
      }
    }
    expect(prover.totals().states).toMatchObject({ inferred: 0, contradicted: 0, unprovable: 0 });
  });

  it("says nothing of a token whose first frame is yet to come, and [] of one that never comes", async () => {
    const { lines, tokens } = record(5);
    const { reader, emulator, play } = await playBack(write("tape.ndjson", lines), [tokens[0]]);
    expect(framesOf(reader)).toEqual([]);
    expect(framesOf(await subscriber(emulator, ["77" as InstrumentId]))).toEqual(["[]"]);
    await play(2);
    await reader.caughtUp();
    expect(framesOf(reader)[0]).toContain('"event_type":"book"');
  });

  it("skips and counts lines that are no frames", async () => {
    const { lines } = record(2);
    const source = await framesFileSource(write("tape.ndjson", ["{", ...lines, '{"receivedAtMicros":1}', "[]"]));
    open.push(source);
    expect(source.badLines).toBe(3);
  });

  it("is refused where it holds no frame", async () => {
    await expect(framesFileSource(write("tape.ndjson", ["nothing"]))).rejects.toThrow(/holds no frame \(1 lines/);
  });

  it("is listed in the catalog by the window that its label names", async () => {
    const { lines, tokens, slug } = record(2);
    const source = await framesFileSource(write("tape.ndjson", lines));
    open.push(source);
    const [market] = source.markets();
    expect(market).toMatchObject({ slug, closed: false, winner: null });
    expect(complementOf(market!, tokens[0])).toBe(tokens[1]);
  });
});

const TAPE = join(
  import.meta.dirname,
  "../../../../shared/data/btc-updown-5m-2026-04-16.price-change-derived.ndjson.gz",
);
const tape = (() => {
  try {
    return gunzipSync(readFileSync(TAPE)).toString().trimEnd().split("\n").slice(0, 3_000);
  } catch {
    process.stderr.write(`no recorded tape at ${TAPE}: its test is skipped\n`);
    return undefined;
  }
})();

describe.skipIf(tape === undefined)("the real tape", () => {
  it("comes out of the socket byte for byte", async () => {
    const frames = tape!.map((line) => (JSON.parse(line) as { frame: string }).frame);
    const tokens = new Set(frames.flatMap((frame) => frame.match(/(?<="asset_id":\s?")\d+/g) ?? []));
    const { reader, emulator, play } = await playBack(write("tape.ndjson", tape!), [...tokens] as InstrumentId[]);
    const times = tape!.map((line) => (JSON.parse(line) as { receivedAtMicros: number }).receivedAtMicros);
    await play((Math.max(...times) - times[0]!) / SECOND + 2);
    await emulator.finished;
    await reader.caughtUp();
    expect(framesOf(reader)).toEqual(frames);
  });
});
