import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { unzipSync } from "fflate";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { describe, expect, it } from "vitest";
import type { Gap, InstrumentId, UnixMicros } from "#model";
import { SECOND } from "#model";
import { temporaryFolder } from "../fixtures/files.ts";
import { csvTables } from "./csv-table.ts";
import { EventOrder } from "./event-order.ts";
import { ExportFolder } from "./export-folder.ts";
import { DEPTH_EVENT, EXCH, type HftEvent, LOCAL } from "./hft-events.ts";
import { npyHead, packNpz } from "./npz-file.ts";
import { parquetTables } from "./parquet-table.ts";
import { pathText } from "./partitions.ts";
import { RecordSpill } from "./record-spill.ts";
import type { Cell, Row, Table } from "./tables.ts";
import { Trust } from "./trust.ts";

const TABLE: Table = {
  name: "mixed",
  columns: [
    { name: "when", type: "time" },
    { name: "price", type: "decimal" },
    { name: "seq", type: "integer" },
    { name: "label", type: "text" },
    { name: "yes", type: "flag" },
  ],
};
const micros = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const cells = fc.tuple(
  fc.option(fc.integer({ min: 0, max: 4e15 })),
  fc.option(micros),
  fc.option(micros),
  fc.option(fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("", 'a "b", c', "x\r\ny", "x,y"))),
  fc.option(fc.boolean()),
) as fc.Arbitrary<Row>;
const rows = fc.array(cells, { maxLength: 30 });

/** RFC 4180, by the letter. */
function parseCsv(text: string): (string | null)[][] {
  const lines: (string | null)[][] = [[]];
  const cell = /("(?:[^"]|"")*"|[^,\r\n]*)(,|\r?\n|$)/gy;
  for (let match = cell.exec(text); match && match.index < text.length; match = cell.exec(text)) {
    const raw = match[1] as string;
    lines.at(-1)?.push(raw === "" ? null : raw.startsWith('"') ? raw.slice(1, -1).replaceAll('""', '"') : raw);
    if (match[2] !== ",") lines.push([]);
  }
  return lines.slice(0, -1);
}

describe("a table", () => {
  it("comes back from Parquet as it went in, through several row groups", async () => {
    await fc.assert(
      fc.asyncProperty(rows, rows, async (first, second) => {
        const path = join(temporaryFolder(), "t.parquet");
        const writer = parquetTables(TABLE, { version: "test" })(path);
        for (const row of first) writer.add(row);
        await writer.flush();
        for (const row of second) writer.add(row);
        await writer.close();
        const read = await parquetReadObjects({
          file: await asyncBufferFromFile(path),
          compressors,
          parsers: { timestampFromMicroseconds: (value: bigint) => Number(value) },
        });
        const asInMicros = read.map((row) => [
          row.when ?? null,
          row.price === null || row.price === undefined ? null : Math.round(row.price * 1e6),
          row.seq === null || row.seq === undefined ? null : Number(row.seq),
          row.label ?? null,
          row.yes ?? null,
        ]);
        // The reader gives decimals as doubles: what a double holds is compared; Python's readers give them exactly.
        const plain = (cells: Row): Cell[] =>
          cells.map((cell, index) => (index === 1 && cell !== null ? Math.round((Number(cell) / 1e6) * 1e6) : cell));
        expect(asInMicros).toEqual([...first, ...second].map(plain));
        expect(writer.rows).toBe(first.length + second.length);
      }),
      { numRuns: 60 },
    );
  });

  it("comes back from CSV as it went in, packed or not", async () => {
    await fc.assert(
      fc.asyncProperty(rows, fc.boolean(), async (given, gzip) => {
        const path = join(temporaryFolder(), "t.csv");
        const writer = csvTables(TABLE, { lineEnd: "\r\n", times: "micros", gzip })(path);
        for (const [index, row] of given.entries()) {
          writer.add(row);
          if (index % 7 === 0) await writer.flush();
        }
        await writer.close();
        const bytes = readFileSync(path);
        const [head, ...lines] = parseCsv((gzip ? gunzipSync(bytes) : bytes).toString());
        expect(head).toEqual(TABLE.columns.map(({ name }) => name));
        const text = ([when, price, seq, label, yes]: Row): (string | null)[] => [
          when === null ? null : String(when),
          price === null ? null : String(BigInt(price as number)),
          seq === null ? null : String(seq),
          label as string | null,
          yes === null ? null : String(yes),
        ];
        const inMicros = (line: (string | null)[]): (string | null)[] =>
          line.map((cell, index) => (index === 1 && cell !== null ? unscaled(cell) : cell));
        // A lone surrogate is no text that UTF-8 can hold.
        const asUtf8 = (cells: (string | null)[]) => cells.map((cell) => cell && Buffer.from(cell).toString());
        expect(lines.map(inMicros)).toEqual(given.map(text).map(asUtf8));
      }),
      { numRuns: 100 },
    );
  });
});

