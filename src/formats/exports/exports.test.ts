import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { InstrumentId, PriceMicros, ReferencePrice, Side, UnixMicros } from "#model";
import { SECOND } from "#model";
import { encodeRtdsUpdate } from "#venue";
import { csvRows, exporting, lastAt, micros, rowsOf, ToldBook } from "../fixtures/exporting.ts";
import { randomRecording } from "../fixtures/random-recording.ts";
import {
  DOWN,
  moment,
  OPENS_AT,
  ScriptedRecording,
  smallRecording,
  UP,
  WINDOW,
} from "../fixtures/scripted-recording.ts";
import { exportTables, type TableExportOptions } from "./export-tables.ts";
import type { ExportAsk } from "./selection.ts";

const TOKENS = [UP, DOWN] as const;
const EVERY_SECOND = { kind: "interval", micros: SECOND } as const;

function tables(options: Partial<TableExportOptions> = {}) {
  const { every = EVERY_SECOND, depth = Number.POSITIVE_INFINITY } = options;
  return {
    format: "parquet" as const,
    whats: ["events"] as const,
    partition: [],
    gzip: false,
    ...options,
    every,
    depth,
  };
}

describe("books at moments", () => {
  it("are those of a naive reader, proven, and none within an outage", async () => {
    await fc.assert(
      fc.asyncProperty(randomRecording, async ({ recording, outages }) => {
        const base = exporting(recording);
        const result = await exportTables({ ...base, ...tables({ whats: ["books", "quotes"] }) });
        const quotes = await rowsOf(base.out, "quotes/part-0.parquet");
        const books = await rowsOf(base.out, "books/part-0.parquet");
        const end = recording.frames.at(-1)?.receivedAt ?? 0;
        let leftOut = 0;
        for (const token of TOKENS) {
          const expected: number[] = [];
          for (let at = OPENS_AT + SECOND; at <= end; at += SECOND) {
            const isDark = outages.some(([from, to]) => at > moment(from) && at < moment(to));
            if (isDark) leftOut++;
            else expected.push(at);
          }
          const own = quotes.filter((row) => row.token === token);
          expect(own.map((row) => row.sampled_at)).toEqual(expected);
          for (const row of own) {
            const at = row.sampled_at as UnixMicros;
            const { bids, asks } = lastAt(recording, token, at);
            expect(row).toMatchObject({ proof: "proven", slug: WINDOW.slug, outcome: token === UP ? "Up" : "Down" });
            expect([micros(row.best_bid), micros(row.bid_size), micros(row.best_ask), micros(row.ask_size)]).toEqual([
              bids[0]?.price ?? null,
              bids[0]?.size ?? null,
              asks[0]?.price ?? null,
              asks[0]?.size ?? null,
            ]);
            const levels = books.filter((each) => each.token === token && each.sampled_at === at);
            const side = (name: Side) => levels.filter((each) => each.side === name);
            const plain = (rows: typeof levels) =>
              rows.map((each) => ({ price: micros(each.price), size: micros(each.size) }));
            expect({ bids: plain(side("bid")), asks: plain(side("ask")) }).toEqual({ bids, asks });
            expect(side("bid").map((each) => Number(each.level))).toEqual(bids.map((_, index) => index));
            if (bids.length + asks.length === 0) expect(levels).toHaveLength(1);
          }
        }
        expect(result.manifest.samplesLeftOut).toBe(leftOut);
        expect(result.proof.contradicted).toBe(0);
      }),
      { numRuns: 40 },
    );
  });

  it("after each message: one for each state", async () => {
    const base = exporting(smallRecording());
    await exportTables({ ...base, ...tables({ whats: ["quotes"], every: { kind: "tick" } }) });
    const own = (await rowsOf(base.out, "quotes/part-0.parquet")).filter((row) => row.token === UP);
    expect(own.map((row) => [row.sampled_at, micros(row.best_bid), micros(row.best_ask), row.proof])).toEqual([
      [moment(1), 400_000, 450_000, "proven"],
      [moment(1.5), 410_000, 450_000, "proven"],
      [moment(2.3), 410_000, null, "proven"],
    ]);
  });

  it("are left out from the last good state before a contradiction to the next good one", async () => {
    const recording = smallRecording()
      .change(3.1, UP, ["bid", 30, 1])
      .change(4.2, UP, ["bid", 31, 1])
      .update(6.5, UP)
      .change(7.5, UP, ["bid", 1, 1]);
    const lost = recording.frames.findIndex(({ receivedAt }) => receivedAt === moment(3.1));
    recording.frames.splice(lost, 1);
    const base = exporting(recording, { tokens: [UP] });
    const result = await exportTables({ ...base, ...tables({ whats: ["quotes"] }) });
    const quotes = await rowsOf(base.out, "quotes/part-0.parquet");
    // From 3.1 the book lacks a level. The last state that agreed is that of 2.3, the next one that of 6.5.
    expect(quotes.map((row) => [((row.sampled_at as number) - OPENS_AT) / SECOND, row.proof])).toEqual([
      [1, "proven"],
      [2, "proven"],
      [7, "proven"],
    ]);
    expect(result.gaps).toMatchObject([{ cause: "contradiction", from: moment(2.3), to: moment(6.5) }]);
    expect(await rowsOf(base.out, "gaps.parquet")).toMatchObject([
      { cause: "contradiction", token: UP, slug: WINDOW.slug, opened_at: moment(2.3), closed_at: moment(6.5) },
    ]);
  });

  it("stop where the market does, and go on through a quiet stretch", async () => {
    const recording = smallRecording()
      .raw(20, Buffer.from("PONG"), "market-a-0")
      .raw(16 * 60, Buffer.from("PONG"), "market-a-0");
    const base = exporting(recording, { tokens: [UP] });
    await exportTables({ ...base, ...tables({ whats: ["quotes"] }) });
    const quotes = await rowsOf(base.out, "quotes/part-0.parquet");
    expect(quotes.at(-1)).toMatchObject({
      sampled_at: WINDOW.window?.endsAt,
      changed_at: moment(2.3),
      proof: "proven",
    });
    expect(quotes).toHaveLength(15 * 60);
  });
});

