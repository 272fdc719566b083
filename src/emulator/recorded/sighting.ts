import type { InstrumentId, Market, MarketId, UnixMicros } from "#model";
import { parseWindowSlug, seriesSlug, settlementOfWindow } from "#venue";
import { listing, USUAL_TICK } from "../synthetic/listing.ts";

/** A market as frames and labels show it. */
export interface Sighting {
  /** In order of appearance. */
  readonly instruments: readonly InstrumentId[];
  /** A window's slug, where a connection's label is one. */
  readonly slug: string | undefined;
  readonly since: UnixMicros;
}

/** What can be concluded of a market that no catalog tells of. `resolution` may name its outcomes; the outcome stays open. */
export function marketFrom(
  id: MarketId,
  { instruments, slug }: Sighting,
  resolution: { readonly winner: InstrumentId; readonly name: string } | null,
): Market {
  const recurring = slug === undefined ? undefined : parseWindowSlug(slug);
  const names = recurring ? ["Up", "Down"] : ["Yes", "No"];
  // Frames do not say which token is which outcome; a resolution does. Else the order of appearance has to do.
  if (resolution && names.indexOf(resolution.name) !== instruments.indexOf(resolution.winner)) names.reverse();
  return {
    ...listing(
      slug ?? `recorded-${id.slice(2, 12)}`,
      id,
      instruments.map((instrument, index) => ({ name: names[index] ?? `Outcome ${index + 1}`, instrument })),
    ),
    question: slug ?? `Recorded market ${id}`,
    tickSize: USUAL_TICK,
    seriesSlug: recurring ? seriesSlug(recurring.coin, recurring.timeframe) : null,
    window: recurring?.window ?? null,
    settlement: recurring ? settlementOfWindow(recurring) : { kind: "other", source: "" },
  };
}
