import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ConnectionId } from "#model";
import { collect, inWords, temporaryFile } from "../fixtures/files.ts";
import { byteLines } from "./byte-lines.ts";
import { readFrames } from "./frames-file.ts";
import { type JsonlMapping, readJsonl } from "./jsonl.ts";
import { openPlainBytes } from "./plain-bytes.ts";
import { LONGEST_LINE } from "./reading.ts";
import { sniffFormat } from "./sniff.ts";
import { readTardis } from "./tardis.ts";

const CONNECTION = "c" as ConnectionId;

async function* chunksOf(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

async function textOf(path: string): Promise<string> {
  return Buffer.concat(await collect((await openPlainBytes(path)).bytes)).toString();
}

describe("byteLines", () => {
  it("gives the lines of any text in chunks of any length, and loses no byte of a long one", async () => {
    const text = fc.array(fc.constantFrom("", "a", "bc", "defgh", "ü☃", "ijklmnopqrst"), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(
        text,
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 12 }),
        async (lines, size, longest) => {
          const bytes = Buffer.from(lines.join("\n"));
          const got = await collect(byteLines(chunksOf(bytes, size), longest));
          for (const each of got) expect(each.bytes.length).toBeLessThanOrEqual(longest);
          const joined: string[] = [];
          const parts = new Map<number, Buffer[]>();
          for (const { number, bytes: part } of got)
            parts.set(number, [...(parts.get(number) ?? []), Buffer.from(part)]);
          for (const [number, pieces] of parts) joined[number - 1] = Buffer.concat(pieces).toString();
          const last = lines.at(-1) === "" || lines.length === 0 ? lines.slice(0, -1) : lines;
          expect(joined).toEqual(last);
        },
      ),
    );
  });
});

describe("plain bytes", () => {
  const parts = ["first\n", "second, longer\n".repeat(50_000), "third\n"];

  it("unpacks gzip and zstd of several members, whatever the name says", async () => {
    for (const pack of [gzipSync, zstdCompressSync]) {
      const path = temporaryFile("named.txt", Buffer.concat(parts.map((part) => pack(Buffer.from(part)))));
      expect(await textOf(path)).toBe(parts.join(""));
    }
    expect(await textOf(temporaryFile("plain.gz", parts.join("")))).toBe(parts.join(""));
    expect(await textOf(temporaryFile("empty", ""))).toBe("");
  });

  it.each([
    ["gzip", gzipSync],
    ["zstd", zstdCompressSync],
  ] as const)("gives what came before a cut in %s, then throws", async (_, pack) => {
    const packed = pack(Buffer.from(parts[1] as string));
    const path = temporaryFile(
      "cut",
      Buffer.concat([pack(Buffer.from("whole\n")), packed.subarray(0, packed.length - 6)]),
    );
    let text = "";
    await expect(
      (async () => {
        for await (const part of (await openPlainBytes(path)).bytes) text += Buffer.from(part).toString();
      })(),
    ).rejects.toThrow();
    expect(text.startsWith("whole\n")).toBe(true);
  });

  it.each([
    ["gzip", gzipSync],
    ["zstd", zstdCompressSync],
  ] as const)("stops at a bomb in %s", async (_, pack) => {
    const path = temporaryFile("bomb", pack(Buffer.alloc(256 * 1024 * 1024)));
    let most = 0;
    await expect(
      (async () => {
        for await (const part of (await openPlainBytes(path)).bytes) most += part.length;
      })(),
    ).rejects.toThrow(/grows more than 400-fold/);
    expect(most).toBeLessThan(80 * 1024 * 1024);
  });
});

describe("a frames file", () => {
  it("keeps a line without an end in pieces that a journal takes", async () => {
    const long = Buffer.alloc(LONGEST_LINE + 1_000, "x");
    const path = temporaryFile(
      "long.ndjson",
      Buffer.concat([
        Buffer.from('{"receivedAtMicros":5,"connection":"c","frame":"a"}\n'),
        long,
        Buffer.from('\n{"receivedAtMicros":6,"connection":"c","frame":"b"}\n'),
      ]),
    );
    const readings = await collect(readFrames(path));
    expect(readings[0]?.frame.receivedAt).toBe(5);
    expect(readings.at(-1)).toMatchObject({ number: 3, problem: null, frame: { receivedAt: 6 } });
    const kept = readings.slice(1, -1);
    expect(kept.every(({ number, problem, frame }) => number === 2 && problem !== null && frame.receivedAt === 5)).toBe(
      true,
    );
    expect(Math.max(...kept.map(({ frame }) => frame.bytes.length))).toBeLessThanOrEqual(16 * 1024 * 1024);
    expect(kept.reduce((sum, { frame }) => sum + frame.bytes.length, 0)).toBe(long.length);
  });
});

