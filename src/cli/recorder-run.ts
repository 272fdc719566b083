import { join, resolve } from "node:path";
import { archiveHas } from "#archive";
import { type Capture, type CaptureStatus, startCapture } from "#capture";
import { createLog, scaledClock, systemClock } from "#host";
import { openJournal } from "#journal";
import type { Target, VenueConfig } from "#venue";
import { keepArchive } from "./archive-keeper.ts";
import { note, print, printJson } from "./output.ts";
import { archiveFolder, journalFolder } from "./recording.ts";
import { Screen } from "./screen.ts";
import { renderStatus, statusLine } from "./status-screen.ts";
import { VERSION } from "./version.ts";

export interface RecordingPlan {
  readonly data: string;
  readonly venue: VenueConfig;
  readonly targets: readonly Target[];
  /** Redundant market sockets. */
  readonly replicas: number;
  /** Oldest sealed segments go beyond this; null: nothing is ever deleted. */
  readonly maxBytes: number | null;
  /** Closed hours are packed meanwhile; a segment beyond `maxBytes` then goes only when the archive has it. */
  readonly archive?: { readonly dropJournal: boolean };
  /** live: drawn over itself; lines: one now and then; json: each second; quiet: differences and gaps only. */
  readonly screen: "live" | "lines" | "json" | "quiet";
  readonly stop: AbortSignal;
  /** Asked each second; true ends the recording in order. */
  finished?(status: CaptureStatus): boolean;
}

const EVERY_MILLIS = { live: 500, lines: 10_000, json: 1_000, quiet: 1_000 } as const;
const LOOK_EVERY_MILLIS = 250;

/** Records until the signal aborts or `finished` says so, then closes in order. Returns the last status. */
export async function runRecording(plan: RecordingPlan): Promise<CaptureStatus> {
  const clock = plan.venue.clock ? scaledClock(plan.venue.clock) : systemClock();
  const log = createLog(plan.screen === "lines" ? "info" : "error");
  const mayDelete = plan.archive ? { mayDelete: archiveHas(archiveFolder(plan.data)) } : {};
  const budget = plan.maxBytes === null ? {} : { budget: { maxBytes: plan.maxBytes, ...mayDelete } };
  const directory = journalFolder(plan.data);
  const journal = await openJournal({ directory, clock, log, ...budget });
  const { truncatedBytes } = journal.recovery;
  if (truncatedBytes > 0)
    note(
      `the last recording was cut short: ${truncatedBytes} bytes of an unfinished write were cut off, nothing acknowledged is missing`,
    );
  const { data, archive } = plan;
  const stopArchive = archive ? keepArchive({ data, clock, ...archive, onFailure: note }) : undefined;
  try {
    const { targets, venue, replicas } = plan;
    const capture = await startCapture({ journal, directory, venue, targets, clock, log, replicas, version: VERSION });
    const show = presenter(plan, () => journal.durable);
    try {
      await watch(capture, plan, show);
    } finally {
      await capture.stop();
    }
    const last = capture.status();
    show(last, true);
    if (plan.screen === "live" || plan.screen === "lines")
      print(`recorded into ${resolve(plan.data)}; check it with: polypunt verify --data ${join(plan.data)}`);
    return last;
  } finally {
    await stopArchive?.();
    await journal.close();
  }
}

async function watch(
  capture: Capture,
  plan: RecordingPlan,
  show: (status: CaptureStatus, last: boolean) => void,
): Promise<void> {
  const ended = Promise.withResolvers<void>();
  const end = (): void => ended.resolve();
  plan.stop.addEventListener("abort", end);
  if (plan.stop.aborted) end();
  const timer = setInterval(() => {
    const status = capture.status();
    show(status, false);
    if (plan.finished?.(status)) end();
  }, LOOK_EVERY_MILLIS);
  try {
    // A capture that ends by itself has met something it cannot go on with; its reason is thrown here.
    await Promise.race([ended.promise, capture.done]);
  } finally {
    clearInterval(timer);
    plan.stop.removeEventListener("abort", end);
  }
}

/** Shows what is new at the pace of the screen, and each difference once where there is no live screen. */
function presenter(plan: RecordingPlan, durable: () => number): (status: CaptureStatus, last: boolean) => void {
  const screen = new Screen();
  const told = new Set<string>();
  let due = 0;
  return (status, last) => {
    if (plan.screen === "lines" || plan.screen === "quiet") {
      for (const difference of status.differences) {
        // Its figures grow each second; it is told once.
        const kind = difference.replace(/\d+/g, "");
        if (told.has(kind)) continue;
        told.add(kind);
        note(`NOTE ${difference}`);
      }
    }
    due -= LOOK_EVERY_MILLIS;
    if (due > 0 && !last) return;
    due = EVERY_MILLIS[plan.screen];
    if (plan.screen === "live") screen.draw(renderStatus(status));
    else if (plan.screen === "lines") note(statusLine(status));
    else if (plan.screen === "json") printJson({ ...status, durable: durable() });
  };
}
