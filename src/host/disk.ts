import { mkdtemp, open, rm, statfs } from "node:fs/promises";
import { join } from "node:path";

export interface DiskSpace {
  /** What this user may still write, in bytes. */
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** @throws the system's error where `path` does not exist. */
export async function readDiskSpace(path: string): Promise<DiskSpace> {
  const figures = await statfs(path);
  return { freeBytes: figures.bavail * figures.bsize, totalBytes: figures.blocks * figures.bsize };
}

export interface SyncLatency {
  readonly medianMicros: number;
  readonly worstMicros: number;
}

const PROBE_BYTES = 4_096;

/**
 * Measures how long one small append takes to be durable in `directory`, in real microseconds: the floor of what a
 * journal there can promise. Writes `rounds` blocks to a file of its own and removes it.
 * @throws the system's error where the directory cannot be written.
 */
export async function measureSync(directory: string, rounds = 20): Promise<SyncLatency> {
  const folder = await mkdtemp(join(directory, ".sync-probe-"));
  try {
    const file = await open(join(folder, "probe"), "w");
    try {
      const block = new Uint8Array(PROBE_BYTES);
      const taken: number[] = [];
      for (let round = 0; round < rounds; round++) {
        const begun = performance.now();
        await file.write(block);
        await file.datasync();
        taken.push((performance.now() - begun) * 1_000);
      }
      taken.sort((a, b) => a - b);
      return { medianMicros: Math.round(taken[rounds >> 1] ?? 0), worstMicros: Math.round(taken.at(-1) ?? 0) };
    } finally {
      await file.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
