import { describe, expect, it } from "vitest";
import type { InstrumentId, UnixMicros } from "#model";
import { type OrderRequest, takerFee } from "#sim";
import {
  book,
  cash,
  change,
  DOLLAR,
  DOWN,
  LIMIT,
  level,
  price,
  rig,
  SHARE,
  shares,
  T0,
  trade,
  UP,
} from "./fixtures/market.ts";

const at = (seconds: number) => (T0 + seconds * 1_000_000) as UnixMicros;

describe("an order that takes", () => {
  it("walks the book, pays each level its price, and the fee on top", () => {
    const { exchange, submit } = rig();
    const answer = submit({ side: "buy", price: price(0.55), quantity: shares(150) });
    expect(answer).toMatchObject({ kind: "accepted", order: { state: "filled", filled: 150 * SHARE } });
    // 100 at 0.52 and 50 at 0.53; fees 100 x 0.07 x 0.52 x 0.48 = 1.7472 and 50 x 0.07 x 0.53 x 0.47 = 0.871850.
    expect(exchange.ledger.cash(LIMIT)).toBe(10_000 * DOLLAR - 52_000_000 - 26_500_000 - 1_747_200 - 871_850);
    expect(exchange.ledger.shares(LIMIT, UP)).toBe(150 * SHARE);
  });

  it("finds nothing where it took before, through whichever outcome it comes", () => {
    const { submit } = rig();
    submit({ side: "buy", price: price(0.52), quantity: shares(100) });
    expect(submit({ side: "buy", price: price(0.52), quantity: shares(5), life: { kind: "fak" } })).toMatchObject({
      refusal: { kind: "nothing_to_match" },
    });
    const { exchange, submit: again } = rig();
    exchange.deposit(LIMIT, DOWN, shares(200).size);
    again({ instrument: DOWN, side: "sell", price: price(0.48), quantity: shares(80), life: { kind: "fak" } });
    const rest = again({ side: "buy", price: price(0.52), quantity: shares(80), life: { kind: "fak" } });
    expect(rest).toMatchObject({ order: { filled: 20 * SHARE, state: "killed" } });
  });

  it("spends a sum of cash to the last lot, and gets more where it is cheaper", () => {
    const { exchange, submit } = rig();
    const answer = submit({ side: "buy", price: price(0.6), quantity: cash(60), life: { kind: "fok" } });
    // 52 dollars at 0.52, and 8 dollars at 0.53 to the fourth decimal of a share: 15.0943.
    expect(answer).toMatchObject({ order: { state: "filled", filled: 115_094_300, traded: 59_999_979 } });
    expect(exchange.ledger.shares(LIMIT, UP)).toBe(115_094_300);
  });

  it("is all or nothing as FOK, and whatever there is as FAK", () => {
    const { exchange, submit } = rig();
    expect(submit({ side: "buy", price: price(0.53), quantity: shares(301), life: { kind: "fok" } })).toMatchObject({
      kind: "refused",
      refusal: { kind: "not_filled_whole" },
    });
    expect(exchange.ledger.cash(LIMIT)).toBe(10_000 * DOLLAR);
    expect(submit({ side: "buy", price: price(0.53), quantity: shares(301), life: { kind: "fak" } })).toMatchObject({
      order: { state: "killed", filled: 300 * SHARE },
    });
    expect(submit({ side: "buy", price: price(0.4), quantity: shares(5), life: { kind: "fak" } })).toMatchObject({
      refusal: { kind: "nothing_to_match" },
    });
  });

  it("is held for the market's delay, cannot be cancelled, and is matched against the book at its end", () => {
    const { exchange, submit, show, events } = rig({ takerDelayMicros: 150_000 });
    const answer = submit({ side: "buy", price: price(0.52), quantity: shares(10) });
    expect(answer).toMatchObject({ order: { state: "delayed", filled: 0 } });
    const id = answer.kind === "accepted" ? answer.order.id : ("" as never);
    expect(exchange.cancel(id, LIMIT, at(0.1))).toBe("delayed");
    show(change("ask", 0.52, 4), at(0.1));
    exchange.advance(at(0.149));
    expect(events.filter(({ kind }) => kind === "traded")).toEqual([]);
    exchange.advance(at(0.15));
    expect(exchange.order(id)).toMatchObject({ state: "live", filled: 4 * SHARE });
    expect(events.find((event) => event.kind === "traded")).toMatchObject({ trade: { at: at(0.15) } });
  });

  it("that is held makes nothing of depth that flickers", () => {
    const { exchange, submit, show } = rig({ takerDelayMicros: 150_000 });
    for (let round = 0; round < 50; round++) {
      show(change("ask", 0.51, 1_000), at(round));
      submit({ side: "buy", price: price(0.51), quantity: shares(1_000), life: { kind: "fak" } }, at(round));
      show(change("ask", 0.51, 0), at(round + 0.001));
    }
    exchange.advance(at(100));
    expect(exchange.ledger.cash(LIMIT)).toBe(10_000 * DOLLAR);
    expect(exchange.ledger.shares(LIMIT, UP)).toBe(0);
  });
});

