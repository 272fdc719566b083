import { type Market, MILLISECOND, parseTime, type UnixMicros } from "#model";
import { parseWindowSlug } from "#venue";
import type { EmulatorSource } from "../source.ts";
import { type HttpAnswer, json } from "./http-answer.ts";

/**
 * The web site's strike service: `symbol=BTC&eventStartTime=…&endDate=…&variant=…&twapEnabled=true&…`. It knows a boundary
 * price seconds after the boundary. Here it always means the average; the venue's own, asked without the twap members,
 * answers with the spot price.
 */
export function answerCryptoPrice(query: URLSearchParams, source: EmulatorSource, now: UnixMicros): HttpAnswer {
  const coin = query.get("symbol")?.toLowerCase();
  const startsAt = parseTime(query.get("eventStartTime") ?? "");
  const endsAt = parseTime(query.get("endDate") ?? "");
  const market = marketOf(source.markets(), coin, startsAt, endsAt);
  if (!market) return json({ error: "no such window" }, 404);
  const { strike, finalPrice } = source.boundaryPrices(market);
  return json({
    openPrice: strike === null ? null : Number(strike.exact),
    closePrice: finalPrice === null ? null : Number(finalPrice.exact),
    timestamp: Math.floor(now / MILLISECOND),
    completed: finalPrice !== null,
    incomplete: strike === null,
    cached: false,
  });
}

function marketOf(
  markets: Iterable<Market>,
  coin: string | undefined,
  startsAt: UnixMicros | undefined,
  endsAt: UnixMicros | undefined,
): Market | undefined {
  for (const market of markets) {
    const { window } = market;
    if (parseWindowSlug(market.slug)?.coin === coin && window?.startsAt === startsAt && window?.endsAt === endsAt) {
      return market;
    }
  }
  return undefined;
}
