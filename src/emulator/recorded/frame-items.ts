import type { Frame, InstrumentId, ReferencePrice, VenueEvent } from "#model";
import type { MarketFrame } from "../source.ts";
import type { RecordedCatalog } from "./recorded-catalog.ts";

/** A frame of the market channel as it is sent on; null for PONG and [], which answered the recorder and nobody else. */
export function marketFrameOf(
  { bytes }: Frame,
  events: readonly VenueEvent[],
  catalog: RecordedCatalog,
): MarketFrame | null {
  if (events.every(({ kind }) => kind === "notice")) return null;
  const instruments = new Set<InstrumentId>();
  let audience: MarketFrame["audience"] = "custom";
  for (const event of events) {
    switch (event.kind) {
      case "price_change":
        for (const { instrument } of event.changes) instruments.add(instrument);
        audience = "all";
        break;
      case "book":
      case "trade":
      case "tick_size_change":
        instruments.add(event.instrument);
        audience = "all";
        break;
      case "best_prices":
        instruments.add(event.instrument);
        break;
      case "market_resolved":
        for (const instrument of catalog.instrumentsOf(event.market)) instruments.add(instrument);
        break;
      case "market_created":
        audience = "everyone";
        break;
      default:
        // Not understood, so it may concern anybody.
        audience = "all";
        break;
    }
  }
  const resolution = events.length > 0 && events.every(({ kind }) => kind === "market_resolved");
  const trades = events.filter((event) => event.kind === "trade");
  return { kind: "market", bytes, instruments: [...instruments], audience, resolution, trades };
}

/** Live points only: what a service sent its own subscriber at the start concerns nobody else. */
export function livePrices(events: readonly VenueEvent[]): readonly ReferencePrice[] {
  return events.filter((event) => event.kind === "reference_price").filter(({ history }) => !history);
}
