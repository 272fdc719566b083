import type { ExactPrice, Frame, InstrumentId, Market, MarketId, UnixMicros, VenueEvent } from "#model";
import { decodeExchange } from "#model";
import { decodeClobMarket, decodeGamma, decodeWindowPrices, windowOfPricesUrl } from "#venue";

/** What a frame tells of markets, beside their books. It became known when the frame was received. */
export type Fact =
  | { readonly kind: "market"; readonly source: "gamma" | "announcement"; readonly market: Market }
  | {
      readonly kind: "strike" | "final_price";
      readonly source: FactSource;
      readonly slug: string;
      readonly price: ExactPrice;
    }
  | {
      readonly kind: "resolution";
      readonly source: FactSource;
      readonly market: MarketId;
      readonly winner: InstrumentId;
    };

export type FactSource = "gamma" | "clob" | "strike_service" | "announcement";

export type FactAt = Fact & { readonly knownAt: UnixMicros; readonly seq: number };

/** The facts of a frame of any kind, with the events already decoded from it. */
export function factsOf(frame: Frame, events: readonly VenueEvent[]): readonly Fact[] {
  if (frame.kind === "answered") return factsOfAnswer(frame.bytes);
  return events.flatMap((event): readonly Fact[] => {
    if (event.kind === "market_created") return [{ kind: "market", source: "announcement", market: event.market }];
    if (event.kind === "market_resolved") {
      const { market, winner } = event;
      return [{ kind: "resolution", source: "announcement", market, winner }];
    }
    return [];
  });
}

function factsOfAnswer(bytes: Uint8Array): readonly Fact[] {
  const answer = decodeExchange(bytes);
  if (answer?.head.status !== 200) return [];
  const { url } = answer.head;
  const slug = windowOfPricesUrl(url);
  if (slug !== undefined) return factsOfPrices(slug, answer.body);
  if (/\/markets\/0x/.test(url)) {
    const found = decodeClobMarket(answer.body);
    if (found.kind !== "clob_market" || found.winner === null) return [];
    return [{ kind: "resolution", source: "clob", market: found.id, winner: found.winner }];
  }
  return /\/(events|markets)\b/.test(url) ? decodeGamma(answer.body).markets.flatMap(factsOfMarket) : [];
}

function factsOfMarket(market: Market): readonly Fact[] {
  const { id, slug, strike, finalPrice, winner } = market;
  const facts: Fact[] = [{ kind: "market", source: "gamma", market }];
  if (strike) facts.push({ kind: "strike", source: "gamma", slug, price: strike });
  if (finalPrice) facts.push({ kind: "final_price", source: "gamma", slug, price: finalPrice });
  if (winner) facts.push({ kind: "resolution", source: "gamma", market: id, winner });
  return facts;
}

function factsOfPrices(slug: string, body: Uint8Array): readonly Fact[] {
  const prices = decodeWindowPrices(body);
  if (prices.kind !== "window_prices") return [];
  const facts: Fact[] = [];
  if (prices.open) facts.push({ kind: "strike", source: "strike_service", slug, price: prices.open });
  if (prices.close) facts.push({ kind: "final_price", source: "strike_service", slug, price: prices.close });
  return facts;
}

/** Answers are repeated each few seconds: only what is new is a fact again. */
export class NewFacts {
  readonly #last = new Map<string, string>();

  isNew(fact: Fact): boolean {
    const said = JSON.stringify(fact);
    const about = `${fact.kind}/${fact.source}/${aboutOf(fact)}`;
    if (this.#last.get(about) === said) return false;
    this.#last.set(about, said);
    return true;
  }
}

function aboutOf(fact: Fact): string {
  if (fact.kind === "market") return fact.market.id;
  return fact.kind === "resolution" ? fact.market : fact.slug;
}