describe("an order that rests", () => {
  const bid = (size: number, more: Partial<OrderRequest> = {}) =>
    ({ side: "buy", price: price(0.48), quantity: shares(size), ...more }) as const;

  it("waits for what was ahead of it, and fills with what a trade has left", () => {
    const { exchange, submit, show } = rig();
    submit(bid(50));
    // 100 were there first: the first trades are theirs.
    show(trade("sell", 0.48, 60), at(1));
    show(change("bid", 0.48, 40), at(1));
    expect(exchange.ledger.shares(LIMIT, UP)).toBe(0);
    // A second later 40 are ahead; of 55 that come, 15 are for us.
    show(trade("sell", 0.48, 55), at(2));
    expect(exchange.ledger.shares(LIMIT, UP)).toBe(15 * SHARE);
    // Makers pay their price and no fee.
    expect(exchange.ledger.cash(LIMIT)).toBe(10_000 * DOLLAR - 15 * 480_000);
  });

  it("is not moved forward by the level that a trade empties before it is told of", () => {
    const { exchange, submit, show } = rig();
    submit(bid(50));
    show(change("bid", 0.48, 0), at(1));
    show(trade("sell", 0.48, 100), at(1.01));
    expect(exchange.ledger.shares(LIMIT, UP)).toBe(0);
  });

  it("fills at its price when the recording trades through it, or an offer comes to it, each once", () => {
    const { exchange, submit, show } = rig();
    submit(bid(500));
    show(trade("sell", 0.47, 30), at(1));
    expect(exchange.ledger.shares(LIMIT, UP)).toBe(30 * SHARE);
    show(change("ask", 0.47, 70), at(2));
    show(change("ask", 0.47, 60), at(3));
    expect(exchange.ledger.shares(LIMIT, UP)).toBe(100 * SHARE);
    show(change("ask", 0.47, 90), at(4));
    expect(exchange.ledger.shares(LIMIT, UP)).toBe(130 * SHARE);
    expect(exchange.ledger.cash(LIMIT)).toBe(10_000 * DOLLAR - 130 * 480_000);
  });

  it("has no part in a trade that was made before it rested, or that it hears of twice", () => {
    const { exchange, submit, show } = rig();
    submit(bid(50), at(5));
    show(trade("sell", 0.4, 10, { sentAt: at(4.9) }), at(5.1));
    expect(exchange.ledger.shares(LIMIT, UP)).toBe(0);
    show(trade("sell", 0.4, 10, { transaction: "0x1" }), at(6));
    show(trade("buy", 0.6, 10, { transaction: "0x1", instrument: DOWN }), at(6));
    expect(exchange.ledger.shares(LIMIT, UP)).toBe(10 * SHARE);
  });

  it("meets another order of ours, and two buyers of both outcomes mint a pair for a dollar", () => {
    const { exchange, submit, account } = rig();
    const other = account("other", 100);
    submit(bid(20, { price: price(0.5) }));
    submit({ account: other, instrument: DOWN, side: "buy", price: price(0.5), quantity: shares(20) });
    expect(exchange.ledger.shares(LIMIT, UP)).toBe(20 * SHARE);
    expect(exchange.ledger.shares(other, DOWN)).toBe(20 * SHARE);
    const fee = takerFee({ rate: 0.07, exponent: 1, takerOnly: true, rebateRate: 0.2 }, price(0.5), shares(20).size);
    expect(exchange.ledger.cash(LIMIT) + exchange.ledger.cash(other)).toBe(10_100 * DOLLAR - 20 * DOLLAR - fee);
  });

  it("dies at its time, by its owner's word, or with its market, and gives back what it held", () => {
    const { exchange, submit, show } = rig();
    submit(bid(10, { life: { kind: "gtd", diesAt: at(30) } }));
    expect(exchange.ledger.freeCash(LIMIT)).toBe(10_000 * DOLLAR - 4_800_000);
    exchange.advance(at(29.9));
    expect([...exchange.openOrders()]).toHaveLength(1);
    exchange.advance(at(30));
    expect(exchange.ledger.freeCash(LIMIT)).toBe(10_000 * DOLLAR);
    const second = submit(bid(10), at(31));
    const id = second.kind === "accepted" ? second.order.id : ("" as never);
    expect(exchange.cancel(id, "stranger" as never, at(32))).toBe("unknown");
    expect(exchange.cancel(id, LIMIT, at(32))).toBe("cancelled");
    expect(exchange.cancel(id, LIMIT, at(33))).toBe("ended");
    submit(bid(10), at(34));
    show({ kind: "market_resolved", market: level.market, sentAt: at(35), winner: UP, outcome: "Up" }, at(35));
    expect([...exchange.openOrders()]).toEqual([]);
    expect(submit(bid(10), at(36))).toMatchObject({ refusal: { kind: "market_closed" } });
  });

  it("pays a dollar for each share of the winner and nothing for the other", () => {
    const { exchange, submit, show } = rig();
    exchange.deposit(LIMIT, DOWN, shares(7).size);
    submit({ side: "buy", price: price(0.52), quantity: shares(10) });
    const before = exchange.ledger.cash(LIMIT);
    show({ kind: "market_resolved", market: level.market, sentAt: at(35), winner: UP, outcome: "Up" }, at(35));
    expect(exchange.ledger.cash(LIMIT)).toBe(before + 10 * DOLLAR);
    expect(exchange.ledger.shares(LIMIT, UP) + exchange.ledger.shares(LIMIT, DOWN)).toBe(0);
  });
});

