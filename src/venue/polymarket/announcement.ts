import type { InstrumentId, Market, MarketCreated, MarketId, PriceMicros, SizeMicros } from "#model";
import { decodeFee, decodeSettlement, micros, texts } from "./gamma.ts";
import { isMembers, type Members, optionalText, text, Unreadable, venueTime } from "./json.ts";
import { parseWindowSlug, seriesSlug } from "./series.ts";

/** Decodes `new_market`: sent for all markets of the venue about 24 h ahead where custom features are on. */
export function decodeAnnouncement(message: Members): MarketCreated {
  const slug = text(message, "slug");
  const names = texts(message.outcomes, "outcomes");
  const tokens = texts(message.assets_ids ?? message.clob_token_ids, "assets_ids");
  if (tokens.length !== names.length) {
    throw new Unreadable("bad_shape", `${names.length} outcomes but ${tokens.length} assets_ids`);
  }
  const recurring = parseWindowSlug(slug);
  const group = isMembers(message.event_message) ? message.event_message : undefined;
  const market: Market = {
    id: (optionalText(message, "market") ?? text(message, "condition_id")) as MarketId,
    slug,
    question: optionalText(message, "question") ?? "",
    groupSlug: group ? (optionalText(group, "slug") ?? null) : null,
    seriesSlug: recurring ? seriesSlug(recurring.coin, recurring.timeframe) : null,
    outcomes: names.map((name, index) => ({ name, instrument: tokens[index] as InstrumentId })),
    window: recurring?.window ?? null,
    tickSize: micros(message.order_price_min_tick_size, "order_price_min_tick_size", 0.01) as PriceMicros,
    // Not announced. The up/down markets have 5; Gamma's object says it for the others.
    minOrderSize: 5_000_000 as SizeMicros,
    negRisk: message.neg_risk === true,
    active: message.active === true,
    closed: false,
    closedAt: null,
    settlement: decodeSettlement(message, slug),
    fee: message.fees_enabled === true ? decodeFee(message.fee_schedule) : null,
    strike: null,
    finalPrice: null,
    winner: null,
    protocol: message.version === "v2" ? "v2" : "v1",
  };
  return { kind: "market_created", sentAt: venueTime(message), market };
}
