import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { measureSync, readDiskSpace } from "./disk.ts";

it("reads how much of the disk is free", async () => {
  const space = await readDiskSpace(tmpdir());
  expect(space.freeBytes).toBeGreaterThan(0);
  expect(space.totalBytes).toBeGreaterThanOrEqual(space.freeBytes);
});

it("measures a durable append and leaves nothing behind", async () => {
  const folder = await mkdtemp(join(tmpdir(), "polypunt-disk-"));
  try {
    const latency = await measureSync(folder, 5);
    expect(latency.medianMicros).toBeGreaterThan(0);
    expect(latency.worstMicros).toBeGreaterThanOrEqual(latency.medianMicros);
    expect(await readdir(folder)).toEqual([]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
