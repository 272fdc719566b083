import { type InstrumentId, type Market, type MarketId, MINUTE, type Trade, type UnixMicros } from "#model";
import type { MarketFrame, MarketHistory } from "../source.ts";
import type { PartContext } from "./parts.ts";

const MOST_TRADES = 20_000;
/** A day of minutes. */
const MOST_MIDS = 1_440;

/**
 * The trades and minute mids that were played, for questions about the past; of a source that remembers more, what it
 * remembers. Forgets all when the source is moved: what was played may not have happened yet.
 */
export class MarketTape {
  readonly #context: PartContext;
  readonly #mids = new Map<InstrumentId, { at: UnixMicros; mid: number }[]>();
  readonly #last = new Map<MarketId, Trade>();
  #trades: Trade[] = [];

  constructor(context: PartContext) {
    this.#context = context;
  }

  deliver({ instruments, trades = [] }: MarketFrame): void {
    for (const trade of trades) this.#last.set(trade.market, trade);
    // A source that remembers needs no second memory.
    if (this.#context.source.history) return;
    this.#trades.push(...trades);
    if (this.#trades.length > 2 * MOST_TRADES) this.#trades = this.#trades.slice(-MOST_TRADES);
    for (const instrument of instruments) this.#noteMid(instrument);
  }

  moved(): void {
    this.#mids.clear();
    this.#last.clear();
    this.#trades = [];
  }

  /** The last trade of a market, of whichever token; undefined where there is none. */
  async lastTrade({ id, outcomes }: Market): Promise<Trade | undefined> {
    const played = this.#last.get(id);
    if (played) return played;
    const { trades } = await this.history(outcomes.map(({ instrument }) => instrument));
    const last = trades.at(-1);
    // Played meanwhile is newer still.
    if (last && !this.#last.has(id)) this.#last.set(id, last);
    return this.#last.get(id);
  }

  async history(instruments: readonly InstrumentId[]): Promise<MarketHistory> {
    const { source } = this.#context;
    if (source.history) return source.history(instruments);
    const mids = instruments.map((instrument) => [instrument, this.#mids.get(instrument) ?? []] as const);
    return { trades: this.#trades.filter((trade) => instruments.includes(trade.instrument)), mids: new Map(mids) };
  }

  /** Of the book after the first frame of a minute. */
  #noteMid(instrument: InstrumentId): void {
    const at = (Math.floor(this.#context.clock.now() / MINUTE) * MINUTE) as UnixMicros;
    const mids = this.#mids.get(instrument) ?? [];
    if (mids.at(-1)?.at === at) return;
    const answer = this.#context.book(instrument);
    const [bid, ask] = answer.kind === "open" ? [answer.book.bids[0], answer.book.asks[0]] : [];
    if (!(bid && ask)) return;
    mids.push({ at, mid: (bid.price + ask.price) / 2 });
    if (mids.length > MOST_MIDS) mids.shift();
    this.#mids.set(instrument, mids);
  }
}
