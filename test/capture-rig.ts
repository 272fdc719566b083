import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Capture, type CaptureOptions, type CaptureStatus, startCapture } from "#capture";
import { createSyntheticMarket, type Emulator, startEmulator } from "#emulator";
import { type Clock, scaledClock, silentLog, systemClock } from "#host";
import { type Journal, openJournal, openJournalReader } from "#journal";
import type { Frame, Gap, GapRecord, UnixMicros } from "#model";
import { MINUTE, parseTime, SECOND } from "#model";
import { type ProofReport, proveRecording } from "#replay";
import { parseTarget } from "#venue";

/** A minute into a 5-minute window. */
export const STARTS_AT = (parseTime("2026-11-22T18:01:00Z") ?? 0) as UnixMicros;

export interface Rig {
  readonly emulator: Emulator;
  readonly clock: Clock;
  readonly directory: string;
  readonly journal: Journal;
  readonly capture: Capture;
  /** Waits until the status is as wanted; fails with the last one after `realMillis`. */
  until(what: string, wanted: (status: CaptureStatus) => boolean, realMillis?: number): Promise<CaptureStatus>;
  /** Ends the session (the emulator goes on), and another one may be started on the same journal. */
  end(): Promise<void>;
  again(options?: Partial<CaptureOptions>): Promise<Rig>;
  frames(): Promise<Frame[]>;
  /** The ledger as the journal has it, each gap in its last state. */
  gaps(): Promise<Gap[]>;
  prove(): Promise<ProofReport>;
  close(): Promise<void>;
}

export interface RigOptions {
  readonly speed: number;
  readonly startsAt?: UnixMicros;
  readonly activity?: number;
  readonly series?: string;
  readonly capture?: Partial<CaptureOptions>;
  /** Added to the recorder's wall clock, and to nothing else. */
  readonly clockShift?: { readonly micros: number };
  /** Stands between capture and journal. */
  readonly wrap?: (journal: Journal) => Journal;
}

/** A synthetic venue over loopback and a recorder on it, both on one clock that runs `speed` times as fast. */
export async function startRig(options: RigOptions): Promise<Rig> {
  const { speed, startsAt = STARTS_AT, activity = 0.3, series = "btc-updown-5m" } = options;
  const clock = scaledClock({ venueAt: (startsAt + SECOND) as UnixMicros, wallAt: systemClock().now(), speed });
  const source = createSyntheticMarket({
    seed: 7,
    startsAt,
    series: [series],
    aheadMicros: 40 * MINUTE,
    holes: false,
    activity,
  });
  const emulator = await startEmulator({ source, clock });
  const folder = mkdtempSync(join(tmpdir(), "polypunt-capture-"));
  return openRig({ ...options, series }, { emulator, clock, folder });
}

interface Stage {
  readonly emulator: Emulator;
  readonly clock: Clock;
  readonly folder: string;
}

async function openRig(options: RigOptions & { series: string }, stage: Stage): Promise<Rig> {
  const { emulator, clock, folder } = stage;
  const { clockShift } = options;
  const directory = join(folder, "journal");
  const journal = await openJournal({ directory, clock });
  const capture = await startCapture({
    journal: options.wrap?.(journal) ?? journal,
    directory,
    venue: emulator.config(),
    targets: [parseTarget(options.series)],
    clock: clockShift ? { ...clock, now: () => (clock.now() + clockShift.micros) as UnixMicros } : clock,
    log: silentLog(),
    version: "test",
    ...options.capture,
  });
  let ended = false;
  const rig: Rig = {
    emulator,
    clock,
    directory,
    journal,
    capture,
    async until(what, wanted, realMillis = 20_000) {
      const limit = systemClock().monotonic() + realMillis * 1_000;
      for (;;) {
        const status = capture.status();
        if (wanted(status)) return status;
        if (systemClock().monotonic() > limit) throw new Error(`not ${what}: ${JSON.stringify(status, null, 1)}`);
        await systemClock().sleep(20_000);
      }
    },
    async end() {
      if (ended) return;
      ended = true;
      await capture.stop();
      await journal.close();
    },
    async again(more = {}) {
      await rig.end();
      return openRig({ ...options, capture: { ...options.capture, ...more } }, stage);
    },
    async frames() {
      const reader = await openJournalReader(directory);
      const frames: Frame[] = [];
      for await (const block of reader.read()) frames.push(...block);
      await reader.close();
      return frames;
    },
    async gaps() {
      const gaps = new Map<string, Gap>();
      for (const frame of await rig.frames()) {
        if (frame.kind !== "gap") continue;
        const { gap } = JSON.parse(new TextDecoder().decode(frame.bytes)) as GapRecord;
        gaps.set(gap.id, gap);
      }
      return [...gaps.values()];
    },
    async prove() {
      const reader = await openJournalReader(directory);
      try {
        return await proveRecording(reader, { search: "full" });
      } finally {
        await reader.close();
      }
    },
    async close() {
      await rig.end();
      await emulator.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return rig;
}
