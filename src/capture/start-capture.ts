import { atLeastReal, type Clock, type Log } from "#host";
import type { Journal } from "#journal";
import type { Target, VenueConfig } from "#venue";
import { PLAN_DEFAULTS, type PlanOptions } from "./plan.ts";
import { readPreviousSession } from "./previous-session.ts";
import { Recorder } from "./recorder.ts";
import type { CaptureStatus } from "./status.ts";
import { WITNESS_DEFAULTS, type WitnessOptions } from "./witness.ts";
import { ROUNDS_DEFAULTS, type RoundsOptions } from "./witness-rounds.ts";

export interface CaptureOptions {
  /** Open for writing; stays the caller's to close, after `stop`. */
  readonly journal: Journal;
  /** The folder that it is in. */
  readonly directory: string;
  readonly venue: VenueConfig;
  readonly targets: readonly Target[];
  /** All durations go by it. */
  readonly clock: Clock;
  readonly log: Log;
  /** Of this program; it goes into the session record. */
  readonly version: string;
  /** Redundant market sockets for each shard. Default 2, at most 26. */
  readonly replicas?: number;
  readonly plan?: Partial<PlanOptions>;
  readonly witness?: Partial<RoundsOptions>;
}

export interface Capture {
  /** The recording now; cheap enough for a few calls a second. */
  status(): CaptureStatus;
  /** Ends the recording in order; resolves when all of it is durable. */
  stop(): Promise<void>;
  /** Resolves when it has ended: by `stop`, or because every market asked for by name is over. Rejects for a defect. */
  readonly done: Promise<void>;
}

const DEFAULT_REPLICAS = 2;
const MOST_REPLICAS = 26;

/**
 * Starts recording. Resolves as soon as the journal's tail was read; markets, sockets and prices come as they come, and
 * trouble with the venue never ends a recording.
 * @throws RangeError for options that cannot be met, Node's error where the journal cannot be read.
 */
export async function startCapture(options: CaptureOptions): Promise<Capture> {
  const { replicas = DEFAULT_REPLICAS, clock, plan, witness, directory } = options;
  if (!Number.isInteger(replicas) || replicas < 1 || replicas > MOST_REPLICAS) {
    throw new RangeError(`replicas must be 1 to ${MOST_REPLICAS}, got ${replicas}`);
  }
  const recorder = new Recorder({
    journal: options.journal,
    directory,
    venue: options.venue,
    targets: options.targets,
    clock,
    log: options.log,
    version: options.version,
    replicas: Array.from({ length: replicas }, (_, index) => String.fromCharCode(97 + index)),
    plan: { ...PLAN_DEFAULTS, ...plan },
    witness: { ...witnessFor(clock), ...witness },
    previous: await readPreviousSession(directory),
  });
  recorder.start();
  return { status: () => recorder.status(), stop: () => recorder.stop(), done: recorder.done };
}

/** A network does not run faster because a clock does: each patience has a floor in real time. */
function witnessFor(clock: Clock): RoundsOptions {
  const { firstBook, peerDelay, silence, margin, remedyWait } = WITNESS_DEFAULTS;
  const floored = (micros: number, realMillis: number) => atLeastReal(clock, micros, realMillis);
  const patient: WitnessOptions = {
    firstBook: floored(firstBook, 1_000),
    peerDelay: floored(peerDelay, 500),
    silence: {
      opening: floored(silence.opening, 1_000),
      active: floored(silence.active, 750),
      settling: floored(silence.settling, 1_000),
    },
    margin: floored(margin, 250),
    remedyWait: floored(remedyWait, 500),
  };
  return { ...patient, ...ROUNDS_DEFAULTS };
}
