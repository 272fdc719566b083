import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runCli, temporaryFolder } from "./fixtures/run-cli.ts";

describe("demo", () => {
  it("records a synthetic window offline and proves it, and the book of its middle can be asked for", async () => {
    const data = join(temporaryFolder(), "demo");
    const run = await runCli("demo", "--speed", "120", "--windows", "1", "--data", data, "--json");
    expect(run.code).toBe(0);
    const report = JSON.parse(run.stdout);
    expect(report.states).toMatchObject({ contradicted: 0 });
    expect(report.states.proven).toBeGreaterThan(1_000);
    expect(report.merged).toBeLessThan(report.frames);
    const shown = report.instruments.find((each: { slug: string }) => each.slug === "btc-updown-15m-1793628000");
    const at = "2026-11-02T14:07:30Z";
    const book = await runCli("book", "--data", data, "--token", shown.instrument, "--at", at, "--json");
    expect(JSON.parse(book.stdout)).toMatchObject({ slug: "btc-updown-15m-1793628000", proof: "proven" });
    const foreign = temporaryFolder();
    expect((await runCli("demo", "--data", foreign)).stderr).toContain("was not made by a demo");
  });
});
