import { describe, expect, it } from "vitest";
import type { InstrumentId } from "#model";
import {
  marketOperation,
  marketSubscribe,
  polyboltAuth,
  polyboltSubscribe,
  polyboltUnsubscribe,
  rtdsSubscribe,
  rtdsUnsubscribe,
} from "./subscribe.ts";
import { parseMarketRequest, parsePolyBoltRequest, parseRtdsRequest } from "./wire-requests.ts";

const tokens = ["71", "52"] as InstrumentId[];

describe("what a client sends is what a server reads", () => {
  it("on the market channel", () => {
    expect(marketSubscribe(tokens)).toBe('{"assets_ids":["71","52"],"type":"market","custom_feature_enabled":true}');
    expect(parseMarketRequest(marketSubscribe(tokens, { initialDump: false }))).toEqual({
      kind: "subscribe",
      mode: "initial",
      instruments: tokens,
      customFeatures: true,
      initialDump: false,
      level: 2,
    });
    expect(marketOperation("subscribe", tokens)).toBe(
      '{"operation":"subscribe","assets_ids":["71","52"],"custom_feature_enabled":true}',
    );
    expect(parseMarketRequest(marketOperation("subscribe", tokens))).toMatchObject({
      kind: "subscribe",
      mode: "dynamic",
    });
    expect(marketOperation("unsubscribe", tokens)).toBe('{"operation":"unsubscribe","assets_ids":["71","52"]}');
    expect(parseMarketRequest(marketOperation("unsubscribe", tokens))).toEqual({
      kind: "unsubscribe",
      instruments: tokens,
    });
  });

  it("on PolyBolt", () => {
    const credentials = { apiKey: "k", secret: "s", passphrase: "p" };
    expect(parsePolyBoltRequest(polyboltAuth(credentials, "a1"))).toEqual({ kind: "auth", rid: "a1", credentials });
    const twap = { channel: "price.crypto.twap", filter: { symbol: "btcusd", window_seconds: 60 } } as const;
    const spot = { channel: "price.crypto", filter: { symbol: "btcusd" } } as const;
    expect(polyboltSubscribe([twap, spot], "s1")).toBe(
      '{"op":"subscribe","rid":"s1","subscriptions":[{"channel":"price.crypto.twap","filter":{"symbol":"btcusd","window_seconds":60}},{"channel":"price.crypto","filter":{"symbol":"btcusd"}}]}',
    );
    expect(parsePolyBoltRequest(polyboltSubscribe([twap, spot], "s1"))).toMatchObject({
      kind: "subscribe",
      rid: "s1",
      filters: [{ channel: "price.crypto.twap", symbol: "btcusd", windowSeconds: 60 }, { channel: "price.crypto" }],
    });
    expect(parsePolyBoltRequest(polyboltUnsubscribe(spot))).toMatchObject({
      kind: "unsubscribe",
      filters: [{ symbol: "btcusd" }],
    });
  });

  it("on RTDS, with the filter as JSON in a string, without a space", () => {
    const text = rtdsSubscribe("crypto_prices_chainlink", "btc/usd");
    expect(text).toBe(
      '{"action":"subscribe","subscriptions":[{"topic":"crypto_prices_chainlink","type":"update","filters":"{\\"symbol\\":\\"btc/usd\\"}"}]}',
    );
    expect(parseRtdsRequest(text)).toEqual({
      kind: "subscribe",
      filters: [{ topic: "crypto_prices_chainlink", type: "update", symbol: "btc/usd", spaced: false }],
    });
    expect(parseRtdsRequest(rtdsUnsubscribe("crypto_prices_twap_sixty"))).toMatchObject({
      kind: "unsubscribe",
      filters: [{ symbol: undefined }],
    });
  });
});

describe("a server is liberal", () => {
  it.each([
    ['{"type":"MARKET","markets":[],"assets_ids":["71"],"initial_dump":true}', ["71"], "initial"],
    ['{"assets_ids":[71]}', ["71"], "initial"],
    ['{"type":"market"}', [], "initial"],
    ['{"operation":"SUBSCRIBE","assets_ids":["71",null]}', ["71"], "dynamic"],
  ])("with %s", (text, instruments, mode) => {
    expect(parseMarketRequest(text)).toMatchObject({ kind: "subscribe", mode, instruments });
  });

  it("with pings of any letter case", () => {
    expect(parseMarketRequest("PING")).toEqual({ kind: "ping" });
    expect(parseRtdsRequest("ping")).toEqual({ kind: "ping" });
    expect(parsePolyBoltRequest('{"op":"ping","rid":"p1"}')).toEqual({ kind: "ping", rid: "p1" });
  });

  it("and tells a filter with a space, which the venue answers with silence", () => {
    const filters = '{"symbol": "btc/usd"}';
    expect(
      parseRtdsRequest(JSON.stringify({ action: "subscribe", subscriptions: [{ topic: "t", filters }] })),
    ).toMatchObject({ filters: [{ type: "*", spaced: true }] });
  });

  it.each([
    "",
    "{",
    "[]",
    '"x"',
    "{}",
    '{"type":"user"}',
    '{"assets_ids":"71"}',
    '{"operation":"drop","assets_ids":[]}',
  ])("but not with %j", (text) => {
    expect(parseMarketRequest(text).kind).toBe("invalid");
  });

  it("and never quotes back what may hold a secret", () => {
    const refused = [
      parsePolyBoltRequest('{"op":"auht","auth":{"secret":"hush"}}'),
      parsePolyBoltRequest("hush"),
      parseRtdsRequest('{"clob_auth":"hush"}'),
    ];
    for (const request of refused) {
      expect(request.kind).toBe("invalid");
      expect(JSON.stringify(request)).not.toContain("hush");
    }
    expect(parsePolyBoltRequest('{"op":"auth","auth":{"apiKey":"k"}}')).toEqual({
      kind: "auth",
      rid: undefined,
      credentials: undefined,
    });
  });
});
