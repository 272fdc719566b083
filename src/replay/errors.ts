import type { InstrumentId, UnixMicros } from "#model";
import { formatTime } from "#model";

/** There is no recording in the folder: neither a journal nor an archive. */
export class RecordingMissing extends Error {
  override readonly name = "RecordingMissing";
  readonly folder: string;

  constructor(folder: string) {
    super(`no recording in ${folder}: make one with "polypunt record", "import" or "demo", or name another folder`);
    this.folder = folder;
  }
}

/** The folder is there, but an archive or journal in it cannot be opened; the cause says why. */
export class RecordingUnreadable extends Error {
  override readonly name = "RecordingUnreadable";
  readonly folder: string;

  constructor(folder: string, cause: unknown) {
    super(`the recording in ${folder} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
    this.folder = folder;
  }
}

/** The recording holds no frame yet. */
export class RecordingEmpty extends Error {
  override readonly name = "RecordingEmpty";

  constructor() {
    super("the recording is empty: no frame is durable yet");
  }
}

/** Neither the catalog nor a frame knew the token by the moment that was asked for. */
export class UnknownInstrument extends Error {
  override readonly name = "UnknownInstrument";
  readonly instrument: InstrumentId;

  constructor(instrument: InstrumentId, at: UnixMicros) {
    super(`no book known yet of token ${instrument} at ${formatTime(at)}, and no catalog answer up to then names it`);
    this.instrument = instrument;
  }
}

/** A selection names something that the recording's catalog does not know. */
export class NothingSelected extends Error {
  override readonly name = "NothingSelected";

  constructor(what: string) {
    super(`the recording knows no market for ${what}: "polypunt verify" lists what it holds`);
  }
}

/** The moment lies before the first frame of the recording or after its last. */
export class OutsideRecording extends Error {
  override readonly name = "OutsideRecording";
  readonly at: UnixMicros;

  constructor(at: UnixMicros, span: { readonly firstReceivedAt: UnixMicros; readonly lastReceivedAt: UnixMicros }) {
    const { firstReceivedAt, lastReceivedAt } = span;
    super(
      `${formatTime(at)} lies outside: the recording covers ${formatTime(firstReceivedAt)} to ${formatTime(lastReceivedAt)}`,
    );
    this.at = at;
  }
}
