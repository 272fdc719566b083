/** A piece of JSON between two values, compared four bytes at a time. */
export interface Literal {
  readonly length: number;
  readonly words: Int32Array;
  readonly rest: Uint8Array;
}

export function matches(literal: Literal, view: DataView, bytes: Uint8Array, at: number): boolean {
  const { words, rest } = literal;
  if (at + literal.length > bytes.length) return false;
  let from = at;
  for (let index = 0; index < words.length; index++, from += 4) if (view.getInt32(from) !== words[index]) return false;
  for (let index = 0; index < rest.length; index++) if (bytes[from + index] !== rest[index]) return false;
  return true;
}

function literal(text: string, comma: string, colon: string): Literal {
  // In these pieces every comma and colon is one between members: none stands inside a text.
  const bytes = new TextEncoder().encode(text.replaceAll(",", `,${comma}`).replaceAll(":", `:${colon}`));
  const view = new DataView(bytes.buffer);
  const words = Int32Array.from({ length: bytes.length >> 2 }, (_, index) => view.getInt32(index * 4));
  return { length: bytes.length, words, rest: bytes.slice(words.length * 4) };
}

/** What stands between the values of the two hot messages, each from the closing quote of a value to the opening of the next. */
export function literalsOf(commaGap: 0 | 1, colonGap: 0 | 1) {
  const between = (text: string): Literal => literal(text, " ".repeat(commaGap), " ".repeat(colonGap));
  return {
    commaGap,
    market: between('{"market":"'),
    priceChanges: between('","price_changes":[{"asset_id":"'),
    nextChange: between('"},{"asset_id":"'),
    price: between('","price":"'),
    size: between('","size":"'),
    side: between('","side":"'),
    hash: between('","hash":"'),
    bestBid: between('","best_bid":"'),
    bestAsk: between('","best_ask":"'),
    timestampAfterChanges: between('"}],"timestamp":"'),
    endOfPriceChange: between('","event_type":"price_change"}'),
    assetIdOfBook: between('","asset_id":"'),
    bids: between('","bids":['),
    asks: between(',"asks":['),
    levelPrice: between('{"price":"'),
    endOfLevel: between('"}'),
    hashAfterLevels: between(',"hash":"'),
    timestampAfterHash: between('","timestamp":"'),
    endOfBook: between('","event_type":"book"}'),
  };
}

/** Index = colon gap + 2 x comma gap. */
export const SPACINGS = [literalsOf(0, 0), literalsOf(0, 1), literalsOf(1, 0), literalsOf(1, 1)] as const;
