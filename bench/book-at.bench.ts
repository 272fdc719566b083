import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, readSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { type ArchiveReader, openArchive, runArchive } from "#archive";
import { createSyntheticMarket } from "#emulator";
import { systemClock } from "#host";
import { openJournal } from "#journal";
import { type ConnectionId, DAY, HOUR, type InstrumentId, NO_MONOTONIC, parseTime, type UnixMicros } from "#model";
import { encodeBookDump } from "#venue";
import { alternate, type Bench, median, quantile } from "./measure.ts";

// The book of a random instrument at a random moment of a day, out of a warm archive, with its verdict; beside reading
// 4 KiB of a file and unpacking one zstd block, which no store on disk does without.

const MARKETS = 50;
const FRAMES_PER_SECOND = 8;
const STARTS_AT = (parseTime("2026-11-22T00:00:00Z") ?? 0) as UnixMicros;
const CONNECTION = "market-a-0" as ConnectionId;
const QUERIES = 2_000;
const ROUNDS = 5;

async function buildArchive(data: string): Promise<string> {
  const source = createSyntheticMarket({
    seed: 1,
    startsAt: STARTS_AT,
    markets: MARKETS,
    framesPerSecond: FRAMES_PER_SECOND,
  });
  const directory = join(data, "journal");
  const journal = await openJournal({ directory, clock: systemClock() });
  const append = (receivedAt: UnixMicros, bytes: Uint8Array) =>
    journal.append({ connection: CONNECTION, kind: "received", receivedAt, monotonicAt: NO_MONOTONIC, bytes });
  for (const { outcomes } of source.markets())
    for (const { instrument } of outcomes) {
      const answer = source.book(instrument);
      if (answer.kind === "open") append(STARTS_AT, encodeBookDump([answer.book]));
    }
  let hour = STARTS_AT;
  for (let at = source.nextAt(); at < STARTS_AT + DAY; at = source.nextAt()) {
    if (at >= hour + HOUR / 4) {
      hour = at;
      await journal.flush();
    }
    for (const item of source.step()) if (item.kind === "market") append(at, item.bytes);
  }
  await journal.close();
  const archive = join(data, "archive");
  await runArchive({ archive, journal: directory, now: systemClock().now(), all: true });
  return archive;
}

/** Milliseconds of each query. */
async function ask(
  archive: ArchiveReader,
  instruments: readonly InstrumentId[],
  chance: () => number,
): Promise<number[]> {
  const taken: number[] = [];
  for (let query = 0; query < QUERIES; query++) {
    const instrument = instruments[Math.floor(chance() * instruments.length)]!;
    const at = Math.floor(STARTS_AT + 1_000 + chance() * (DAY - HOUR / 60)) as UnixMicros;
    const begun = performance.now();
    const found = await archive.bookAt(instrument, at);
    taken.push(performance.now() - begun);
    if (found?.verdict !== "proven" && found?.verdict !== "inferred") throw new Error(`no proven book at ${at}`);
  }
  return taken;
}

function readBlocks(file: number, blocks: number, packed: number, chance: () => number): number[] {
  const bytes = Buffer.alloc(4_096);
  const taken: number[] = [];
  for (let query = 0; query < QUERIES; query++) {
    const place = Math.floor(chance() * blocks) * 4_096;
    const begun = performance.now();
    readSync(file, bytes, 0, 4_096, place);
    zstdDecompressSync(bytes.subarray(0, packed));
    taken.push(performance.now() - begun);
  }
  return taken;
}

const bench: Bench = {
  name: "book-at",
  async run() {
    const folder = mkdtempSync(join(tmpdir(), "polypunt-bench-"));
    try {
      const begun = performance.now();
      const archive = await openArchive(await buildArchive(folder));
      const built = performance.now() - begun;
      const instruments = archive.index.instruments().map(({ instrument }) => instrument);
      const packs = archive.index.packs();
      const chunks = packs.reduce((sum, pack) => sum + pack.chunks, 0);
      const messages = packs.reduce((sum, pack) => sum + pack.messages, 0);
      const bytes = packs.reduce((sum, pack) => sum + pack.bytes, 0);
      const block = blocksFile(folder);
      const chance = generator(7);
      // Warm: what the operating system and the reader keep between questions is there.
      for (let round = 0; round < 3; round++) await ask(archive, instruments, chance);
      const ours: number[][] = [];
      const compared = await alternate(
        ROUNDS,
        async () => {
          ours.push(await ask(archive, instruments, chance));
          return median(ours.at(-1)!);
        },
        () => median(readBlocks(block.file, block.count, block.packed, chance)),
      );
      closeSync(block.file);
      await archive.close();
      const p99s = ours.slice(1).map((taken) => quantile(taken, 0.99));
      const p99 = median(p99s);
      const notes = `${instruments.length} instruments, 24 h in ${packs.length} packs: ${messages.toLocaleString("en")} messages in ${chunks.toLocaleString("en")} chunks, ${bytes.toLocaleString("en")} bytes, built in ${Math.round(built / 1_000)} s`;
      const promise = "bookAt(T) with its verdict, random T over 24 h x 100 instruments, warm";
      const baseline = compared.baseline;
      return [
        {
          name: "book-at-p50",
          promise: `${promise}: p50`,
          measured: compared.measured,
          unit: "ms",
          baseline,
          ratio: compared.ratio,
          goal: "<= 0.5 ms",
          holds: compared.measured <= 0.5,
          spread: compared.spread,
          notes,
        },
        {
          name: "book-at-p99",
          promise: `${promise}: p99`,
          measured: p99,
          unit: "ms",
          baseline: null,
          ratio: null,
          goal: "<= 2 ms",
          holds: p99 <= 2,
          spread: { measured: [Math.min(...p99s), Math.max(...p99s)] },
        },
      ];
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

/** A file of 4 KiB blocks, each a zstd frame of what the packs' neighbour, the journal, is made of. */
function blocksFile(folder: string): { file: number; count: number; packed: number } {
  const journal = join(folder, "journal");
  const segment = readdirSync(journal).find((name) => name.endsWith(".journal"))!;
  let raw = readFileSync(join(journal, segment)).subarray(64, 64 + 65_536);
  let packed = zstdCompressSync(raw);
  // As much as fits into a block when packed.
  while (packed.length > 4_096) {
    raw = raw.subarray(0, Math.floor((raw.length * 4_000) / packed.length));
    packed = zstdCompressSync(raw);
  }
  const block = Buffer.alloc(4_096);
  block.set(packed);
  const count = 4_096;
  const path = join(folder, "blocks");
  writeFileSync(path, Buffer.concat(Array.from({ length: count }, () => block)));
  return { file: openSync(path, "r"), count, packed: packed.length };
}

/** Park-Miller: the same questions each time. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

export default bench;
