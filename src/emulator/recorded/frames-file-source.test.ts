import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Prover } from "#book";
import { scaledClock, systemClock } from "#host";
import type { InstrumentId, Seq, UnixMicros } from "#model";
import { complementOf, SECOND } from "#model";
import { Decoder, encodeBookDump } from "#venue";
import { connect } from "../fixtures/socket-client.ts";
import { marketAt, STARTS_AT } from "../fixtures/synthetic-venue.ts";
import { startEmulator } from "../server/emulator.ts";
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

async function playBack(path: string, tokens: readonly InstrumentId[], speed: number) {
  const source = await framesFileSource(path);
  // A head start, so that the client is there before the first frame.
  const venueAt = (source.nextAt()! - 0.3 * speed * SECOND) as UnixMicros;
  const clock = scaledClock({ venueAt, wallAt: systemClock().now(), speed });
  const emulator = await startEmulator({ source, clock });
  const reader = await connect(emulator.endpoints.marketSocket);
  open.push(emulator, reader);
  reader.send({ assets_ids: tokens, type: "market", custom_feature_enabled: true });
  return { emulator, reader, source, clock };
}

describe("a recorded file", () => {
  it("comes out of the socket byte for byte, in order, its opening dump included", async () => {
    const { lines, frames, tokens } = record(20);
    const { reader, emulator } = await playBack(write("tape.ndjson.gz", lines), tokens, 40);
    await emulator.finished;
    await reader.untilCount(frames.length, () => true);
    expect(reader.received).toEqual(frames);
  });

  it("gives who comes in the middle a rebuilt book that proves, and the rest of the frames", async () => {
    const { lines, frames, tokens } = record(40);
    const { reader, emulator } = await playBack(write("tape.ndjson", lines), tokens, 40);
    await reader.untilCount(Math.floor(frames.length / 2), () => true);
    const late = await connect(emulator.endpoints.marketSocket);
    open.push(late);
    late.send({ assets_ids: tokens, type: "market", custom_feature_enabled: true });
    await emulator.finished;
    await late.until((text) => text === frames.at(-1));
    const rest = late.received.slice(1);
    expect(rest).toEqual(frames.slice(frames.length - rest.length));
    const prover = new Prover({ search: "off" });
    const decoder = new Decoder();
    for (const [seq, text] of late.received.entries()) {
      for (const event of decoder.decode("market", Buffer.from(text))) {
        prover.apply(event, { seq: seq as Seq, receivedAt: seq as UnixMicros });
      }
    }
    prover.flush();
    expect(prover.totals().states).toMatchObject({ inferred: 0, contradicted: 0, unprovable: 0 });
  });

  it("says nothing of a token whose first frame is yet to come, and [] of one that never comes", async () => {
    const { lines, tokens } = record(5);
    const { reader, emulator } = await playBack(write("tape.ndjson", lines), [tokens[0]], 10);
    const stranger = await connect(emulator.endpoints.marketSocket);
    open.push(stranger);
    stranger.send({ assets_ids: ["77"], type: "market" });
    expect(await stranger.until(() => true)).toBe("[]");
    expect(await reader.until(() => true)).toContain('"event_type":"book"');
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
    const { reader, emulator } = await playBack(write("tape.ndjson", tape!), [...tokens] as InstrumentId[], 300);
    await emulator.finished;
    await reader.untilCount(frames.length, () => true);
    expect(reader.received).toEqual(frames);
  });
});
