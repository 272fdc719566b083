import { describe, expect, it } from "vitest";
import type { PriceMicros, ReferencePrice, UnixMicros } from "#model";
import { MINUTE } from "#model";
import { market } from "./fixtures/market.ts";
import { MarketRegister } from "./market-register.ts";
import { PLAN_DEFAULTS } from "./plan.ts";

const START = 1_000 * MINUTE;
const END = START + 5 * MINUTE;
const window = market("w", { startsAt: START, endsAt: END });
const at = (micros: number) => micros as UnixMicros;
const price = (exact: string) => ({ price: 1 as PriceMicros, exact });
const twap = (observedAt: number, exact: string, parts: Partial<ReferencePrice> = {}): ReferencePrice => ({
  kind: "reference_price",
  source: "polybolt",
  provider: "chainlink",
  symbol: "btcusd",
  measure: "twap",
  windowSeconds: 60,
  price: 1 as PriceMicros,
  exact,
  observedAt: at(observedAt),
  sentAt: at(observedAt),
  history: false,
  ...parts,
});

function register(): MarketRegister {
  const register = new MarketRegister(PLAN_DEFAULTS);
  register.learn(window, false, at(START - MINUTE));
  return register;
}

describe("MarketRegister", () => {
  it("drops a resolved window after its grace, and does not take it back from a catalog that still shows it", () => {
    const known = register();
    known.resolve(window.id, window.outcomes[0]!.instrument, "socket", at(END + 1));
    expect(known.sweep(at(END + PLAN_DEFAULTS.grace))).toEqual([]);
    expect(known.sweep(at(END + PLAN_DEFAULTS.grace + 1)).map((gone) => gone.market.id)).toEqual([window.id]);
    known.learn(window, false, at(END + 10 * MINUTE));
    expect(known.size).toBe(0);
    expect(known.of(window.outcomes[0]!.instrument)).toBeUndefined();
    expect(known.finished).toMatchObject([{ slug: window.slug, winner: "Up" }]);
  });

  it("still writes down what is learned of a window after it was let go", () => {
    const known = register();
    known.resolve(window.id, window.outcomes[1]!.instrument, "socket", at(END));
    known.sweep(at(END + 10 * MINUTE));
    known.learn({ ...window, finalPrice: price("84001.5") }, false, at(END + 11 * MINUTE));
    expect(known.finished[0]).toMatchObject({ winner: "Down", finalPrice: "84001.5" });
  });

  it("takes the first word on the winner, whoever says it", () => {
    const known = register();
    const [up, down] = window.outcomes;
    known.learn({ ...window, winner: up!.instrument, closed: true }, false, at(END + 1));
    known.resolve(window.id, down!.instrument, "socket", at(END + 2));
    expect(known.get(window.id)?.winner).toEqual({ instrument: up!.instrument, by: "catalog" });
    expect(known.resolvedCount).toBe(1);
  });

  it("lets a market go that closed without a winner", () => {
    const known = register();
    known.learn({ ...window, closed: true }, false, at(END));
    expect(known.sweep(at(END + PLAN_DEFAULTS.grace))).toHaveLength(1);
  });

  it("does not begin to record what was over when it was first heard of", () => {
    const known = new MarketRegister(PLAN_DEFAULTS);
    known.learn({ ...window, closed: true }, true, at(END + MINUTE));
    expect(known.size).toBe(0);
  });

  it("reads strike and final price off the settlement series at the boundary seconds, until the venue says them", () => {
    const known = register();
    known.observe(twap(START - 1, "0"));
    known.observe(twap(START, "spot", { measure: "spot", windowSeconds: null }));
    known.observe(twap(START, "eth", { symbol: "ethusd" }));
    expect(known.get(window.id)?.strike).toBeNull();
    known.observe(twap(START, "84000.1"));
    known.observe(twap(END, "84000.2"));
    expect(known.get(window.id)?.strike).toMatchObject({ exact: "84000.1", by: "feed" });
    expect(known.get(window.id)?.finalPrice).toMatchObject({ exact: "84000.2", by: "feed" });
    expect(known.known(window.id)?.strike).toBeNull();
    known.learn({ ...window, strike: price("84000.11") }, false, at(START + MINUTE));
    expect(known.get(window.id)?.strike).toMatchObject({ exact: "84000.11", by: "catalog" });
    expect(known.known(window.id)?.strike).toMatchObject({ exact: "84000.11" });
  });

  it("keeps a fact that a later, poorer answer does not repeat", () => {
    const known = register();
    known.learn({ ...window, strike: price("84000.1") }, false, at(START + MINUTE));
    known.learn(window, false, at(START + 2 * MINUTE));
    expect(known.get(window.id)?.strike?.exact).toBe("84000.1");
  });
});
