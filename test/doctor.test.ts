import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { startEmulator, syntheticSource } from "#emulator";
import { scaledClock, systemClock } from "#host";
import { parseTime, type UnixMicros } from "#model";
import { formatVenueConfig } from "#venue";
import { runCli, temporaryFolder } from "./fixtures/run-cli.ts";

const AT = parseTime("2026-11-02T14:05:00Z") as UnixMicros;

interface Check {
  readonly name: string;
  readonly status: string;
  readonly detail: string;
}

describe("doctor", () => {
  it("finds all well with a venue that speaks as expected, down to the digest of a live book", async () => {
    const folder = temporaryFolder();
    const anchor = { venueAt: AT, wallAt: systemClock().now(), speed: 1 };
    const source = syntheticSource({ seed: 3, startsAt: AT, series: ["btc-updown-15m"] });
    const emulator = await startEmulator({ source, clock: scaledClock(anchor) });
    onTestFinished(() => emulator.close());
    const config = join(folder, "venue.json");
    writeFileSync(config, formatVenueConfig({ ...emulator.config(), clock: anchor }));
    const result = await runCli("doctor", "--venue-config", config, "--data", folder, "--json");
    const checks = JSON.parse(result.stdout) as Check[];
    expect(checks.filter((check) => check.status === "failed")).toEqual([]);
    const of = (name: string) => checks.find((check) => check.name === name);
    expect(of("book and digest")).toMatchObject({ status: "ok" });
    expect(of("venue clock")).toMatchObject({ status: "ok" });
    expect(of("market socket")).toMatchObject({ status: "ok" });
    expect(result.code).toBe(0);
  });

  it("says what failed and what to do, and ends with 1, where the venue cannot be reached", async () => {
    const folder = temporaryFolder();
    const config = join(folder, "venue.json");
    // Port 9 is "discard": nothing listens there.
    const nowhere = "127.0.0.1:9";
    const endpoints = {
      marketSocket: `ws://${nowhere}`,
      polyboltSocket: null,
      rtdsSocket: null,
      binanceSocket: null,
      gamma: `http://${nowhere}`,
      clob: `http://${nowhere}`,
      cryptoPrice: null,
    };
    writeFileSync(config, JSON.stringify({ endpoints }));
    const result = await runCli("doctor", "--venue-config", config, "--data", folder);
    expect(result.code).toBe(1);
    expect(result.stdout).toMatch(/FAILED\s+market socket: .*ECONNREFUSED/);
    expect(result.stdout).toContain("check the network");
  });
});