/** Whole books out of the rows of `events`, one after each message. */
function booksOfEvents(rows: Awaited<ReturnType<typeof rowsOf>>) {
  const told = new Map<unknown, ToldBook>();
  const states: unknown[] = [];
  for (const [index, row] of rows.entries()) {
    if (row.kind !== "book" && row.kind !== "price_change") continue;
    const book = told.get(row.token) ?? new ToldBook();
    told.set(row.token, book);
    if (row.kind === "book" && row.side === undefined) book.clear();
    else if (row.kind === "book" && row.side === null) book.clear();
    else book.set(row.side as Side, micros(row.price) ?? 0, micros(row.size) ?? 0);
    const next = rows[index + 1];
    const isLast = !next || next.seq !== row.seq || next.event !== row.event;
    if (isLast)
      states.push({ at: row.known_at, instrument: row.token, bids: book.levels("bid"), asks: book.levels("ask") });
  }
  return states;
}

describe("events", () => {
  it("hold every book and every trade of the recording", async () => {
    await fc.assert(
      fc.asyncProperty(randomRecording, async ({ recording }) => {
        const base = exporting(recording);
        await exportTables({ ...base, ...tables({ whats: ["events", "trades"] }) });
        expect(booksOfEvents(await rowsOf(base.out, "events/part-0.parquet"))).toEqual(recording.books);
        const trades = await rowsOf(base.out, "trades/part-0.parquet");
        const sent = recording.frames.filter(({ bytes }) => Buffer.from(bytes).includes('last_trade_price",')).length;
        expect(trades).toHaveLength(sent);
      }),
      { numRuns: 30 },
    );
  });

  it("lie in folders of their series, market, token and day", async () => {
    const base = exporting(smallRecording());
    await exportTables({ ...base, ...tables({ format: "csv", partition: ["series", "token", "date"] }) });
    const folder = `events/series=btc-up-or-down-15m/token=${DOWN}/date=2026-11-22`;
    expect(
      csvRows(join(base.out, folder, "part-0.csv")).map((row) => [row.kind, row.side, row.price, row.size]),
    ).toEqual([
      ["book", "", "", ""],
      ["book", "ask", "0.6", "1"],
    ]);
    // What stands in the path does not stand in the rows.
    expect(Object.keys(csvRows(join(base.out, folder, "part-0.csv"))[0] ?? {})).not.toContain("token");
    const manifest = JSON.parse(readFileSync(join(base.out, "manifest.json"), "utf8"));
    expect(manifest).toMatchObject({
      complete: true,
      rows: { events: 8 },
      proof: { proven: 4, inferred: 0, contradicted: 0, unprovable: 0 },
      instruments: [{ slug: WINDOW.slug, outcome: "Up", proof: { proven: 3 } }, { outcome: "Down" }],
    });
    expect(manifest.files.map(({ path }: { path: string }) => path)).toEqual(
      [
        `events/series=btc-up-or-down-15m/token=${UP}/date=2026-11-22/part-0.csv`,
        `${folder}/part-0.csv`,
        "gaps.csv",
      ].sort(),
    );
  });
});

