import type { Market } from "#model";
import type { EmulatedItem } from "../source.ts";
import { answerClob } from "./clob.ts";
import { answerCryptoPrice } from "./crypto-price.ts";
import { answerDataApi } from "./data-api.ts";
import { answerGamma } from "./gamma.ts";
import { MarketChannel } from "./market-channel.ts";
import { MarketTape } from "./market-tape.ts";
import type { PartContext, VenuePart } from "./parts.ts";
import { PolyBoltChannel } from "./polybolt-channel.ts";
import { RtdsChannel } from "./rtds-channel.ts";

/** The public side of the venue: market channel, price services, catalog and books over HTTP. */
export interface MarketData extends VenuePart {
  readonly market: MarketChannel;
}

/** @param tokenLimit tokens a market socket may hold before it falls silent; null: no limit. */
export function createMarketData(context: PartContext, tokenLimit: number | null): MarketData {
  const { source, clock } = context;
  const market = new MarketChannel({ source, book: context.book, tokenLimit });
  const polybolt = new PolyBoltChannel(context);
  const rtds = new RtdsChannel(context);
  const tape = new MarketTape(context);
  const sight = () => ({
    now: clock.now(),
    book: context.book,
    markets: () => source.markets(),
    lastTrade: (asked: Market) => tape.lastTrade(asked),
    history: ({ outcomes }: Market) => tape.history(outcomes.map(({ instrument }) => instrument)),
  });
  return {
    market,
    doors: [
      { surface: "market", paths: ["/ws/market"], accept: (socket, outlet) => market.accept(socket, outlet) },
      {
        surface: "polybolt",
        paths: ["/polybolt/ws", "/polybolt"],
        accept: (socket, outlet) => polybolt.accept(socket, outlet),
      },
      { surface: "rtds", paths: ["/rtds"], accept: (socket, outlet) => rtds.accept(socket, outlet) },
    ],
    routes: [
      {
        prefix: "/api/crypto/crypto-price",
        surface: "gamma",
        answer: ({ query }) => answerCryptoPrice(query, source, clock.now()),
      },
      { prefix: "/gamma", surface: "gamma", answer: ({ path, query }) => answerGamma(path, query, sight()) },
      { prefix: "/clob", surface: "clob", answer: (request) => answerClob(request, sight()) },
      { prefix: "/data-api", surface: "data", answer: (request) => answerDataApi(request, sight()) },
    ],
    deliver(item: EmulatedItem): void {
      switch (item.kind) {
        case "market":
          tape.deliver(item);
          market.deliver(item);
          return polybolt.deliverBooks(item);
        case "reference":
          polybolt.deliver(item.price);
          return rtds.deliver(item.price);
        case "recorded": {
          const [own, other] = item.surface === "polybolt" ? [polybolt, rtds] : [rtds, polybolt];
          own.deliverRecorded(item);
          if (item.alone) for (const price of item.prices) other.deliver(price);
          return;
        }
      }
    },
    moved(): void {
      tape.moved();
      market.moved();
      polybolt.moved();
      rtds.moved();
    },
  };
}
