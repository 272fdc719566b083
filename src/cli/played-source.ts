import { type EmulatorSource, framesFileSource, MomentOutside, recordingSource, syntheticSource } from "#emulator";
import { type Market, SECOND, type UnixMicros } from "#model";
import { formatTarget, parseTarget, type Target } from "#venue";
import type { EmulateOptions } from "./emulator-options.ts";
import { UserError } from "./failure.ts";
import { openRecording } from "./recording.ts";

/** What is played, and at what moment it begins. */
export interface PlayedSource {
  readonly source: EmulatorSource;
  readonly startsAt: UnixMicros;
}

/** Clients need that long, in real time, to subscribe before the first frame of a file. */
const HEAD_START = 2 * SECOND;

/** Opens what `emulate` is to play. @throws UserError: one line that says what would do. */
export async function openPlayedSource(options: EmulateOptions, now: UnixMicros): Promise<PlayedSource> {
  const { data, frames } = options;
  if (data !== undefined && frames !== undefined) throw new UserError("name a recording (--data) or a file (--frames)");
  if (data !== undefined) return openRecorded(data, options);
  if (options.slug || options.token || options.to !== undefined) {
    throw new UserError("--slug, --token and --to choose from a recording: name one with --data");
  }
  if (frames !== undefined) return openFile(frames, options);
  const { seed, series = ["btc-updown-15m"], activity, markets, rate, from: startsAt = now } = options;
  const load = markets === undefined ? {} : { markets, framesPerSecond: rate };
  try {
    const listed = markets === undefined ? series : [];
    return { source: syntheticSource({ seed, startsAt, series: listed, activity, ...load }), startsAt };
  } catch (error) {
    if (error instanceof RangeError) throw new UserError(error.message);
    throw error;
  }
}

async function openRecorded(data: string, { series, slug, token, ...options }: EmulateOptions): Promise<PlayedSource> {
  const source = await openRecording(data);
  if (source.span === null) throw new UserError(`the recording in ${data} holds no frame yet`);
  const targets = [
    ...(series ?? []).map((name) => parseTarget(`series:${name}`)),
    ...(slug ?? []).map((name) => parseTarget(`slug:${name}`)),
    ...(token ?? []).map((id) => parseTarget(`token:${id}`)),
  ];
  const from = options.from ?? source.span.firstReceivedAt;
  if (options.to !== undefined && options.to <= from) throw new UserError("--to lies before --from");
  try {
    const played = await recordingSource({
      source,
      from,
      ...(options.to === undefined ? {} : { to: options.to }),
      ...(targets.length === 0 ? {} : { wanted: (market) => targets.some((target) => isMeant(target, market)) }),
    });
    requireAll(targets, played, data);
    return { source: played, startsAt: from };
  } catch (error) {
    if (error instanceof MomentOutside) throw new UserError(error.message);
    throw error;
  }
}

function isMeant(target: Target, { slug, groupSlug, seriesSlug, id, outcomes }: Market): boolean {
  switch (target.kind) {
    case "series":
      return seriesSlug === target.slug;
    case "slug":
      return slug === target.slug || groupSlug === target.slug;
    case "token":
      return outcomes.some(({ instrument }) => instrument === target.id);
    case "condition":
      return id === target.id;
    case "tag":
      return false;
  }
}

/** What was asked for and is not there is a mistake, not an empty venue. */
function requireAll(targets: readonly Target[], source: EmulatorSource, data: string): void {
  const listed = [...(source.listing?.() ?? source.markets())];
  for (const target of targets) {
    if (listed.some((market) => isMeant(target, market))) continue;
    const known = `polypunt verify --data ${data}`;
    throw new UserError(`no ${formatTarget(target)} in the recording by then; "${known}" lists what it has`);
  }
}

async function openFile(frames: string, { from, speed }: EmulateOptions): Promise<PlayedSource> {
  try {
    const source = await framesFileSource(frames);
    const firstAt = source.nextAt() ?? (0 as UnixMicros);
    const headStart = Number.isFinite(speed) ? HEAD_START * speed : 0;
    return { source, startsAt: from ?? ((firstAt - headStart) as UnixMicros) };
  } catch (error) {
    throw new UserError(`cannot play ${frames}: ${(error as Error).message}`);
  }
}
