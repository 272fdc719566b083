import type { BookState } from "#book";
import type {
  Gap,
  InstrumentId,
  Market,
  MarketId,
  ReferencePrice,
  Side,
  Trade,
  UnixMicros,
  VenueEvent,
  Verdict,
} from "#model";
import type { MarketBook, TimelineStep } from "#timeline";
import type { Cell, Row } from "./tables.ts";

/** Facts as rows of the tables. The order of cells is that of the columns in tables.ts. */

type InstrumentCells = readonly [
  market: string | null,
  token: string | null,
  slug: string | null,
  outcome: string | null,
];

export function instrumentCells(
  markets: MarketBook,
  marketId: MarketId | null,
  instrument: InstrumentId | null,
): InstrumentCells {
  const market = instrument === null ? undefined : markets.ofInstrument(instrument);
  const known: Market | undefined = market ?? (marketId === null ? undefined : markets.market(marketId));
  const outcome = known?.outcomes.find((each) => each.instrument === instrument)?.name ?? null;
  return [marketId ?? known?.id ?? null, instrument, known?.slug ?? null, outcome];
}

function originCells({ frame, knownAt }: TimelineStep, sentAt: UnixMicros | null): readonly Cell[] {
  return [frame.seq, frame.receivedAt, knownAt, sentAt];
}

interface EventCells {
  readonly side?: Cell;
  readonly price?: Cell;
  readonly size?: Cell;
  readonly bestBid?: Cell | undefined;
  readonly bestAsk?: Cell | undefined;
  readonly digest?: Cell;
  readonly tickSize?: Cell | undefined;
  readonly minOrderSize?: Cell | undefined;
  readonly negRisk?: Cell | undefined;
  readonly lastTradePrice?: Cell | undefined;
  readonly transaction?: Cell;
  readonly winner?: Cell;
}

/** The rows of one event; none for what is no fact of a market (reference prices have a table of their own). */
export function eventRows(event: VenueEvent, number: number, step: TimelineStep, markets: MarketBook): readonly Row[] {
  if (!("sentAt" in event) || event.kind === "reference_price") return [];
  const rows: Row[] = [];
  const add = (market: MarketId, instrument: InstrumentId | null, cells: EventCells): void => {
    rows.push([
      ...originCells(step, event.sentAt),
      number,
      rows.length,
      ...instrumentCells(markets, market, instrument),
      event.kind,
      cells.side ?? null,
      cells.price ?? null,
      cells.size ?? null,
      cells.bestBid ?? null,
      cells.bestAsk ?? null,
      cells.digest ?? null,
      cells.tickSize ?? null,
      cells.minOrderSize ?? null,
      cells.negRisk ?? null,
      cells.lastTradePrice ?? null,
      cells.transaction ?? null,
      cells.winner ?? null,
    ]);
  };
  switch (event.kind) {
    case "book":
      add(event.market, event.instrument, event);
      for (const side of ["bid", "ask"] as const)
        for (const { price, size } of side === "bid" ? event.bids : event.asks)
          add(event.market, event.instrument, { side, price, size });
      return rows;
    case "price_change":
      for (const change of event.changes) add(event.market, change.instrument, change);
      return rows;
    case "trade":
      add(event.market, event.instrument, { ...event, side: event.takerSide });
      return rows;
    case "tick_size_change":
    case "best_prices":
      add(event.market, event.instrument, event);
      return rows;
    case "market_created":
      for (const { instrument } of event.market.outcomes)
        add(event.market.id, instrument, {
          tickSize: event.market.tickSize,
          minOrderSize: event.market.minOrderSize,
          negRisk: event.market.negRisk,
        });
      return rows;
    case "market_resolved":
      add(event.market, event.winner, { winner: event.winner });
      return rows;
  }
}

export function tradeRow(trade: Trade, step: TimelineStep, markets: MarketBook): Row {
  return [
    ...originCells(step, trade.sentAt),
    ...instrumentCells(markets, trade.market, trade.instrument),
    trade.takerSide,
    trade.price,
    trade.size,
    trade.transaction,
  ];
}

export function priceRow(price: ReferencePrice, step: TimelineStep): Row {
  const { observedAt, source, provider, symbol, measure, windowSeconds, exact, history } = price;
  return [
    ...originCells(step, price.sentAt),
    observedAt,
    source,
    provider,
    symbol,
    measure,
    windowSeconds,
    price.price,
    exact,
    history,
  ];
}

/** The book as it stood: its rows but for the proof, which comes last and is known when the state is over. */
export function bookRows(book: BookState, at: UnixMicros, depth: number, markets: MarketBook): readonly Row[] {
  const cells = instrumentCells(markets, book.market, book.instrument);
  const rows: Row[] = [];
  for (const side of ["bid", "ask"] as const satisfies readonly Side[]) {
    let level = 0;
    book.ladder.forEach(
      side,
      (price, size) => rows.push([at, ...cells, side, level++, price, size, book.receivedAt]),
      depth,
    );
  }
  if (rows.length === 0) rows.push([at, ...cells, null, null, null, null, book.receivedAt]);
  return rows;
}

/** Its best prices, likewise. */
export function quoteRow(book: BookState, at: UnixMicros, markets: MarketBook): Row {
  const { ladder } = book;
  const [bid, ask] = [ladder.bestBid(), ladder.bestAsk()];
  return [
    at,
    ...instrumentCells(markets, book.market, book.instrument),
    bid,
    bid === null ? null : ladder.size("bid", bid),
    ask,
    ask === null ? null : ladder.size("ask", ask),
    ladder.count("bid"),
    ladder.count("ask"),
    book.receivedAt,
  ];
}

export function withProof(row: Row, verdict: Verdict): Row {
  return [...row, verdict];
}

/** A gap of several instruments is as many rows; of everything, one without a token. */
export function gapRows(gap: Gap, instruments: readonly InstrumentId[], markets: MarketBook): readonly Row[] {
  const about: readonly (InstrumentId | null)[] = gap.instruments.length === 0 ? [null] : instruments;
  return about.map((instrument) => [
    gap.id,
    gap.cause,
    ...instrumentCells(markets, null, instrument),
    gap.connection,
    gap.from,
    gap.to,
    gap.fromSeq,
    gap.toSeq,
    gap.evidence,
  ]);
}