describe("tardis", () => {
  const read = async (text: string): Promise<string[]> =>
    (await collect(readTardis(temporaryFile("slice.ndjson", text), { connection: CONNECTION }))).map(inWords);

  it("takes the time of arrival to the microsecond and the message's bytes as they stand", async () => {
    const text = '2026-06-01T00:03:03.1238789Z {"a": 1,  "b":"ü"}\n2026-06-01T00:03:04.0000000Z []\n';
    expect(await read(text)).toEqual(['received 1780272183123878 {"a": 1,  "b":"ü"}', "received 1780272184000000 []"]);
  });

  it("makes of empty lines a closed and an opened connection, and a gap of the books it carried", async () => {
    const book = '{"event_type":"book", "market":"0x1","asset_id":"77","timestamp":"1","hash":"","bids":[],"asks":[]}';
    const readings = await read(`\n2026-06-01T00:00:01.0000000Z ${book}\n\n\n2026-06-01T00:00:09.0000000Z x\n\n`);
    expect(readings.map((each) => each.split(" ").slice(0, 2).join(" "))).toEqual([
      "received 1780272001000000",
      "closed 1780272001000000",
      "gap 1780272001000000",
      "opened 1780272009000000",
      "gap 1780272009000000",
      "received 1780272009000000",
      "closed 1780272009000000",
      "gap 1780272009000000",
    ]);
    expect(readings[2]).toContain('"phase":"opened"');
    expect(readings[4]).toContain('"instruments":["77"]');
    expect(readings[4]).toContain('"to":1780272009000000');
  });

  it("keeps bad lines raw, with their number", async () => {
    expect(
      await read("2026-06-01T00:00:01.0000000Z a\nnonsense\n1780272001 b\n2026-06-01T00:00:02.0000000Z \n"),
    ).toEqual([
      "received 1780272001000000 a",
      "2: no time of arrival before the message: nonsense",
      "3: 1780272001 is no time of arrival: 1780272001 b",
      "4: no message behind the time of arrival: 2026-06-01T00:00:02.0000000Z ",
    ]);
  });
});

describe("jsonl", () => {
  const mapping: JsonlMapping = {
    receivedAt: "recv",
    payload: "payload",
    connectionField: null,
    connection: CONNECTION,
    unit: "auto",
  };
  const read = async (lines: readonly unknown[], more: Partial<JsonlMapping> = {}): Promise<string[]> => {
    const text = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n");
    return (await collect(readJsonl(temporaryFile("in.jsonl", text), { ...mapping, ...more }))).map(inWords);
  };

  it("reads times of every unit", async () => {
    const times = [
      1776323404.776089,
      1776323404776.089,
      1776323404776089,
      1776323404776089000,
      "2026-04-16T07:10:04.776089Z",
      "1776323404.776089",
    ];
    expect(await read(times.map((recv) => ({ recv, payload: "x" })))).toEqual(
      times.map(() => "received 1776323404776089 x"),
    );
    expect(await read([{ recv: 7, payload: "x" }], { unit: "ms" })).toEqual(["received 7000 x"]);
    expect(await read([{ recv: 7, payload: "x" }], { unit: "iso" })).toEqual([
      '1: recv is 7, no time: {"recv":7,"payload":"x"}',
    ]);
  });

  it("keeps text as it stands and spells objects as the venue does", async () => {
    const update = { market: "0x1", price_changes: [{ price: "0.5" }, { price: "0.6" }] };
    expect(
      await read([
        { recv: 1e15, payload: '{ "odd" :  1}' },
        { recv: 1e15, payload: update },
        { recv: 1e15, payload: [{ a: 1, b: 2 }] },
      ]),
    ).toEqual([
      'received 1000000000000000 { "odd" :  1}',
      'received 1000000000000000 {"market":"0x1", "price_changes":[{"price":"0.5"}, {"price":"0.6"}]}',
      'received 1000000000000000 [{"a":1,"b":2}]\n',
    ]);
  });

  it("finds nested members, takes labels from a member and whole lines, and keeps what does not fit", async () => {
    const nested = { meta: { at: 1e15, from: "rtds-a-0" }, body: "m" };
    const [reading] = await collect(
      readJsonl(temporaryFile("in.jsonl", JSON.stringify(nested)), {
        ...mapping,
        receivedAt: "meta.at",
        payload: "body",
        connectionField: "meta.from",
      }),
    );
    expect(reading).toMatchObject({ problem: null, frame: { connection: "rtds-a-0", receivedAt: 1e15 } });
    expect(await read(['{"timestamp":"1776323404776", "x":1}'], { receivedAt: "timestamp", payload: "." })).toEqual([
      'received 1776323404776000 {"timestamp":"1776323404776", "x":1}',
    ]);
    expect(await read(["{", { recv: 1e15 }, { payload: "x" }, "[1]"])).toEqual([
      "1: no JSON: {",
      '2: payload is missing, no message: {"recv":1000000000000000}',
      '3: recv is missing, no time: {"payload":"x"}',
      "4: recv is missing, no time: [1]",
    ]);
  });
});

describe("sniffFormat", () => {
  it.each([
    ['{"receivedAtMicros":1,"connection":"c","frame":""}', "frames"],
    ["2026-06-01T00:00:01.0000000Z {}", "tardis"],
    ['\n\n{"recv":1}', "jsonl"],
    ["PAR1....", "pmxt"],
    ["what is this", undefined],
    ["", undefined],
  ] as const)("tells %j as %s, packed or not", async (text, format) => {
    expect(await sniffFormat(temporaryFile("a", text))).toBe(format);
    if (format !== "pmxt")
      expect(await sniffFormat(temporaryFile("b", zstdCompressSync(Buffer.from(text))))).toBe(format);
  });
});
