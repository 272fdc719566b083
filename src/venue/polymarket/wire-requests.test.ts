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
      filters: [
        {
          topic: "crypto_prices_chainlink",
          type: "update",
          symbols: ["btc/usd"],
          spaced: false,
          unreadable: false,
        },
      ],
    });
    expect(parseRtdsRequest(rtdsUnsubscribe("crypto_prices_twap_sixty"))).toMatchObject({
      kind: "unsubscribe",
      filters: [{ symbols: undefined }],
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

  // What others' clients send, word for word but for the tokens.
  it.each([
    [
      "tardis-node realtimefeeds/polymarket.ts @82745955",
      '{"type":"market","assets_ids":["71"],"initial_dump":true,"level":2,"custom_feature_enabled":true}',
      { mode: "initial", instruments: ["71"], initialDump: true, level: 2, customFeatures: true },
    ],
    [
      "poly-websockets GroupSocket.ts @0ce314a6",
      '{"assets_ids":["71"],"type":"market","initial_dump":false}',
      { mode: "initial", instruments: ["71"], initialDump: false, customFeatures: undefined },
    ],
    [
      "rs-clob-client clob/ws/types/request.rs @3000cdc2: type and operation at once",
      '{"type":"market","operation":"subscribe","markets":[],"assets_ids":["71"],"initial_dump":true}',
      { mode: "dynamic", instruments: ["71"], initialDump: true },
    ],
    [
      "py-sdk market_protocol.py @67eda79b, first frame",
      '{"type": "market", "assets_ids": ["71"], "custom_feature_enabled": false}',
      { mode: "initial", instruments: ["71"], customFeatures: false },
    ],
    [
      "py-sdk market_protocol.py @67eda79b, later",
      '{"operation": "subscribe", "assets_ids": ["71"], "custom_feature_enabled": true}',
      { mode: "dynamic", instruments: ["71"], customFeatures: true },
    ],
    [
      "nautilus_trader adapters/polymarket/websocket/client.py @0291fdd8, first frame",
      '{"type":"market","assets_ids":["71"]}',
      { mode: "initial", instruments: ["71"], customFeatures: undefined, initialDump: true },
    ],
    [
      "nautilus_trader adapters/polymarket/websocket/client.py @0291fdd8, later",
      '{"assets_ids":["71"],"operation":"subscribe"}',
      { mode: "dynamic", instruments: ["71"], initialDump: true },
    ],
    [
      "clob-client-v2 examples/socketConnection.ts",
      '{"type":"market","markets":[],"assets_ids":["71"],"initial_dump":true}',
      { mode: "initial", instruments: ["71"], initialDump: true },
    ],
  ])("with %s", (_, text, wanted) => {
    expect(parseMarketRequest(text)).toMatchObject({ kind: "subscribe", ...wanted });
  });

  it("with the unsubscription of rs-clob-client, which names a type too", () => {
    const text = '{"type":"market","operation":"unsubscribe","markets":[],"assets_ids":["71"]}';
    expect(parseMarketRequest(text)).toEqual({ kind: "unsubscribe", instruments: ["71"] });
  });

  it.each([
    [
      "rs-clob-client rtds/types/request.rs @223716d6: a list of symbols",
      '{"action":"subscribe","subscriptions":[{"topic":"crypto_prices","type":"update","filters":"btcusdt,ethusdt"}]}',
      { topic: "crypto_prices", symbols: ["btcusdt", "ethusdt"], unreadable: false },
    ],
    [
      "rs-clob-client rtds/types/request.rs @223716d6: Chainlink",
      '{"action":"subscribe","subscriptions":[{"topic":"crypto_prices_chainlink","type":"*","filters":"{\\"symbol\\":\\"eth/usd\\"}"}]}',
      { topic: "crypto_prices_chainlink", type: "*", symbols: ["eth/usd"] },
    ],
    [
      "older Rust SDKs, whose filter is a list and no text",
      '{"action":"subscribe","subscriptions":[{"topic":"crypto_prices","type":"update","filters":["btcusdt"]}]}',
      { topic: "crypto_prices", symbols: undefined, unreadable: true },
    ],
    [
      "py-sdk rtds/protocol.py @324783f1: no filter",
      '{"action": "subscribe", "subscriptions": [{"topic": "crypto_prices_twap_sixty", "type": "update"}]}',
      { topic: "crypto_prices_twap_sixty", symbols: undefined, unreadable: false },
    ],
  ])("on RTDS with %s", (_, text, wanted) => {
    expect(parseRtdsRequest(text)).toMatchObject({ kind: "subscribe", filters: [wanted] });
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
