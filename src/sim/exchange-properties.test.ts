import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CashMicros, InstrumentId, PriceMicros, SizeMicros, UnixMicros } from "#model";
import { type ExchangeEvent, type OrderRequest, type SimTrade, takerFee } from "#sim";
import { book, change, DOLLAR, DOWN, LIMIT, price, rig, SHARE, shares, T0, trade, UP } from "./fixtures/market.ts";

const FEE = { rate: 0.07, exponent: 1, takerOnly: true, rebateRate: 0.2 };
const cents = fc.integer({ min: 1, max: 99 }).map((cent) => (cent * 10_000) as PriceMicros);
const lots = fc.integer({ min: 1, max: 40_000 }).map((lot) => (lot * 10_000) as SizeMicros);

type Act =
  | { readonly kind: "level"; readonly side: "bid" | "ask"; readonly cent: number; readonly size: number }
  | { readonly kind: "trade"; readonly takerSide: "buy" | "sell"; readonly cent: number; readonly size: number }
  | { readonly kind: "order"; readonly order: Partial<OrderRequest> }
  | { readonly kind: "cancel"; readonly which: number }
  | { readonly kind: "wait"; readonly micros: number };

const cent = fc.integer({ min: 1, max: 99 });
const size = fc.oneof(
  fc.constant(0),
  fc.integer({ min: 1, max: 50_000_000 }).map((micros) => micros / 100_000),
);
const life = fc.oneof(
  fc.constant({ kind: "gtc" } as const),
  fc.constant({ kind: "fok" } as const),
  fc.constant({ kind: "fak" } as const),
  fc.constant({ kind: "gtd", diesAt: (T0 + 3_000_000) as UnixMicros } as const),
);
const order = fc
  .record({
    account: fc.constantFrom(LIMIT, "0xother" as never),
    instrument: fc.constantFrom(UP, DOWN),
    side: fc.constantFrom("buy", "sell"),
    price: cents,
    postOnly: fc.boolean(),
    life,
    quantity: fc.oneof(
      lots.map((amount) => ({ kind: "shares", size: amount }) as const),
      fc.integer({ min: 1, max: 500_000_000 }).map((micros) => ({ kind: "cash", cash: micros as CashMicros }) as const),
    ),
  })
  // Only what is sold at once may be told in cash.
  .filter(({ quantity, side, life: { kind } }) => {
    return quantity.kind === "shares" || (side === "buy" && (kind === "fok" || kind === "fak"));
  });
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("level"), side: fc.constantFrom("bid", "ask"), cent, size }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("trade"), takerSide: fc.constantFrom("buy", "sell"), cent, size }),
  },
  { weight: 4, arbitrary: order.map((one) => ({ kind: "order", order: one as Partial<OrderRequest> }) as const) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cancel"), which: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("wait"), micros: fc.integer({ min: 1, max: 2_000_000 }) }) },
) as fc.Arbitrary<Act>;

const START = 10_000 * DOLLAR;
const SHARES = 1_000 * SHARE;

/** Plays acts, and calls `after` when each is done. */
function play(acts: readonly Act[], takerDelayMicros: number, after: (state: Played, one: Act) => void): Played {
  const { exchange, submit, show, account, events } = rig({ takerDelayMicros });
  const other = account("other", 10_000);
  for (const id of [LIMIT, other]) {
    for (const instrument of [UP, DOWN]) exchange.deposit(id, instrument, SHARES as SizeMicros);
  }
  const placed: { id: string; account: string }[] = [];
  let at = T0 as number;
  const state: Played = { exchange, events, recorded: new Map() };
  for (const [side, atCents, amount] of [
    ["bid", 48, 100],
    ["bid", 47, 200],
    ["ask", 52, 100],
    ["ask", 53, 200],
  ] as const) {
    state.recorded.set(`${side}/${atCents * 10_000}`, amount * SHARE);
  }
  for (const one of acts) {
    at += 1_000;
    const now = at as UnixMicros;
    switch (one.kind) {
      case "level":
        state.recorded.set(`${one.side}/${one.cent * 10_000}`, shares(one.size).size);
        show(change(one.side, one.cent / 100, one.size), now);
        break;
      case "trade":
        show(trade(one.takerSide, one.cent / 100, one.size), now);
        break;
      case "order": {
        const answer = submit(one.order, now);
        if (answer.kind === "accepted") placed.push(answer.order);
        break;
      }
      case "cancel": {
        const target = placed[one.which];
        if (target) exchange.cancel(target.id as never, target.account as never, now);
        break;
      }
      case "wait":
        at += one.micros;
        exchange.advance(at as UnixMicros);
    }
    after(state, one);
  }
  return state;
}

