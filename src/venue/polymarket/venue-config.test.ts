import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseTime, type UnixMicros } from "#model";
import { CredentialsError, credentialMask, credentialsFrom } from "./credentials.ts";
import { PRODUCTION_ENDPOINTS } from "./endpoints.ts";
import { formatVenueConfig, parseVenueConfig, readVenueConfig, VenueConfigError } from "./venue-config.ts";

const KEY = { apiKey: "8f6c-key", secret: 's3"cret', passphrase: "pass phrase" };

function errorOf(text: string): string {
  try {
    parseVenueConfig(text);
  } catch (error) {
    if (error instanceof VenueConfigError) return error.message;
  }
  throw new Error("was accepted");
}

describe("a venue configuration", () => {
  it("is the venue's own where it names nothing, and an override replaces one endpoint alone", () => {
    expect(parseVenueConfig("{}").endpoints).toEqual(PRODUCTION_ENDPOINTS);
    const config = parseVenueConfig('{"endpoints":{"gamma":"http://127.0.0.1:9/gamma/","rtdsSocket":null}}');
    expect(config.endpoints).toEqual({ ...PRODUCTION_ENDPOINTS, gamma: "http://127.0.0.1:9/gamma", rtdsSocket: null });
  });

  it("says in one line what to do about a mistake", () => {
    expect(errorOf('{"endpoints":{"gama":"http://x"}}')).toMatch(/^.*endpoints: remove gama; known are .*gamma.*$/);
    expect(errorOf('{"endpoints":{"clob":"clob.polymarket.com"}}')).toMatch(
      /endpoints\.clob: .*http:\/\/ or https:\/\//,
    );
    expect(errorOf('{"clock":{"venueAt":1,"wallAt":"soon","speed":1}}')).toMatch(/clock\.wallAt: must be a time/);
    expect(errorOf("[1,")).toMatch(/no JSON/);
  });

  it("reads back what it formats, with the clock of an emulator", () => {
    const config = {
      endpoints: { ...PRODUCTION_ENDPOINTS, binanceSocket: null },
      credentials: KEY,
      clock: {
        venueAt: parseTime("2026-04-16T07:10:04.776089Z") as UnixMicros,
        wallAt: parseTime("2026-11-22T10:00:00Z") as UnixMicros,
        speed: 60,
      },
    };
    expect(parseVenueConfig(formatVenueConfig(config))).toEqual(config);
  });

  it("comes from a file, with credentials of the environment where the file has none", async () => {
    const folder = await mkdtemp(join(tmpdir(), "polypunt-config-"));
    try {
      const path = join(folder, "venue.json");
      await writeFile(path, '{"endpoints":{"clob":"http://127.0.0.1:1"}}');
      const environment: Record<string, string> = {
        POLYPUNT_POLY_API_KEY: "k",
        POLYPUNT_POLY_SECRET: "s",
        POLYPUNT_POLY_PASSPHRASE: "p",
      };
      const config = await readVenueConfig(path, (name) => environment[name]);
      expect(config.endpoints.clob).toBe("http://127.0.0.1:1");
      expect(config.credentials).toEqual({ apiKey: "k", secret: "s", passphrase: "p" });
      expect((await readVenueConfig(undefined, () => undefined)).credentials).toBeUndefined();
      await expect(readVenueConfig(join(folder, "none.json"))).rejects.toBeInstanceOf(VenueConfigError);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe("credentials", () => {
  it("are all or nothing", () => {
    expect(credentialsFrom(() => undefined)).toBeUndefined();
    const half = (name: string) => (name === "POLYPUNT_POLY_API_KEY" ? "hidden-key" : undefined);
    expect(() => credentialsFrom(half)).toThrow(CredentialsError);
    expect(() => credentialsFrom(half)).toThrow(/set POLYPUNT_POLY_SECRET and POLYPUNT_POLY_PASSPHRASE too/);
  });

  it("are masked in whatever is logged or journaled, also inside JSON", () => {
    const sent = JSON.stringify({ op: "auth", rid: "a1", auth: KEY });
    const masked = credentialMask(KEY)(`${sent} ${KEY.secret}`);
    for (const part of [...Object.values(KEY), 's3\\"cret']) expect(masked).not.toContain(part);
    expect(masked).toContain('"op":"auth"');
    expect(credentialMask(undefined)("text")).toBe("text");
  });

  it("are not quoted by the error about a broken file", () => {
    expect(errorOf('{"credentials":{"apiKey":"tops3cret",}}')).not.toContain("tops3cret");
    expect(errorOf('{"credentials":{"apiKey":"tops3cret","secret":5,"passphrase":"x"}}')).not.toContain("tops3cret");
  });
});