function unscaled(decimal: string): string {
  const [whole = "", fraction = ""] = decimal.split(".");
  return String(BigInt(whole + fraction.padEnd(6, "0")));
}

describe("the order of hftbacktest's events", () => {
  const events = fc.array(
    fc.record({ exchange: fc.integer({ min: 0, max: 30 }), local: fc.integer({ min: 0, max: 30 }) }),
    { maxLength: 60 },
  );
  const eventOf = (exchAt: number, localAt: number, price: number): HftEvent => ({
    event: DEPTH_EVENT,
    exchAt: exchAt as UnixMicros,
    localAt: localAt as UnixMicros,
    price,
    quantity: 1,
  });

  it("plays every event once to each clock, each in the order of a plain stable sort", () => {
    fc.assert(
      fc.property(events, (given) => {
        const sorted = given.map(({ local }) => local).sort((a, b) => a - b);
        const input = given.map(({ exchange }, index) => eventOf(exchange, sorted[index] as number, index));
        const out: { event: HftEvent; flags: number }[] = [];
        const order = new EventOrder((event, flags) => out.push({ event, flags }));
        for (const event of input) order.push(event);
        order.flush();
        const seenBy = (flag: number) =>
          out.filter(({ flags }) => (flags >>> 0) / flag >= 1 && Math.floor(flags / flag) % 2 === 1);
        expect(seenBy(LOCAL).map(({ event }) => event.price)).toEqual(input.map(({ price }) => price));
        expect(seenBy(EXCH).map(({ event }) => event.price)).toEqual(
          input.toSorted((a, b) => a.exchAt - b.exchAt).map(({ price }) => price),
        );
        expect(order.raised).toBe(0);
        if (input.every(({ exchAt }, index) => index === 0 || exchAt >= (input[index - 1]?.exchAt ?? 0)))
          expect(out.every(({ flags }) => flags === EXCH + LOCAL)).toBe(true);
      }),
    );
  });

  it("raises what comes too late for its place, and counts it", () => {
    const out: { event: HftEvent; flags: number }[] = [];
    const order = new EventOrder((event, flags) => out.push({ event, flags }));
    for (const at of [1, 20, 40]) order.push(eventOf(at * SECOND, at * SECOND, at));
    order.push(eventOf(0, 41 * SECOND, 41));
    order.push(eventOf(60 * SECOND, 50 * SECOND, 50));
    order.push(eventOf(60 * SECOND, 49 * SECOND, 49));
    order.flush();
    expect(order.raised).toBe(2);
    const exchange = out.filter(({ flags }) => flags !== LOCAL).map(({ event }) => event.exchAt / SECOND);
    const local = out.filter(({ flags }) => flags !== EXCH).map(({ event }) => event.localAt / SECOND);
    expect(exchange).toEqual([1, 20, 20, 40, 60, 60]);
    expect(local).toEqual([1, 20, 40, 41, 50, 50]);
  });
});

describe("an npz file", () => {
  it("is a zip of one npy file whose records come back, local times shifted", async () => {
    const folder = temporaryFolder();
    const spill = new RecordSpill(join(folder, "records"));
    const at = 1_776_323_404_776_089;
    for (let index = 0; index < 20_000; index++) {
      const event = {
        event: DEPTH_EVENT,
        exchAt: at as UnixMicros,
        localAt: (at + index) as UnixMicros,
        price: 0.48,
        quantity: index,
      };
      spill.add(event, EXCH + LOCAL);
      if (spill.isFull) await spill.flush();
    }
    await spill.flush();
    const path = join(folder, "a.npz");
    expect(await packNpz(spill.path, path, 5_000n)).toBe(20_000);
    const { "data.npy": npy } = unzipSync(readFileSync(path));
    const head = npyHead(20_000);
    expect(head.length % 64).toBe(0);
    expect(Buffer.from((npy as Uint8Array).subarray(0, head.length))).toEqual(Buffer.from(head));
    expect(Buffer.from(head).toString("latin1")).toContain("'shape': (20000,)");
    const view = new DataView((npy as Uint8Array).buffer, (npy as Uint8Array).byteOffset + head.length);
    for (const index of [0, 1, 4_095, 4_096, 16_384, 19_999]) {
      expect(view.getBigUint64(index * 64, true)).toBe(0xc0000001n);
      expect(view.getBigInt64(index * 64 + 8, true)).toBe(BigInt(at) * 1_000n);
      expect(view.getBigInt64(index * 64 + 16, true)).toBe(BigInt(at + index + 5) * 1_000n);
      expect(view.getFloat64(index * 64 + 24, true)).toBe(0.48);
      expect(view.getFloat64(index * 64 + 32, true)).toBe(index);
    }
  });

  it("is the same byte for byte when it is made again", async () => {
    const folder = temporaryFolder();
    const spill = new RecordSpill(join(folder, "records"));
    spill.add({ event: 1, exchAt: 1 as UnixMicros, localAt: 2 as UnixMicros, price: 1, quantity: 1 }, EXCH);
    await spill.flush();
    for (const name of ["a", "b"]) await packNpz(spill.path, join(folder, name), 0n);
    expect(readFileSync(join(folder, "a"))).toEqual(readFileSync(join(folder, "b")));
  });
});

