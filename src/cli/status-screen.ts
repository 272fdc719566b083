import type { CaptureStatus, MarketStatus, OutcomeStatus } from "#capture";
import { formatMicros, formatTime, MILLISECOND, SECOND, type UnixMicros } from "#model";
import { table } from "./output.ts";

/** The live screen of a recording as lines of text. Pure. */
export function renderStatus(status: CaptureStatus): string[] {
  const { totals } = status;
  return [
    `${clockText(status.at)}   recording for ${span(status.at - status.startedAt)}   ${whole(totals.frames)} frames (${whole(totals.framesPerSecond)}/s), ${megabytes(totals.bytes)}   proof ${percent(totals.proofRate)}`,
    journalLine(status),
    "",
    ...marketTable(status.markets),
    ...finishedLines(status),
    "",
    connectionLine(status),
    ...referenceLines(status),
    ...status.openGaps
      .slice(0, MOST_LINES)
      .map(
        (gap) =>
          `GAP  ${gap.cause} since ${clockText(gap.from)}, ${gap.instruments.length || "all"} instrument(s): ${gap.evidence}`,
      ),
    ...status.differences.map((difference) => `NOTE ${difference}`),
  ];
}

/** The same in one line, for a log. */
export function statusLine(status: CaptureStatus): string {
  const { totals, openGaps } = status;
  const active = status.markets.filter((market) => market.phase === "active").length;
  return `${formatTime(status.at)} ${active} active of ${status.markets.length} markets, ${whole(totals.frames)} frames (${whole(totals.framesPerSecond)}/s), proof ${percent(totals.proofRate)}, ${openGaps.length} open gaps, durable lag ${millis(totals.durableLag)}`;
}

const MOST_LINES = 6;
const MOST_MARKETS = 14;

function journalLine({ totals, gaps, faults, unknownMessages }: CaptureStatus): string {
  const opened = Object.values(gaps).reduce((sum, each) => sum + each, 0);
  const faulty = Object.values(faults).reduce((sum, each) => sum + each, 0);
  const unknown = Object.values(unknownMessages).reduce((sum, each) => sum + each, 0);
  const state = totals.journal === "writing" ? "" : `   JOURNAL STALLED: ${totals.journalCause ?? "unknown"}`;
  const refused = totals.refused.frames === 0 ? "" : `   REFUSED ${whole(totals.refused.frames)} frames`;
  const free = totals.diskFreeBytes === null ? "?" : `${(totals.diskFreeBytes / 1e9).toFixed(1)} GB`;
  const skew =
    totals.skew === null ? "" : `   received − sent ${millis(totals.skew.p50)} (p99 ${millis(totals.skew.p99)})`;
  return `durable lag ${millis(totals.durableLag)}   disk ${free} free   gaps ${opened}   faults ${faulty}   unknown ${unknown}${skew}${state}${refused}`;
}

function marketTable(markets: readonly MarketStatus[]): string[] {
  if (markets.length === 0) return ["no market yet: waiting for the catalog"];
  const head = [
    "market",
    "phase",
    "left",
    "strike",
    "reference",
    "first outcome",
    "second outcome",
    "frames/s",
    "proof",
    "gaps",
    "age",
  ];
  const rows = markets
    .slice(0, MOST_MARKETS)
    .map((market) => [
      market.slug.length > 34 ? `${market.slug.slice(0, 33)}…` : market.slug,
      market.phase,
      market.timeLeft === null ? "" : span(market.timeLeft),
      dollars(market.strike?.exact ?? null),
      dollars(market.referencePrice),
      quoteText(market.outcomes[0]),
      quoteText(market.outcomes[1]),
      whole(market.framesPerSecond),
      percent(market.proofRate),
      String(market.openGaps),
      market.lastFrameAge === null ? "–" : millis(market.lastFrameAge),
    ]);
  const more = markets.length > MOST_MARKETS ? [`… and ${markets.length - MOST_MARKETS} more`] : [];
  return [...table([head, ...rows]).split("\n"), ...more];
}

function quoteText(outcome: OutcomeStatus | undefined): string {
  if (!outcome) return "";
  const price = (quote: OutcomeStatus["bestBid"]) => (quote === null ? "–" : formatMicros(quote.price));
  return `${outcome.name} ${price(outcome.bestBid)} / ${price(outcome.bestAsk)}${outcome.contradicted ? " !" : ""}`;
}

function finishedLines({ finishedCount, resolvedCount, finished }: CaptureStatus): string[] {
  if (finishedCount === 0) return [];
  const last = finished.at(-1);
  return [`${finishedCount} windows finished, ${resolvedCount} resolved${last ? `; last: ${last.slug}` : ""}`];
}

function connectionLine({ connections }: CaptureStatus): string {
  return `connections  ${connections.map(({ connection, state, instruments }) => `${connection} ${state}${instruments > 0 ? ` (${instruments})` : ""}`).join("   ")}`;
}

function referenceLines({ references }: CaptureStatus): string[] {
  return references
    .slice(0, MOST_LINES)
    .map(
      ({ source, provider, symbol, measure, windowSeconds, exact, age }) =>
        `reference    ${symbol} ${measure}${windowSeconds === null ? "" : ` ${windowSeconds} s`} ${dollars(exact)} by ${provider} over ${source}, ${millis(age)} ago`,
    );
}

function clockText(at: UnixMicros): string {
  return `${formatTime(at).slice(0, 19).replace("T", " ")} UTC`;
}

function span(micros: number): string {
  const sign = micros < 0 ? "−" : "";
  const seconds = Math.floor(Math.abs(micros) / SECOND);
  const parts = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  const shown = parts[0] === 0 ? parts.slice(1) : parts;
  return sign + shown.map((part) => String(part).padStart(2, "0")).join(":");
}

function percent(share: number | null): string {
  if (share === null) return "–";
  // 99.999 % must not be shown as all.
  return `${(Math.floor(share * 10_000) / 100).toFixed(2)} %`;
}

function dollars(exact: string | null): string {
  return exact === null
    ? "–"
    : Number(exact).toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}

function millis(micros: number): string {
  return `${whole(micros / MILLISECOND)} ms`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en");
}
