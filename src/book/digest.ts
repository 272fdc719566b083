import { hash } from "node:crypto";
import type { Digest, InstrumentId, Level, MarketId, PriceMicros, SizeMicros, UnixMicros } from "#model";
import { formatFixed, formatMicros, MILLISECOND } from "#model";
import type { Ladder } from "./ladder.ts";

/*
 * The venue's digest of a book: SHA-1 of compact JSON with `hash` emptied and this key order (levels worst first):
 *   market, asset_id, timestamp, hash, bids[{price,size}], asks[{price,size}], min_order_size, tick_size, neg_risk, last_trade_price
 * Source: py-clob-client-v2 utilities.py, reproduced on 176,820 recorded books. Prices, sizes, tick and minimum size are
 * in shortest form, the last trade price has three decimals, or is "" before the first trade.
 */

export interface DigestFields {
  readonly market: MarketId;
  readonly instrument: InstrumentId;
  readonly sentAt: UnixMicros;
  readonly minOrderSize: SizeMicros;
  readonly tickSize: PriceMicros;
  readonly negRisk: boolean;
  /** The market's, not the instrument's; null: no trade yet. */
  readonly lastTradePrice: PriceMicros | null;
}

export function bookDigest(ladder: Ladder, fields: DigestFields): Digest {
  return hash("sha1", digestPrefix(ladder, fields) + digestSuffix(fields), "hex") as Digest;
}

/** The digest of a book given as levels, best first, where there is no Ladder of it. */
export function snapshotDigest(bids: readonly Level[], asks: readonly Level[], fields: DigestFields): Digest {
  const side = (levels: readonly Level[]) => levels.toReversed().map(({ price, size }) => renderLevel(price, size));
  return hash(
    "sha1",
    preimageHead(fields, side(bids).join(","), side(asks).join(",")) + digestSuffix(fields),
    "hex",
  ) as Digest;
}

/** What the digest covers up to the fields that update frames do not carry; those are in digestSuffix. */
export function digestPrefix(ladder: Ladder, fields: Pick<DigestFields, "market" | "instrument" | "sentAt">): string {
  return preimageHead(fields, ladder.rendered("bid", renderLevel), ladder.rendered("ask", renderLevel));
}

export function digestSuffix(
  fields: Pick<DigestFields, "minOrderSize" | "tickSize" | "negRisk" | "lastTradePrice">,
): string {
  const { minOrderSize, tickSize, negRisk, lastTradePrice } = fields;
  const traded = lastTradePrice === null ? "" : formatFixed(lastTradePrice, 3);
  return `"min_order_size":"${formatMicros(minOrderSize)}","tick_size":"${formatMicros(tickSize)}","neg_risk":${negRisk},"last_trade_price":"${traded}"}`;
}

function preimageHead(
  { market, instrument, sentAt }: Pick<DigestFields, "market" | "instrument" | "sentAt">,
  bids: string,
  asks: string,
): string {
  return `{"market":"${market}","asset_id":"${instrument}","timestamp":"${sentAt / MILLISECOND}","hash":"","bids":[${bids}],"asks":[${asks}],`;
}

function renderLevel(price: number, size: number): string {
  return `{"price":"${formatMicros(price)}","size":"${formatMicros(size)}"}`;
}
