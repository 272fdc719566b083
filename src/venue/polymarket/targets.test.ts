import { describe, expect, it } from "vitest";
import { formatTarget, parseTarget, TargetError } from "./targets.ts";

const CONDITION = `0x${"9f".repeat(32)}`;
const TOKEN = "98756637703320879198441871470345384821367334051929992047845197222571333888980";

describe("a target", () => {
  it.each([
    ["btc-updown-15m", { kind: "series", slug: "btc-up-or-down-15m" }],
    ["btc-up-or-down-15m", { kind: "series", slug: "btc-up-or-down-15m" }],
    ["series:eth-updown-4h", { kind: "series", slug: "eth-up-or-down-4h" }],
    ["BTC-UpDown-1h", { kind: "series", slug: "btc-up-or-down-hourly" }],
    ["sol-updown-daily", { kind: "series", slug: "sol-up-or-down-daily" }],
    ["btc-up-or-down-daily", { kind: "series", slug: "btc-up-or-down-daily" }],
    ["series:some-weekly-series", { kind: "series", slug: "some-weekly-series" }],
    ["btc-updown-15m-1790994600", { kind: "slug", slug: "btc-updown-15m-1790994600" }],
    ["bitcoin-up-or-down-august-30-2026-12pm-et", { kind: "slug", slug: "bitcoin-up-or-down-august-30-2026-12pm-et" }],
    ["https://polymarket.com/event/fed-decision?tid=1", { kind: "slug", slug: "fed-decision" }],
    ["tag:crypto", { kind: "tag", tag: "crypto" }],
    [CONDITION.toUpperCase().replace("0X", "0x"), { kind: "condition", id: CONDITION }],
    [TOKEN, { kind: "token", id: TOKEN }],
    [` token:${TOKEN} `, { kind: "token", id: TOKEN }],
  ])("%s is understood", (text, target) => {
    expect(parseTarget(text)).toEqual(target);
    expect(parseTarget(formatTarget(parseTarget(text)))).toEqual(target);
  });

  it.each(["", "token:0x12", "condition:12", "two words", "slug:../etc", "tag:"])(
    "%j is refused with advice",
    (text) => {
      expect(() => parseTarget(text)).toThrow(TargetError);
      expect(() => parseTarget(text)).toThrow(/expected something like/);
    },
  );
});