interface Played {
  readonly exchange: ReturnType<typeof rig>["exchange"];
  readonly events: readonly ExchangeEvent[];
  /** What the recording shows, as a reader keeps it who knows nothing of us. */
  readonly recorded: Map<string, number>;
}

const tradesOf = (events: readonly ExchangeEvent[]): SimTrade[] =>
  events.flatMap((event) => (event.kind === "traded" ? [event.trade] : []));
const delay = fc.constantFrom(0, 150_000);
const up = (made: SimTrade) => {
  const party = (made.taker ?? made.maker)!;
  return party.instrument === UP ? party.price : 1_000_000 - party.price;
};
const isBid = ({ instrument, side }: { instrument: InstrumentId; side: string }) =>
  (instrument === UP) === (side === "buy");

describe("whatever is ordered and recorded", () => {
  it("cash and shares are what the trades say, to the micro, and never below zero", () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), delay, (acts, takerDelay) => {
        const check = ({ exchange, events }: Played) => {
          for (const id of exchange.ledger.accounts()) {
            let cash = START;
            const held = new Map<InstrumentId, number>([UP, DOWN].map((instrument) => [instrument, SHARES]));
            for (const { taker, maker } of tradesOf(events)) {
              for (const party of [taker, maker]) {
                if (party?.account !== id) continue;
                const sign = party.side === "buy" ? 1 : -1;
                cash -= sign * party.cash + party.fee;
                held.set(party.instrument, held.get(party.instrument)! + sign * party.size);
              }
            }
            expect(exchange.ledger.cash(id)).toBe(cash);
            expect(exchange.ledger.freeCash(id)).toBeGreaterThanOrEqual(0);
            const open = [...exchange.openOrders(id)];
            if (open.every(({ state, side }) => state === "live" && side === "buy")) {
              const heldBack = open.reduce((sum, { quantity, filled, price: limit }) => {
                return sum + (quantity.kind === "shares" ? ((quantity.size - filled) / SHARE) * limit : 0);
              }, 0);
              expect(exchange.ledger.freeCash(id)).toBe(cash - Math.round(heldBack));
            }
            for (const [instrument, amount] of held) {
              expect(exchange.ledger.shares(id, instrument)).toBe(amount);
              expect(exchange.ledger.freeShares(id, instrument)).toBeGreaterThanOrEqual(0);
            }
          }
        };
        play(acts, takerDelay, check);
      }),
      { numRuns: 300 },
    );
  });

  it("between two orders of ours nothing is made or lost: a pair costs a dollar", () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
        const { events } = play(acts, 0, () => undefined);
        for (const { taker, maker } of tradesOf(events)) {
          if (!taker || !maker) continue;
          const flow = (party: typeof taker) => (party.side === "buy" ? -party.cash : party.cash);
          const minted = taker.instrument === maker.instrument ? 0 : taker.side === "buy" ? -taker.size : taker.size;
          expect(flow(taker) + flow(maker)).toBe(minted);
          expect(maker.fee).toBe(0);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("no order gets a worse price than its limit, or more than it asked for, and takers pay the fee", () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), delay, (acts, takerDelay) => {
        const { events, exchange } = play(acts, takerDelay, () => undefined);
        for (const { taker, maker } of tradesOf(events)) {
          for (const party of [taker, maker]) {
            if (!party) continue;
            const ordered = exchange.order(party.order)!;
            if (party.side === "buy") expect(party.price).toBeLessThanOrEqual(ordered.price);
            else expect(party.price).toBeGreaterThanOrEqual(ordered.price);
            if (ordered.quantity.kind === "shares") expect(ordered.filled).toBeLessThanOrEqual(ordered.quantity.size);
            else expect(ordered.traded).toBeLessThanOrEqual(ordered.quantity.cash);
            const fee = takerFee(FEE, party.price, party.size);
            expect(party.fee).toBe(party === maker ? 0 : party.side === "sell" ? Math.min(fee, party.cash) : fee);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it("a taker meets only what the recording shows at that moment, level by level", () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
        let seen = 0;
        play(acts, 0, ({ events, recorded }, one) => {
          const fresh = tradesOf(events).slice(seen);
          seen += fresh.length;
          if (one.kind !== "order") return;
          const taken = new Map<string, number>();
          for (const made of fresh) {
            if (!made.taker || made.maker) continue;
            const key = `${isBid(made.taker) ? "ask" : "bid"}/${up(made)}`;
            taken.set(key, (taken.get(key) ?? 0) + made.taker.size);
          }
          for (const [key, amount] of taken) expect(amount).toBeLessThanOrEqual(recorded.get(key) ?? 0);
        });
      }),
      { numRuns: 300 },
    );
  });

  it("from a level never more is taken than ever came to it", () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 80 }), (acts) => {
        const came = new Map<string, number>();
        const last = new Map<string, number>();
        const show = (key: string, amount: number) => {
          came.set(key, (came.get(key) ?? 0) + Math.max(0, amount - (last.get(key) ?? 0)));
          last.set(key, amount);
        };
        const taken = new Map<string, number>();
        let seen = 0;
        let isFirst = true;
        play(acts, 0, ({ events, recorded }, one) => {
          if (isFirst)
            for (const [key, amount] of [
              ["bid/480000", 100],
              ["bid/470000", 200],
              ["ask/520000", 100],
              ["ask/530000", 200],
            ] as const)
              show(key, amount * SHARE);
          isFirst = false;
          for (const [key, amount] of recorded) show(key, amount);
          const fresh = tradesOf(events).slice(seen);
          seen += fresh.length;
          for (const made of fresh) {
            if (made.maker && !made.taker && one.kind === "level") {
              // An offer that came to our price: what it was is the level that was just shown.
              const key = `${one.side}/${one.cent * 10_000}`;
              taken.set(key, (taken.get(key) ?? 0) + made.maker.size);
            }
            if (made.taker && !made.maker) {
              const key = `${isBid(made.taker) ? "ask" : "bid"}/${up(made)}`;
              taken.set(key, (taken.get(key) ?? 0) + made.taker.size);
            }
          }
        });
        const sum = (map: Map<string, number>) => [...map.values()].reduce((total, amount) => total + amount, 0);
        expect(sum(taken)).toBeLessThanOrEqual(sum(came));
      }),
      { numRuns: 300 },
    );
  });

  it("is the same each time", () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 40 }), delay, (acts, takerDelay) => {
        const once = play(acts, takerDelay, () => undefined).events;
        expect(play(acts, takerDelay, () => undefined).events).toEqual(once);
      }),
      { numRuns: 50 },
    );
  });
});

