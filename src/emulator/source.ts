import {
  type BookSnapshot,
  type ExactPrice,
  formatTime,
  type InstrumentId,
  type Market,
  type ReferencePrice,
  type Trade,
  type UnixMicros,
} from "#model";

/** A frame of the market channel, ready to be sent. */
export interface MarketFrame {
  readonly kind: "market";
  readonly bytes: Uint8Array;
  /** Goes to who subscribed any of these. */
  readonly instruments: readonly InstrumentId[];
  /**
   * Whom else it depends on: `all` needs nothing more, `custom` only those who asked for custom features, `everyone`
   * those too, subscribed or not.
   */
  readonly audience: "all" | "custom" | "everyone";
  /** True for the announcement of a resolution: the one message the venue is known to forget. */
  readonly resolution: boolean;
  /** The trades it tells of, for those who answer questions about them. */
  readonly trades?: readonly Trade[];
}

/** A new observation of an underlying price; each price service spells it its own way. */
export interface ReferenceItem {
  readonly kind: "reference";
  readonly price: ReferencePrice;
}

/** A recorded frame of a price service, sent as it is to whoever listens there. */
export interface RecordedReference {
  readonly kind: "recorded";
  readonly surface: "polybolt" | "rtds";
  readonly bytes: Uint8Array;
  /** The live points in it: at least one. */
  readonly prices: readonly ReferencePrice[];
  /** True where the other service was not recorded: it may be served from these points too. */
  readonly alone: boolean;
}

export type EmulatedItem = MarketFrame | ReferenceItem | RecordedReference;

/**
 * What is known of an instrument's book:
 * - open: a book
 * - later: it will have one, but nobody could have seen it yet
 * - none: unknown, or its market is closed
 */
export type BookAnswer =
  | { readonly kind: "open"; readonly book: BookSnapshot }
  | { readonly kind: "later" }
  | { readonly kind: "none" };

/**
 * What the emulator plays: a past or an invented one. It moves in steps; between two steps everything it answers is the
 * state after the last one, so nothing is ever known before its time.
 */
export interface EmulatorSource {
  /** When the next step is due; null when none is at hand: then `prepare`. */
  nextAt(): UnixMicros | null;
  /** Brings the next steps to hand; false at the end. */
  prepare(): Promise<boolean>;
  /** Takes the next step. Only where `nextAt` is not null. */
  step(): readonly EmulatedItem[];
  book(instrument: InstrumentId): BookAnswer;
  /** All markets as they are known now: no outcome before it is out. */
  markets(): Iterable<Market>;
  /** For those who run the emulator: all markets the source knows of, also those to come; default: `markets`. */
  listing?(): Iterable<Market>;
  /** The last two minutes of reference prices, oldest first. */
  references(): readonly ReferencePrice[];
  /** The strike and final price of a window as the price feed shows them, well before the catalog does. */
  boundaryPrices(market: Market): { readonly strike: ExactPrice | null; readonly finalPrice: ExactPrice | null };
  /** What can be played, where that is known: the bounds of `seek`. */
  readonly span?: { readonly from: UnixMicros; readonly to: UnixMicros };
  /**
   * Goes to another moment, forwards or back: everything it answers is then the state at that moment, and the next step is
   * the first one after it. Absent where a source can only go on.
   * @throws MomentOutside where nothing was recorded then.
   */
  seek?(at: UnixMicros): Promise<void>;
  /** What happened on a market up to now, for questions about the past; absent where nobody kept it. */
  history?(instruments: readonly InstrumentId[]): Promise<MarketHistory>;
  /** Shifts the venue's own clock, and with it `sentAt` and digests; false where the past cannot be rewritten. */
  skew(micros: number): boolean;
  close(): Promise<void>;
}

/** Trades and prices of a market's instruments up to the moment it was asked. */
export interface MarketHistory {
  /** Oldest first. */
  readonly trades: readonly Trade[];
  /** The mid of each instrument at the end of each minute in which it was known, in micros, oldest first. */
  readonly mids: ReadonlyMap<InstrumentId, readonly { readonly at: UnixMicros; readonly mid: number }[]>;
}

/** A moment of which there is no recording: one line that says what there is. */
export class MomentOutside extends RangeError {
  override readonly name = "MomentOutside";

  constructor(at: UnixMicros, span: { readonly from: UnixMicros; readonly to: UnixMicros }) {
    super(
      `nothing is recorded at ${formatTime(at)}: the recording goes from ${formatTime(span.from)} to ${formatTime(span.to)}`,
    );
  }
}
