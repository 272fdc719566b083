import { Command } from "commander";
import { crossing, cumulativeDepth, imbalance, mid, spread, weightedMid } from "#book";
import type { InstrumentId, Level, UnixMicros } from "#model";
import { formatMicros, formatTime, MILLISECOND } from "#model";
import { type BookAt, nameOf } from "#replay";
import type { MarketBook } from "#timeline";
import { UserError } from "../failure.ts";
import { type DataOption, dataOption, jsonOption, timeArgument, tokenArgument, wholeNumber } from "../options.ts";
import { print, printJson, table } from "../output.ts";
import { openRecording } from "../recording.ts";
import { gapLine } from "./verify.ts";

interface BookOptions extends DataOption {
  readonly token: InstrumentId;
  readonly at: UnixMicros;
  readonly depth: number;
  readonly json?: true;
}

export function book(): Command {
  return new Command("book")
    .description("the order book of a token as it was known at a moment")
    .requiredOption("--token <id>", "token id of the outcome", tokenArgument)
    .requiredOption("--at <time>", "ISO 8601, or Unix seconds, millis or micros", timeArgument)
    .option("--depth <levels>", "levels a side", wholeNumber, 10)
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options: BookOptions) => {
      const reader = await openRecording(options.data);
      try {
        const found = await reader.bookAt(options.token, options.at);
        if (!found) throw new UserError(unknownBook(options, reader.span));
        const markets = reader.facts.marketsAt(options.at);
        if (options.json) printJson(asJson(found, markets, options));
        else printBook(found, markets, options);
      } finally {
        await reader.close();
      }
    });
}

function unknownBook(
  options: BookOptions,
  span: { firstReceivedAt: UnixMicros; lastReceivedAt: UnixMicros } | null,
): string {
  const recorded = span
    ? `the recording covers ${formatTime(span.firstReceivedAt)} to ${formatTime(span.lastReceivedAt)}`
    : "the recording is empty";
  return `no book known yet of token ${options.token} at ${formatTime(options.at)}; ${recorded}`;
}

function asJson({ book: state, verdict, openGaps }: BookAt, markets: MarketBook, { at, depth }: BookOptions): unknown {
  const { ladder } = state;
  const level = ({ price, size }: Level) => ({ price: formatMicros(price), size: formatMicros(size) });
  const price = (micros: number | null) => (micros === null ? null : formatMicros(micros));
  return {
    token: state.instrument,
    market: state.market,
    ...nameOf(markets, state.instrument),
    at: formatTime(at),
    bids: ladder.levels("bid", depth).map(level),
    asks: ladder.levels("ask", depth).map(level),
    bestBid: price(ladder.bestBid()),
    bestAsk: price(ladder.bestAsk()),
    mid: mid(ladder) === null ? null : Number(mid(ladder)) / 1e6,
    weightedMid: weightedMid(ladder) === null ? null : Number(weightedMid(ladder)) / 1e6,
    spread: price(spread(ladder)),
    imbalance: imbalance(ladder, depth),
    crossing: crossing(ladder),
    tickSize: formatMicros(ladder.tickSize),
    levels: { bids: ladder.count("bid"), asks: ladder.count("ask") },
    proof: verdict,
    digest: state.digest,
    sentAt: formatTime(state.sentAt),
    lastFrame: { seq: state.seq, receivedAt: formatTime(state.receivedAt), ageMicros: at - state.receivedAt },
    openGaps,
  };
}

function printBook({ book: state, verdict, openGaps }: BookAt, markets: MarketBook, { at, depth }: BookOptions): void {
  const { ladder } = state;
  const { slug, outcome } = nameOf(markets, state.instrument);
  print(`${slug ?? state.market} ${outcome ?? ""} at ${formatTime(at)}`);
  const bids = cumulativeDepth(ladder, "bid", depth);
  const asks = cumulativeDepth(ladder, "ask", depth);
  const rows = Array.from({ length: Math.max(bids.length, asks.length) }, (_, index) => {
    const [bid, ask] = [bids[index], asks[index]];
    return [
      bid ? formatMicros(bid.cumulativeSize) : "",
      bid ? formatMicros(bid.size) : "",
      bid ? formatMicros(bid.price) : "",
      ask ? formatMicros(ask.price) : "",
      ask ? formatMicros(ask.size) : "",
      ask ? formatMicros(ask.cumulativeSize) : "",
    ];
  });
  print(table([["sum", "size", "bid", "ask", "size", "sum"], ...rows]));
  const gap = spread(ladder);
  print(
    `spread ${gap === null ? "none (one-sided)" : formatMicros(gap)}${crossing(ladder) === "none" ? "" : `, ${crossing(ladder)}`}; ${ladder.count("bid")} bids, ${ladder.count("ask")} asks in all`,
  );
  print(`proof  ${verdict} (venue's digest ${state.digest || "none"})`);
  print(`age    ${Math.round((at - state.receivedAt) / MILLISECOND).toLocaleString("en")} ms since frame ${state.seq}`);
  for (const open of openGaps) print(`GAP    ${gapLine(open)}`);
}