describe("an order that cannot be", () => {
  it.each([
    [{ price: 485_500 }, "price_off_tick"],
    [{ price: 1_000_000 }, "price_out_of_bounds"],
    [{ quantity: shares(4.99) }, "size_too_small"],
    [{ quantity: { kind: "shares", size: 5_001_000 } }, "size_too_fine"],
    [{ quantity: cash(0.5), life: { kind: "fok" } }, "cash_too_small"],
    [{ price: 520_000, postOnly: true }, "post_only_crosses"],
    [{ postOnly: true, life: { kind: "fak" } }, "post_only_not_resting"],
    [{ life: { kind: "gtd", diesAt: T0 } }, "bad_expiry"],
    [{ quantity: shares(30_000) }, "not_enough_cash"],
    [{ side: "sell", price: 600_000 }, "not_enough_shares"],
    [{ instrument: "nothing" as InstrumentId }, "no_book"],
  ])("%j is refused: %s", (wrong, kind) => {
    const { submit, events } = rig();
    const answer = submit({ side: "buy", price: price(0.48), quantity: shares(10), ...wrong } as Partial<OrderRequest>);
    expect(answer).toMatchObject({ kind: "refused", refusal: { kind } });
    expect(events).toEqual([]);
  });

  it("is known by its id", () => {
    const { submit } = rig();
    submit({ id: "a" as never });
    expect(submit({ id: "a" as never })).toMatchObject({ refusal: { kind: "duplicate" } });
  });

  it("is measured by the tick of the moment", () => {
    const { submit, show } = rig();
    const fine = { price: price(0.485) };
    show(
      {
        kind: "tick_size_change",
        market: level.market,
        instrument: UP,
        sentAt: T0,
        tickSize: price(0.001),
        previous: null,
      },
      T0,
    );
    expect(submit(fine)).toMatchObject({ kind: "accepted" });
    show(book([], []), T0);
  });
});
