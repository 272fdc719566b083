import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it, onTestFinished } from "vitest";
import { ArchiveLocked, ArchiveMismatch, openArchive, rebuildIndex, verifyArchive } from "#archive";
import { diskFileSystem, type FileSystem, openJournalReader } from "#journal";
import { MINUTE, type UnixMicros } from "#model";
import { expectSame, journalOf, linesOf, pack, withBoth } from "./fixtures/archives.ts";
import { runCli, temporaryFolder } from "./fixtures/run-cli.ts";
import { BEFORE_THE_HOUR, recordTwoSockets } from "./fixtures/two-sockets.ts";

// Whatever ends a packing, and whatever happens to its files: the old or the new, never neither, and never in silence.

const POLYPUNT = join(import.meta.dirname, "../polypunt");
const SMALL = { seed: 31, seconds: 20, startsAt: (BEFORE_THE_HOUR + 170e6) as UnixMicros };

function packsIn(archive: string): string[] {
  return existsSync(join(archive, "packs")) ? readdirSync(join(archive, "packs")).sort() : [];
}

async function damageIn({ journal, archive }: { journal: string; archive: string }): Promise<string[]> {
  const reader = await openJournalReader(journal);
  const { damage } = await verifyArchive(archive, reader);
  await reader.close();
  return damage.map(({ reason }) => reason);
}

describe("kill -9 of a packing", () => {
  it("leaves whole packs only, ten times at random moments, and the next run ends what was begun", async () => {
    const folders = await journalOf(recordTwoSockets({ ...SMALL, seconds: 60, markets: 4, framesPerSecond: 200 }));
    let left = 0;
    for (let round = 0; round < 10; round++) {
      const child = spawn(POLYPUNT, ["archive", "run", "--all", "--data", folders.data], { stdio: "ignore" });
      onTestFinished(() => void child.kill("SIGKILL"));
      const exited = once(child, "exit");
      await new Promise((resolve) => setTimeout(resolve, 250 + Math.random() * 2_000));
      child.kill("SIGKILL");
      await exited;
      left += packsIn(folders.archive).filter((name) => name.endsWith(".packing")).length;
      if (existsSync(folders.archive)) expect(await damageIn(folders)).toEqual([]);
      // Begin anew each other time, so that it is not all done after the first.
      if (round % 2 === 1) rmSync(folders.archive, { recursive: true, force: true });
    }
    expect((await runCli("archive", "run", "--all", "--data", folders.data)).code).toBe(0);
    expect(packsIn(folders.archive).filter((name) => name.endsWith(".packing"))).toEqual([]);
    await expectSame(folders);
    expect(left, "some were killed amid a pack").toBeGreaterThan(0);
  }, 180_000);
});

describe("a disk that fails", () => {
  it("at any step leaves the old, says so, and the next run packs", async () => {
    const folders = await journalOf(recordTwoSockets({ ...SMALL, seconds: 3 }));
    let steps = 0;
    for (let failAt = 0; ; failAt++) {
      const disk = failingAt(failAt, (count) => {
        steps = count;
      });
      const outcome = await pack(folders, { disk }).then(
        () => "packed",
        (cause: Error) => cause.message,
      );
      if (outcome === "packed") break;
      expect(outcome).toContain("injected");
      // A rename that was made and not synced may stand; nothing else.
      for (const name of packsIn(folders.archive))
        if (name.endsWith(".pack")) expect(await damageIn(folders)).toEqual([]);
    }
    expect(steps).toBeGreaterThan(10);
    await expectSame(folders);
    expect(packsIn(folders.archive).filter((name) => name.endsWith(".packing"))).toEqual([]);
  }, 120_000);

  it("that writes other bytes than it was given is found before the pack has its name", async () => {
    const folders = await journalOf(recordTwoSockets({ ...SMALL, seconds: 3 }));
    let writes = 0;
    const disk: FileSystem = {
      ...diskFileSystem,
      write(file, bytes, from, length, position) {
        if (writes++ !== 2) return diskFileSystem.write(file, bytes, from, length, position);
        const wrong = Uint8Array.from(bytes);
        wrong[from + (length >> 1)]! ^= 4;
        return diskFileSystem.write(file, wrong, from, length, position);
      },
    };
    await expect(pack(folders, { disk })).rejects.toThrow(/checksum/);
    expect(packsIn(folders.archive)).toEqual([]);
  });
});

