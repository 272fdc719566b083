import type { InstrumentId, MarketId, VenueEvent } from "#model";

type BookEvent = Extract<VenueEvent, { kind: "book" | "price_change" | "trade" | "tick_size_change" | "best_prices" }>;

/** What the books of one market take part in. Announcements and resolutions are the catalog's: they stay in the rest. */
export function isOfBooks(event: VenueEvent): event is BookEvent {
  switch (event.kind) {
    case "book":
    case "price_change":
    case "trade":
    case "tick_size_change":
    case "best_prices":
      return true;
    default:
      return false;
  }
}

/** The one market that a frame is about, with all its messages; undefined where it has none or several. */
export function marketOf(events: readonly VenueEvent[]): MarketId | undefined {
  const [first] = events;
  if (first === undefined || !isOfBooks(first)) return undefined;
  const { market } = first;
  return events.every((event) => isOfBooks(event) && event.market === market) ? market : undefined;
}

export function instrumentsOf(event: VenueEvent): readonly InstrumentId[] {
  if (event.kind === "price_change") return event.changes.map(({ instrument }) => instrument);
  return isOfBooks(event) ? [event.instrument] : [];
}