describe("an export's folder", () => {
  it("is refused where something lies in it, and replaced only where that is an export and --force says so", async () => {
    const folder = temporaryFolder();
    const first = await ExportFolder.create(folder, false);
    writeFileSync(first.path("events.ndjson"), "x");
    first.wrote("events.ndjson", 1);
    await first.finish({ version: "test" });
    expect(JSON.parse(readFileSync(first.path("manifest.json"), "utf8"))).toMatchObject({
      tool: "polypunt",
      complete: true,
      files: [{ path: "events.ndjson", rows: 1, bytes: 1 }],
    });
    await expect(ExportFolder.create(folder, false)).rejects.toThrow(/is not empty.*--force/);
    writeFileSync(first.path("notes.txt"), "mine");
    const second = await ExportFolder.create(folder, true);
    expect(readFileSync(second.path("notes.txt"), "utf8")).toBe("mine");
    expect(() => readFileSync(second.path("events.ndjson"))).toThrow();
    expect(JSON.parse(readFileSync(second.path("manifest.json"), "utf8"))).toMatchObject({ complete: false });
    const other = temporaryFolder();
    writeFileSync(join(other, "thesis.csv"), "1");
    await expect(ExportFolder.create(other, true)).rejects.toThrow(/holds no export of ours/);
    await expect(ExportFolder.create(join(other, "thesis.csv"), true)).rejects.toThrow(/is a file/);
  });
});

describe("Trust", () => {
  const [A, B] = ["1", "2"] as [InstrumentId, InstrumentId];
  const gap = (more: Partial<Gap>): Gap => ({
    id: "g",
    cause: "disconnect",
    instruments: [A],
    connection: null,
    from: 10 as UnixMicros,
    to: 20 as UnixMicros,
    fromSeq: null,
    toSeq: null,
    evidence: "",
    ...more,
  });
  const at = (trust: Trust, instrument: InstrumentId): number[] =>
    [9, 10, 11, 19, 20, 21].filter((time) => !trust.at(instrument, time as UnixMicros));

  it("is gone between the last good frame and the first good one, for the gap's books", () => {
    expect(at(new Trust([gap({})]), A)).toEqual([11, 19]);
    expect(at(new Trust([gap({})]), B)).toEqual([]);
    expect(at(new Trust([gap({ instruments: [] })]), B)).toEqual([11, 19]);
    expect(at(new Trust([gap({ to: null })]), A)).toEqual([11, 19, 20, 21]);
    expect(at(new Trust([gap({ cause: "contradiction" })]), A)).toEqual([]);
  });

  it("is gone after a cut until a whole book comes", () => {
    const trust = new Trust([]);
    trust.cut(A, 15 as UnixMicros);
    expect(at(trust, A)).toEqual([19, 20, 21]);
    expect(trust.lostWithin(A, 10 as UnixMicros, 20 as UnixMicros)).toBe(15);
    trust.heal(A);
    expect(at(trust, A)).toEqual([]);
    expect(trust.lostWithin(A, 10 as UnixMicros, 20 as UnixMicros)).toBeNull();
  });

  it("says where it was lost between two messages", () => {
    const trust = new Trust([gap({})]);
    expect(trust.lostWithin(A, 10 as UnixMicros, 20 as UnixMicros)).toBe(10);
    expect(trust.lostWithin(A, 11 as UnixMicros, 30 as UnixMicros)).toBeNull();
  });
});

describe("pathText", () => {
  it("keeps names and writes what a path would take apart as codes", () => {
    expect(pathText("btc-updown-15m_1.x")).toBe("btc-updown-15m_1.x");
    expect(pathText("a/b=ü *")).toBe("a%2Fb%3D%C3%BC%20%2a");
  });
});
