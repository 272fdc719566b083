import { describe, expect, it } from "vitest";
import { createSyntheticMarket } from "#emulator";
import type { ExactPrice, Frame, Market, MarketResolved, ReferencePrice, UnixMicros } from "#model";
import { MINUTE, SECOND } from "#model";
import { marketsOf } from "#replay";
import { Decoder } from "#venue";
import { sourceOf, startRecording } from "./fixtures/recording.ts";
import { standingClock } from "./fixtures/standing-clock.ts";
import { OPENS_AT } from "./fixtures/written-tape.ts";

const COINS = ["btc", "eth", "sol", "xrp"];
/** With it some of the windows go up and some go down. */
const SEED = 3;

/** What the recording tells of prices and outcomes, and nothing but the recording. */
async function toldBy(frames: readonly Frame[]) {
  const decoder = new Decoder();
  const events = frames.flatMap((frame) => decoder.decodeFrame(frame));
  return {
    markets: (await marketsOf(sourceOf(frames))).all(),
    prices: events.filter((event): event is ReferencePrice => event.kind === "reference_price"),
    resolutions: events.filter((event): event is MarketResolved => event.kind === "market_resolved"),
  };
}

/** Gamma tells strikes as JSON numbers, which end after some 16 digits; the streams tell all of them. */
const toldAs = (price: ExactPrice | null | undefined) => price && { price: price.price, exact: Number(price.exact) };
const isOver = (market: Market) => market.window?.startsAt === OPENS_AT;

describe("what a window settles by (P14)", () => {
  it("is recorded: average, spot, strike and final price, and they agree with the outcome", async () => {
    const source = createSyntheticMarket({
      seed: SEED,
      startsAt: (OPENS_AT - MINUTE) as UnixMicros,
      series: COINS.map((coin) => `${coin}-updown-5m`),
      aheadMicros: 20 * MINUTE,
      activity: 0.05,
      holes: false,
    });
    const recording = await startRecording({
      source,
      clock: standingClock((OPENS_AT - 30 * SECOND) as UnixMicros, 60),
      record: COINS.map((coin) => `series:${coin}-updown-5m`),
      // Kept until the catalog has told all, however late that is.
      plan: { grace: 20 * MINUTE },
    });
    const slugs = COINS.map((coin) => `${coin}-updown-5m-${OPENS_AT / SECOND}`);
    await recording.until("all told", ({ markets }) => {
      const over = markets.filter((market) => slugs.includes(market.slug));
      return over.length === COINS.length && over.every((each) => each.winner && each.finalPrice?.by === "catalog");
    });
    await recording.stop();

    const { markets, prices, resolutions } = await toldBy(await recording.frames());
    const outcomes: string[] = [];
    let spotWouldMislead = 0;
    for (const market of markets.filter(isOver)) {
      const { settlement, window, strike, finalPrice } = market;
      if (settlement.kind !== "chainlink_twap" || !window) throw new Error(`not settled by an average: ${market.slug}`);
      const shown = (measure: "twap" | "spot", at: UnixMicros) =>
        prices.filter(
          (price) => price.symbol === settlement.symbol && price.measure === measure && price.observedAt === at,
        );
      for (const source of ["polybolt", "rtds"]) {
        const twap = (at: UnixMicros) =>
          shown("twap", at).find((price) => price.source === source && price.windowSeconds === settlement.seconds);
        expect({ source, value: toldAs(twap(window.startsAt)) }).toEqual({ source, value: toldAs(strike) });
        expect({ source, value: toldAs(twap(window.endsAt)) }).toEqual({ source, value: toldAs(finalPrice) });
      }
      const [spotAtStart, spotAtEnd] = [shown("spot", window.startsAt)[0], shown("spot", window.endsAt)[0]];
      expect(spotAtStart?.provider).toBe("chainlink");
      if (spotAtStart!.price !== strike!.price && spotAtEnd!.price !== finalPrice!.price) spotWouldMislead++;

      // A tie goes up.
      const outcome = finalPrice!.price >= strike!.price ? "Up" : "Down";
      const winner = market.outcomes.find(({ name }) => name === outcome)!.instrument;
      expect(market).toMatchObject({ winner, closed: true });
      const said = resolutions.filter((each) => each.market === market.id);
      expect(said.length).toBeGreaterThan(0);
      for (const each of said) expect(each).toMatchObject({ winner, outcome });
      outcomes.push(outcome);
    }
    expect(outcomes).toHaveLength(COINS.length);
    expect(new Set(outcomes).size).toBe(2);
    expect(spotWouldMislead).toBeGreaterThan(0);
  });
});
