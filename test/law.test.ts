import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { describe, expect, it } from "vitest";

// The law of the house (ARCHITECTURE.md). What biome can say, biome.json says: function length, `any`, unused code.

const ROOT = join(import.meta.dirname, "..");
const SRC = join(ROOT, "src");

/** Room -> rooms it may import. A room that is not in this table may not exist. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  model: [],
  book: ["model"],
  host: ["model"],
  venue: ["model", "host"],
  journal: ["model", "host"],
  timeline: ["model", "venue"],
  archive: ["model", "book", "venue", "timeline", "journal", "host"],
  capture: ["model", "book", "venue", "journal", "host"],
  replay: ["model", "book", "venue", "timeline", "journal", "archive", "host"],
  formats: ["model", "book", "venue", "timeline", "replay", "host"],
  sim: ["model", "book"],
  emulator: ["model", "book", "venue", "timeline", "replay", "sim", "host"],
  cli: [
    "model",
    "book",
    "host",
    "venue",
    "journal",
    "timeline",
    "archive",
    "capture",
    "replay",
    "formats",
    "sim",
    "emulator",
  ],
};

/** The library's door stands in no room, and opens only what these rooms give out. */
const LIBRARY = "index.ts";
MAY_IMPORT[LIBRARY] = ["model", "book", "replay"];

const MAX_FILE_LINES = 400;
const MAX_DOOR_LINES = 20;
const CONTAINERS = /(^|[/.-])(utils?|helpers?|common|misc|manager|base)([/.-]|$)/;

interface Source {
  readonly path: string;
  readonly room: string;
  readonly text: string;
}

function sourcesUnder(folder: string): Source[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map((entry) => {
      const path = relative(ROOT, join(entry.parentPath, entry.name)).split(sep).join("/");
      return { path, room: path.split("/")[1] ?? "", text: readFileSync(join(ROOT, path), "utf8") };
    });
}

const sources = sourcesUnder(SRC);
const production = sources.filter((source) => !source.path.endsWith(".test.ts"));

function roomsThere(): string[] {
  return readdirSync(SRC, { withFileTypes: true })
    .filter((entry) => entry.name !== LIBRARY)
    .map((entry) => entry.name);
}

function importsOf(text: string): string[] {
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1] ?? "");
}

/** Code without comments, so that a comment may name what code may not use. */
function codeOf(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|[^:"'`])\/\/.*$/gm, "$1");
}

describe("rooms", () => {
  it("are the ones in the table", () => {
    for (const room of roomsThere()) expect(Object.keys(MAY_IMPORT)).toContain(room);
  });

  it.each(sources)("$path imports only the rooms it may, and only by their doors", ({ room, text, path }) => {
    for (const target of importsOf(text)) {
      if (target.startsWith("#")) {
        const reached = target.slice(1);
        expect([...(MAY_IMPORT[room] ?? []), ...(path.endsWith(".test.ts") ? [room] : [])]).toContain(reached);
      }
      if (target.startsWith(".")) {
        const resolved = relative(ROOT, join(ROOT, path, "..", target))
          .split(sep)
          .join("/");
        expect(resolved.startsWith(`src/${room}/`), `${path} reaches outside its room: ${target}`).toBe(true);
      }
    }
  });

  it.each([
    ...roomsThere()
      .filter((room) => room !== "cli")
      .map((room) => `${room}/index.ts`),
    LIBRARY,
  ])("%s is a small door that says what it is for", (door) => {
    const text = readFileSync(join(SRC, door), "utf8");
    expect(text.trimEnd().split("\n").length).toBeLessThanOrEqual(MAX_DOOR_LINES);
    expect(text.startsWith("// ")).toBe(true);
    expect(
      codeOf(text)
        .replace(/export [^;]*;/g, "")
        .trim(),
      "a door only exports",
    ).toBe("");
  });
});

describe("files", () => {
  const all = [
    ...sources,
    ...["test", "bench", "examples"].flatMap((folder) => sourcesUnderIfThere(join(ROOT, folder))),
  ];

  it.each(all)("$path is short enough to live in", ({ text, path }) => {
    expect(text.split("\n").length).toBeLessThanOrEqual(MAX_FILE_LINES);
    expect(path).not.toMatch(CONTAINERS);
  });
});

function sourcesUnderIfThere(folder: string): Source[] {
  try {
    return sourcesUnder(folder);
  } catch {
    return [];
  }
}

describe("code", () => {
  it.each(production.filter((source) => source.room !== "host"))(
    "$path takes clock, chance and environment from outside",
    ({ text }) => {
      const code = codeOf(text);
      expect(code).not.toMatch(/\bDate\.now\b|\bnew Date\(\)|\bprocess\.env\b|\bMath\.random\b|\bperformance\.now\b/);
    },
  );

  it.each(production)("$path has no any, no enum and no silenced compiler", ({ text }) => {
    expect(codeOf(text)).not.toMatch(/\bas any\b|: any\b|<any>|\benum\s+\w+\s*\{/);
    expect(text).not.toMatch(/@ts-ignore|@ts-nocheck|@ts-expect-error/);
  });
});