describe("prices of the underlying", () => {
  const price = (symbol: string, seconds: number): ReferencePrice => ({
    kind: "reference_price",
    source: "rtds",
    provider: "chainlink",
    symbol,
    measure: "spot",
    windowSeconds: null,
    price: 66_000_123_456 as PriceMicros,
    exact: "66000.123456",
    observedAt: moment(seconds - 1),
    sentAt: moment(seconds - 0.5),
    history: false,
  });
  const recording = () =>
    ["btcusd", "ethusd"].reduce(
      (made, symbol) => made.raw(3, encodeRtdsUpdate(price(symbol, 3), "x"), "rtds-a-0"),
      smallRecording(),
    );

  it("come out with all their digits, those of the selected markets alone", async () => {
    const symbols = async (ask: Partial<ExportAsk>) => {
      const base = exporting(recording(), ask);
      await exportTables({ ...base, ...tables({ whats: ["prices"] }) });
      return rowsOf(base.out, "prices/part-0.parquet");
    };
    expect((await symbols({})).map((row) => row.symbol)).toEqual(["btcusd", "ethusd"]);
    const own = await symbols({ series: ["btc-updown-15m"] });
    expect(own).toMatchObject([
      {
        ...{ symbol: "btcusd", exact: "66000.123456", measure: "spot", provider: "chainlink", history: false },
        ...{ observed_at: moment(2), sent_at: moment(2.5), received_at: moment(3), price: 66_000.123456 },
      },
    ]);
  });
});

describe("a selection", () => {
  it.each([
    [{ tokens: [UP] }, [UP]],
    [{ slugs: [WINDOW.slug] }, [UP, DOWN]],
    [{ series: ["btc-updown-15m"] }, [UP, DOWN]],
    [{ series: ["btc-up-or-down-15m"], from: moment(1.2) }, [UP]],
  ])("of %j takes its books alone, and proves them", async (ask, tokens) => {
    const base = exporting(smallRecording(), ask);
    const result = await exportTables({ ...base, ...tables() });
    const rows = await rowsOf(base.out, "events/part-0.parquet");
    expect([...new Set(rows.map((row) => row.token))]).toEqual(tokens);
    expect(result.proof).toMatchObject({ inferred: 0, contradicted: 0, unprovable: 0 });
  });

  it.each([
    [{ tokens: ["123" as InstrumentId] }, /no market data of what was named/],
    [{ slugs: ["nope"] }, /no market of slug nope in the recording; it knows 1 markets of btc-up-or-down-15m/],
    [{ series: ["eth-updown-5m"] }, /no market of series eth-updown-5m/],
    [{ from: moment(5), to: moment(4) }, /--from lies after --to/],
    [{ from: moment(500) }, /nothing in that range; it covers 2026-11-22T18:00:00.000Z/],
  ])("of %j is refused with a word, and leaves no folder of files", async (ask, message) => {
    const base = exporting(smallRecording(), ask);
    await expect(exportTables({ ...base, ...tables() })).rejects.toThrow(message);
    expect(existsSync(base.out) ? readdirSync(base.out) : []).toEqual([]);
  });

  it("says so where a recording has no catalog, and none where it is empty", async () => {
    const bare = new ScriptedRecording().dump(1, UP, [[1, 1]], []);
    const base = exporting(bare, { slugs: ["x"] });
    await expect(exportTables({ ...base, ...tables() })).rejects.toThrow(/it has no catalog: name tokens with --token/);
    const empty = { ...exporting(bare), source: { span: null, async *read() {} } };
    await expect(exportTables({ ...empty, ...tables() })).rejects.toThrow(/the recording is empty/);
  });
});