/** A disk that works for so many calls, and then refuses one. */
function failingAt(calls: number, count: (steps: number) => void): FileSystem {
  let made = 0;
  const step = <A extends unknown[], R>(call: (...args: A) => R) => {
    return (...args: A): R => {
      count(++made);
      if (made === calls + 1) throw Object.assign(new Error("EIO: injected"), { code: "EIO" });
      return call(...args);
    };
  };
  const { open, write, sync, close, rename, unlink, syncDirectory } = diskFileSystem;
  return {
    ...diskFileSystem,
    open: step(open),
    write: step(write),
    sync: step(sync),
    close,
    rename: step(rename),
    unlink: step(unlink),
    syncDirectory: step(syncDirectory),
  };
}

describe("damage", () => {
  it("of any region of a pack is found by verify, and the command says so", async () => {
    const folders = await journalOf(recordTwoSockets({ ...SMALL, seconds: 4 }));
    await pack(folders);
    const path = join(folders.archive, "packs", packsIn(folders.archive)[0]!);
    const whole = readFileSync(path);
    const step = Math.max(1, Math.floor(whole.length / 120));
    const places = new Set([
      0,
      4,
      8,
      20,
      31,
      32,
      36,
      40,
      44,
      48,
      whole.length - 1,
      whole.length - 45,
      whole.length - 30,
    ]);
    for (let place = 0; place < whole.length; place += step) places.add(place);
    for (const place of places) {
      const wrong = Buffer.from(whole);
      wrong[place]! ^= 1 << (place % 8);
      writeFileSync(path, wrong);
      expect((await damageIn(folders)).length, `byte ${place} of ${whole.length}`).toBeGreaterThan(0);
    }
    for (const length of [0, 10, 32, 500, whole.length >> 1, whole.length - 1]) {
      writeFileSync(path, whole.subarray(0, length));
      expect((await damageIn(folders)).length, `cut to ${length}`).toBeGreaterThan(0);
    }
    const told = await runCli("archive", "verify", "--data", folders.data);
    expect(told.code).toBe(1);
    expect(told.stdout).toContain("archive damaged");
    writeFileSync(path, whole);
    expect(await damageIn(folders)).toEqual([]);
    expect((await runCli("archive", "verify", "--data", folders.data)).code).toBe(0);
  }, 120_000);

  it("leaves a pack that another program of a newer version wrote alone, with a clear word", async () => {
    const folders = await journalOf(recordTwoSockets({ ...SMALL, seconds: 3 }));
    await pack(folders);
    const path = join(folders.archive, "packs", packsIn(folders.archive)[0]!);
    const bytes = readFileSync(path);
    bytes.writeUInt16LE(2, 4);
    writeFileSync(path, bytes);
    rmSync(join(folders.archive, "index.sqlite"));
    await expect(openArchive(folders.archive)).rejects.toThrow(/version 2, this program reads up to 1: update it/);
    const told = await runCli("archive", "status", "--data", folders.data);
    expect(told.code).toBe(3);
    expect(told.stderr.trim().split("\n")).toHaveLength(1);
  });
});

