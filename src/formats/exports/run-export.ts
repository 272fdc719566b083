import type { FrameSource, Gap, InstrumentId, VerdictCounts } from "#model";
import { formatMicros, formatTime, type UnixMicros } from "#model";
import { FormatError } from "../format-error.ts";
import { ExportFolder, type WrittenFile } from "./export-folder.ts";
import { type ExportAsk, type Selection, type Survey, selectFrom, surveyRecording } from "./selection.ts";
import { Trust } from "./trust.ts";
import { type Visitor, type WalkReport, walkRecording } from "./walk.ts";

/** What every export is asked. */
export interface ExportOptions {
  readonly source: FrameSource;
  readonly ask: ExportAsk;
  readonly out: string;
  /** Whether an export that is there may be replaced. */
  readonly force: boolean;
  /** Of this program; for the manifest. */
  readonly version: string;
  /** `share` is 0..1 of the whole work, about. */
  onProgress?(frames: number, share: number): void;
}

/** What an export has to work with. */
export interface ExportContext {
  readonly survey: Survey;
  readonly selection: Selection;
  readonly trust: Trust;
  readonly folder: ExportFolder;
  readonly source: FrameSource;
}

/** An export at work: it is shown the recording, and then completes its files. */
export interface ExportWork {
  readonly visitor: Visitor;
  /**
   * Whether it goes by what can be believed at a moment: then the recording is proven beforehand, since a contradiction
   * tells of the time before it was found.
   */
  readonly needsTrust: boolean;
  /** Writes the gaps and closes all files; what it returns is laid into the manifest. */
  finish(report: WalkReport): Promise<Readonly<Record<string, unknown>>>;
}

export interface ExportResult {
  readonly out: string;
  readonly files: readonly WrittenFile[];
  readonly frames: number;
  readonly rows: number;
  readonly proof: VerdictCounts;
  readonly gaps: readonly Gap[];
  /** Tokens that were asked for and occur nowhere in the range. */
  readonly unseen: readonly InstrumentId[];
  readonly manifest: Readonly<Record<string, unknown>>;
}

/**
 * Reads a recording for its catalog and gaps, then for its facts, and writes an export with its gaps and a manifest.
 * @throws FormatError where what is asked cannot be had, in one line; Error of the file system with its code.
 */
export async function runExport(
  options: ExportOptions,
  begin: (context: ExportContext) => ExportWork,
): Promise<ExportResult> {
  const { source, ask, out, version, onProgress } = options;
  const survey = await surveyRecording(source);
  const selection = selectFrom(survey, ask);
  const folder = await ExportFolder.create(out, options.force);
  const trust = new Trust(survey.gaps);
  try {
    const work = begin({ survey, selection, trust, folder, source });
    const walk = { source, survey, selection, trust };
    const passes = work.needsTrust ? 3 : 2;
    const progress = (pass: number) => (frames: number) =>
      onProgress?.(frames, (pass + frames / survey.frames) / passes);
    if (work.needsTrust) await walkRecording({ ...walk, learnsGaps: true, onFrames: progress(1) }, {});
    const last = { ...walk, learnsGaps: !work.needsTrust, onFrames: progress(passes - 1) };
    const report = await walkRecording(last, work.visitor);
    if (report.frames === 0) {
      await folder.discard();
      throw new FormatError(emptySelection(options, survey));
    }
    const more = await work.finish(report);
    const manifest = { version, ...more, ...describe(report, survey, selection, ask) };
    const files = await folder.finish(manifest);
    const rows = files.filter(({ path }) => !/^gaps\./.test(path)).reduce((sum, file) => sum + file.rows, 0);
    const unseen = ask.tokens.filter((token) => !report.instruments.has(token));
    return { out, files, frames: report.frames, rows, proof: report.states, gaps: report.gaps, unseen, manifest };
  } catch (error) {
    throw incomplete(error, out);
  }
}

function emptySelection({ ask }: ExportOptions, { firstAt, lastAt }: Survey): string {
  const whom = ask.tokens.length + ask.slugs.length + ask.series.length > 0 ? " of what was named" : "";
  return `the recording holds no market data${whom} in that range; it covers ${formatTime(firstAt)} to ${formatTime(lastAt)}`;
}

function describe(report: WalkReport, { markets }: Survey, { from, to }: Selection, ask: ExportAsk): object {
  const time = (at: UnixMicros | null): string | null => (at === null ? null : formatTime(at));
  return {
    asked: { tokens: ask.tokens, slugs: ask.slugs, series: ask.series, from: time(ask.from), to: time(ask.to) },
    range: { from: formatTime(from), to: formatTime(to) },
    frames: report.frames,
    proof: report.states,
    instruments: [...report.instruments].map(([token, { market, firstAt, lastAt, facts, states }]) => {
      const known = markets.ofInstrument(token);
      return {
        token,
        market,
        slug: known?.slug ?? null,
        outcome: known?.outcomes.find(({ instrument }) => instrument === token)?.name ?? null,
        tickSize: known ? formatMicros(known.tickSize) : null,
        firstAt: formatTime(firstAt),
        lastAt: formatTime(lastAt),
        facts,
        proof: states,
      };
    }),
    gaps: report.gaps.map((gap) => ({ ...gap, from: formatTime(gap.from), to: time(gap.to) })),
  };
}

/** A full disk or one that may not be written: the one line says what is left there. */
function incomplete(error: unknown, out: string): unknown {
  if (!(error instanceof Error) || !("code" in error) || error instanceof FormatError) return error;
  const said = new Error(
    `cannot write ${out}: ${error.message}; what is there is incomplete, and manifest.json says so`,
  );
  return Object.assign(said, { code: error.code });
}
