/**
 * A piece of JSON between two values, 8 to 24 bytes long, as its first, middle and last eight bytes. These overlap in
 * most, so that three compares without a loop cover every byte and nothing else. They are doubles for the reason told in
 * fast-ids.ts.
 */
export interface Literal {
  readonly length: number;
  readonly head: number;
  readonly middleAt: number;
  readonly middle: number;
  readonly tailAt: number;
  readonly tail: number;
}

const LONGEST = 24;
const WORD = 8;

/** True where the literal stands at `at`; `view` must be readable for 24 bytes from there. */
export function standsAt(literal: Literal, view: DataView, at: number): boolean {
  return (
    view.getFloat64(at, true) === literal.head &&
    view.getFloat64(at + literal.tailAt, true) === literal.tail &&
    view.getFloat64(at + literal.middleAt, true) === literal.middle
  );
}

/** The same for a literal of at most 16 bytes, which its head and its tail cover. */
export function shortStandsAt(literal: Literal, view: DataView, at: number): boolean {
  return view.getFloat64(at, true) === literal.head && view.getFloat64(at + literal.tailAt, true) === literal.tail;
}

function literal(text: string, comma: string, colon: string): Literal {
  // In these pieces every comma and colon is one between members: none stands inside a text.
  const bytes = Buffer.from(text.replaceAll(",", comma).replaceAll(":", colon), "latin1");
  if (bytes.length < WORD || bytes.length > LONGEST) throw new RangeError(`a literal has 8 to 24 bytes: ${text}`);
  const tailAt = bytes.length - WORD;
  const middleAt = Math.min(WORD, tailAt);
  return {
    length: bytes.length,
    head: bytes.readDoubleLE(0),
    middleAt,
    middle: bytes.readDoubleLE(middleAt),
    tailAt,
    tail: bytes.readDoubleLE(tailAt),
  };
}

/** What stands between the values of the hot messages; what is longer than a literal may be, in two. */
function literalsOf(comma: "," | ", ", colon: ":" | ": ") {
  const between = (text: string): Literal => literal(text, comma, colon);
  return {
    market: between('{"market":"'),
    changes: between('","price_change'),
    firstChange: between('s":[{"asset_id":"'),
    nextChange: between('"},{"asset_id":"'),
    price: between('","price":"'),
    size: between('","size":"'),
    buy: between('","side":"BUY'),
    sell: between('","side":"SELL'),
    hash: between('","hash":"'),
    bestBid: between('","best_bid":"'),
    bestAsk: between('","best_ask":"'),
    timeOfChanges: between('"}],"timestamp":"'),
    eventType: between('","event_type'),
    endOfChanges: between('":"price_change"}'),
    book: between('","asset_id":"'),
    bids: between('","bids":[{"price":"'),
    noBids: between('","bids":[]'),
    nextLevel: between('"},{"price":"'),
    asks: between(',"asks":[{"price":"'),
    noAsks: between(',"asks":[]'),
    hashOfBook: between(',"hash":"'),
    timeOfBook: between('","timestamp":"'),
    endOfBook: between('":"book"}'),
  };
}

export type Literals = ReturnType<typeof literalsOf>;

/** By spacing: 1 for a space after each colon, plus 2 for one after each comma. */
export const LITERALS: readonly Literals[] = [
  literalsOf(",", ":"),
  literalsOf(",", ": "),
  literalsOf(", ", ":"),
  literalsOf(", ", ": "),
];
