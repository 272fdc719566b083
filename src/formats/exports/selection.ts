import type { FrameSource, Gap, InstrumentId, Market, MarketId, UnixMicros } from "#model";
import { formatTime } from "#model";
import { MarketBook, RecordedGaps } from "#timeline";
import { Decoder, parseTarget } from "#venue";
import { FormatError } from "../format-error.ts";

/** What somebody wants exported; empty lists and nulls mean everything. */
export interface ExportAsk {
  readonly tokens: readonly InstrumentId[];
  readonly slugs: readonly string[];
  readonly series: readonly string[];
  readonly from: UnixMicros | null;
  readonly to: UnixMicros | null;
}

/** What a recording knows of itself, whatever part of it is wanted. */
export interface Survey {
  readonly markets: MarketBook;
  /** As its recorder wrote them down. */
  readonly gaps: readonly Gap[];
  readonly firstAt: UnixMicros;
  readonly lastAt: UnixMicros;
  readonly frames: number;
}

export interface Selection {
  /** null: all. */
  readonly instruments: ReadonlySet<InstrumentId> | null;
  /** Whose messages a selected book depends on; null: all. */
  readonly markets: ReadonlySet<MarketId> | null;
  /** Underlying prices that the selected markets are about; null: all. */
  readonly symbols: ReadonlySet<string> | null;
  readonly from: UnixMicros;
  readonly to: UnixMicros;
}

const ANNOUNCEMENT = Buffer.from('"new_market"');

/**
 * Reads a recording once for its catalog and its gaps. Nothing is decoded but what tells of markets.
 * @throws FormatError where it is empty.
 */
export async function surveyRecording(source: FrameSource): Promise<Survey> {
  const { span } = source;
  if (span === null || span.frames === 0) throw new FormatError("the recording is empty: there is nothing to export");
  const markets = new MarketBook();
  const recorded = new RecordedGaps();
  const decoder = new Decoder();
  let frames = 0;
  for await (const batch of source.read()) {
    for (const frame of batch) {
      recorded.learn(frame);
      if (frame.kind === "answered") markets.learn(frame, []);
      else if (frame.kind === "received" && bufferOf(frame.bytes).includes(ANNOUNCEMENT))
        markets.learn(frame, decoder.decodeFrame(frame));
    }
    frames += batch.length;
  }
  return { markets, gaps: recorded.all(), firstAt: span.firstReceivedAt, lastAt: span.lastReceivedAt, frames };
}

/** @throws FormatError where a slug or series is not in the recording's catalog, or the range lies outside of it. */
export function selectFrom({ markets, firstAt, lastAt }: Survey, ask: ExportAsk): Selection {
  if (ask.from !== null && ask.to !== null && ask.from > ask.to) throw new FormatError("--from lies after --to");
  if ((ask.to ?? lastAt) < firstAt || (ask.from ?? firstAt) > lastAt)
    throw new FormatError(
      `the recording has nothing in that range; it covers ${formatTime(firstAt)} to ${formatTime(lastAt)}`,
    );
  const [from, to] = [ask.from ?? firstAt, ask.to ?? lastAt];
  if (ask.tokens.length + ask.slugs.length + ask.series.length === 0)
    return { instruments: null, markets: null, symbols: null, from, to };
  const known = markets.all();
  const named = [
    ...ask.slugs.flatMap((slug) =>
      orFail(known, `slug ${slug}`, (each) => each.slug === slug || each.groupSlug === slug),
    ),
    ...ask.series.flatMap((text) => {
      const target = parseTarget(`series:${text}`);
      return orFail(known, `series ${text}`, (each) => target.kind === "series" && each.seriesSlug === target.slug);
    }),
  ];
  const instruments = new Set([
    ...ask.tokens,
    ...named.flatMap((market) => market.outcomes.map(({ instrument }) => instrument)),
  ]);
  const ofTokens = ask.tokens.flatMap((token) => markets.ofInstrument(token) ?? []);
  const all = [...named, ...ofTokens];
  // A token that no catalog knows is about an underlying that nobody knows: then all prices may be wanted.
  const everyTokenKnown = ask.tokens.every((token) => markets.ofInstrument(token));
  return {
    instruments,
    markets: new Set(all.map(({ id }) => id)),
    symbols: everyTokenKnown ? new Set(all.flatMap(symbolsOf)) : null,
    from,
    to,
  };
}

function orFail(known: readonly Market[], what: string, wanted: (market: Market) => boolean): readonly Market[] {
  const found = known.filter(wanted);
  if (found.length > 0) return found;
  const series = [...new Set(known.flatMap(({ seriesSlug }) => seriesSlug ?? []))];
  const has =
    known.length === 0
      ? "it has no catalog: name tokens with --token"
      : `it knows ${known.length} markets${series.length > 0 ? ` of ${series.slice(0, 5).join(", ")}` : ""}, such as ${known[0]?.slug}`;
  throw new FormatError(`no market of ${what} in the recording; ${has}`);
}

/** "btcusd" is watched as "btcusdt" too. */
function symbolsOf({ settlement }: Market): readonly string[] {
  if (settlement.kind === "other") return [];
  const coin = settlement.symbol.replace(/usdt?$/, "");
  return [`${coin}usd`, `${coin}usdt`];
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