describe("a cheat", () => {
  it("that takes a level again with each frame gets it once", () => {
    const { exchange, submit, show } = rig();
    for (let round = 0; round < 200; round++) {
      const at = (T0 + round * 10_000) as UnixMicros;
      // The venue tells of the level again and again, a little smaller or larger.
      show(change("ask", 0.52, 100 - (round % 2)), at);
      submit({ price: price(0.52), quantity: shares(100), life: { kind: "fak" } }, at);
    }
    // 100, and one more for each of the times it grew by one.
    expect(exchange.ledger.shares(LIMIT, UP)).toBeLessThanOrEqual(200 * SHARE);
  });

  it("that makes a market of both sides of a quiet book gets no fill out of nothing", () => {
    const { exchange, submit, show, account } = rig();
    account("other", 1);
    exchange.deposit(LIMIT, UP, (1_000 * SHARE) as SizeMicros);
    for (let round = 0; round < 100; round++) {
      const at = (T0 + round * 1_000_000) as UnixMicros;
      submit({ side: "buy", price: price(0.48), quantity: shares(5) }, at);
      submit({ side: "sell", price: price(0.52), quantity: shares(5) }, at);
      show(
        book(
          [
            [0.48, 100],
            [0.47, 200],
          ],
          [
            [0.52, 100],
            [0.53, 200],
          ],
        ),
        at,
      );
    }
    expect(exchange.ledger.cash(LIMIT)).toBe(START);
  });
});