describe("the index", () => {
  it("is made again where it is missing, damaged, of another version, or behind the packs", async () => {
    const folders = await journalOf(recordTwoSockets({ ...SMALL, seconds: 30 }));
    await pack(folders);
    const path = join(folders.archive, "index.sqlite");
    const read = () =>
      withBoth(folders, async (_, { index }) => ({
        packs: index.packs(),
        markets: index.markets(),
        windows: index.windows(),
        gaps: index.gaps(),
        proofs: index.proofs(),
        spans: index.spans(),
        series: index.series(),
      }));
    const first = await read();
    expect(first.packs).toHaveLength(2);
    expect(first.markets.length).toBeGreaterThan(0);
    expect(first.series).toEqual([expect.objectContaining({ series: "btc-up-or-down-5m" })]);
    for (const spoil of [
      () => rmSync(path),
      () => writeFileSync(path, "this is no database, but it is long enough to be read as the head of one".repeat(20)),
      () => change(path, "PRAGMA user_version = 99"),
      () => change(path, "DELETE FROM packs; DELETE FROM spans; DELETE FROM markets"),
      () => change(path, "DROP TABLE spans"),
    ]) {
      spoil();
      expect(await read()).toEqual(first);
    }
    expect(await rebuildIndex(folders.archive)).toBe(2);
    expect(await read()).toEqual(first);
    rmSync(join(folders.archive, "packs", first.packs[0]!.file));
    expect((await read()).packs).toEqual(first.packs.slice(1));
  });

  it("knows nothing before its time", async () => {
    const folders = await journalOf(recordTwoSockets({ ...SMALL, seconds: 30 }));
    await pack(folders);
    await withBoth(folders, async (_, { index }) => {
      const market = index.windows().find(({ messages }) => messages > 0)!;
      expect(index.market(market.market, (market.knownAt - 1) as UnixMicros)).toBeUndefined();
      expect(index.market(market.market, market.knownAt)?.slug).toBe(market.slug);
      expect(index.windows({ series: "none" })).toEqual([]);
    });
  });
});

function change(path: string, sql: string): void {
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
}

describe("the journal beside an archive", () => {
  it("loses only what the archive has, never the segment that is written, and the recording stays whole", async () => {
    const folders = await journalOf(recordTwoSockets({ ...SMALL, seconds: 30 }), temporaryFolder(), 64 * 1024);
    const reader = await openJournalReader(folders.journal);
    const before = await linesOf(reader);
    await reader.close();
    const segments = () => readdirSync(folders.journal).filter((name) => name.endsWith(".journal"));
    const had = segments().length;
    const hourOnly = { all: false, now: (BEFORE_THE_HOUR + 5 * MINUTE) as UnixMicros };
    const { packed, droppedSegments } = await pack(folders, { ...hourOnly, dropJournal: true });
    expect(packed).toHaveLength(1);
    expect(droppedSegments.length).toBeGreaterThan(0);
    expect(droppedSegments.every(({ lastSeq }) => lastSeq <= packed[0]!.lastSeq)).toBe(true);
    expect(segments().length).toBe(had - droppedSegments.length);
    await pack(folders, { dropJournal: true });
    expect(segments()).toHaveLength(1);
    await withBoth(folders, async (_, archive) => expect(await linesOf(archive)).toEqual(before));
    expect(await damageIn(folders)).toEqual([]);
    expect((await pack(folders)).packed).toEqual([]);
  });

  it("must be the one that the archive was made from", async () => {
    const folders = await journalOf(recordTwoSockets({ ...SMALL, seconds: 5 }));
    await pack(folders);
    rmSync(folders.journal, { recursive: true });
    await journalOf(recordTwoSockets({ ...SMALL, seed: 32, seconds: 6 }), folders.data);
    await expect(pack(folders)).rejects.toThrow(ArchiveMismatch);
  });

  it("is packed by one process at a time", async () => {
    const folders = await journalOf(recordTwoSockets({ ...SMALL, seconds: 5 }));
    const [first, second] = await Promise.allSettled([pack(folders), pack(folders)]);
    const refused = [first, second].filter((outcome) => outcome.status === "rejected");
    expect(refused).toHaveLength(1);
    expect(refused[0]?.reason).toBeInstanceOf(ArchiveLocked);
  });
});

describe("a budget", () => {
  it("deletes the oldest packs, says which, and keeps the newest", async () => {
    const folders = await journalOf(recordTwoSockets({ ...SMALL, seconds: 20 }));
    await pack(folders);
    const [oldest, newest] = packsIn(folders.archive);
    const { deletedPacks } = await pack(folders, { retention: { maxBytes: 1 } });
    expect(deletedPacks).toEqual([oldest]);
    expect(packsIn(folders.archive)).toEqual([newest]);
    expect(statSync(join(folders.archive, "packs", newest!)).size).toBeGreaterThan(0);
    await withBoth(folders, async (_, { index }) => expect(index.packs().map(({ file }) => file)).toEqual([newest]));
    expect((await pack(folders)).packed).toEqual([]);
  });
});
