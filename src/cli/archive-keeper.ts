import { spawn } from "node:child_process";
import { setPriority } from "node:os";
import { join } from "node:path";
import type { Clock } from "#host";
import { HOUR, MINUTE } from "#model";

export interface ArchiveKeeperOptions {
  readonly data: string;
  readonly clock: Clock;
  readonly dropJournal: boolean;
  /** What the child said where it failed, in one line. */
  readonly onFailure: (line: string) => void;
}

const LOOK_EVERY = MINUTE;
/** After the full hour: its last frames are durable by then (run.ts waits as long). */
const AFTER_HOUR = 2 * MINUTE;
const RETRY_AFTER = 10 * MINUTE;
const MOST_SAID = 2_000;
/** Far below the recorder: packing may take all of a core that nobody else wants, and none that the capture needs. */
const NICENESS = 15;

/**
 * Packs closed hours while a recording runs, in a process of its own with low priority: whatever it does or does not do,
 * the capture neither waits for it nor ends with it. Returns what stops it; a packing that is under way is ended, and the
 * next one begins anew.
 */
export function keepArchive({ data, clock, dropJournal, onFailure }: ArchiveKeeperOptions): () => Promise<void> {
  let running: { stop(): void; readonly ended: Promise<number | null> } | null = null;
  let packedHour = -1;
  let notBefore = 0;
  const look = (): void => {
    const now = clock.now();
    const hour = Math.floor((now - AFTER_HOUR) / HOUR);
    if (running !== null || hour === packedHour || now < notBefore) return;
    running = startRun(data, dropJournal, onFailure);
    void running.ended.then((code) => {
      running = null;
      if (code === 0) packedHour = hour;
      else notBefore = clock.now() + RETRY_AFTER;
    });
  };
  const cancel = clock.every(LOOK_EVERY, look);
  look();
  return async () => {
    cancel();
    running?.stop();
    await running?.ended;
  };
}

function startRun(
  data: string,
  dropJournal: boolean,
  onFailure: (line: string) => void,
): { stop(): void; readonly ended: Promise<number | null> } {
  const args = ["archive", "run", "--data", data, "--json", ...(dropJournal ? ["--drop-journal"] : [])];
  const child = spawn(process.execPath, [...process.execArgv, join(import.meta.dirname, "main.ts"), ...args], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  lowerPriority(child.pid);
  let said = "";
  let stopped = false;
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = `${said}${text}`.slice(-MOST_SAID);
  });
  const ended = new Promise<number | null>((resolve) => {
    child.once("error", (cause) => {
      onFailure(`archiving could not be started: ${cause.message}`);
      resolve(null);
    });
    child.once("close", (code) => {
      if (code !== 0 && !stopped)
        onFailure(`archiving failed, the journal keeps everything and it is tried again: ${lastLine(said)}`);
      resolve(code);
    });
  });
  return {
    ended,
    stop() {
      stopped = true;
      child.kill("SIGTERM");
    },
  };
}

function lowerPriority(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    setPriority(pid, NICENESS);
  } catch {
    // It has ended already, or the system does not let us: then it runs as any other process.
  }
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}
