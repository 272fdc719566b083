import { afterEach, describe, expect, it } from "vitest";
import type { ReferencePrice } from "#model";
import { SECOND } from "#model";
import { Decoder, type Surface } from "#venue";
import { connect, type SocketClient } from "../fixtures/socket-client.ts";
import { startVenue } from "../fixtures/synthetic-venue.ts";

const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

async function rig(surface: "polyboltSocket" | "rtdsSocket") {
  const { emulator, play } = await startVenue();
  const reader = await connect(emulator.endpoints[surface] ?? "");
  open.push(emulator, reader);
  return { emulator, reader, play };
}

function pricesIn(surface: Surface, { received }: SocketClient): ReferencePrice[] {
  const decoder = new Decoder();
  return received
    .flatMap((text) => decoder.decode(surface, Buffer.from(text)))
    .filter((event) => event.kind === "reference_price");
}

const AUTH = { op: "auth", rid: "a1", auth: { apiKey: "k", secret: "s", passphrase: "p" } };
const SUBSCRIBE = {
  op: "subscribe",
  rid: "s1",
  subscriptions: [
    { channel: "price.crypto.twap", filter: { symbol: "btcusd", window_seconds: 60 } },
    { channel: "price.crypto", filter: { symbol: "btcusd" } },
  ],
};

describe("PolyBolt", () => {
  it("shows no price without credentials", async () => {
    const { reader } = await rig("polyboltSocket");
    reader.send({ op: "auth", auth: { apiKey: "only half" } });
    reader.send(SUBSCRIBE);
    await reader.untilCount(2, (text) => text.includes('"code":"auth_required"'));
    expect(reader.received[0]).toContain('"code":"auth_invalid"');
    expect(pricesIn("polybolt", reader)).toEqual([]);
  });

  it("opens each series with two minutes of history and goes on with a dense seq", async () => {
    const { reader, play } = await rig("polyboltSocket");
    reader.send(AUTH);
    reader.send(SUBSCRIBE);
    await reader.untilCount(2, (text) => text.includes('"snapshot":true'));
    await play(12);
    await reader.untilCount(10, (text) => text.includes('"channel":"price.crypto.twap"') && text.includes('"seq"'));
    expect(reader.received.slice(0, 2)).toEqual([
      '{"op":"authed","rid":"a1"}',
      '{"op":"subscribed","channel":"price.crypto.twap","rid":"s1","provider":"chainlink"}',
    ]);
    const prices = pricesIn("polybolt", reader).filter(({ measure }) => measure === "twap");
    const history = prices.filter((price) => price.history);
    expect(history.length).toBeGreaterThan(110);
    const times = prices.map(({ observedAt }) => observedAt);
    expect(times.every((at, index) => index === 0 || at - times[index - 1]! === SECOND)).toBe(true);
    const seqs = reader.received
      .flatMap((text) => /"price\.crypto\.twap","seq":(\d+)/.exec(text)?.[1] ?? [])
      .map(Number);
    expect(seqs).toEqual(seqs.map((_, index) => index + 1));
  });

  it("acknowledges a repeated subscription without another history, and refuses what it has not", async () => {
    const { reader } = await rig("polyboltSocket");
    reader.send(AUTH);
    reader.send(SUBSCRIBE);
    reader.send(SUBSCRIBE);
    reader.send({ op: "subscribe", channel: "price.crypto.twap", filter: { symbol: "btcusd", window_seconds: 30 } });
    reader.send({ op: "subscribe", channel: "price.weather", filter: {} });
    reader.send({ op: "ping", rid: "p" });
    await reader.until((text) => text.includes('"op":"pong"'));
    expect(reader.received.filter((text) => text.includes('"snapshot":true'))).toHaveLength(2);
    expect(reader.received.filter((text) => text.includes('"op":"subscribed"'))).toHaveLength(4);
    expect(reader.received.filter((text) => /bad_filter|bad_channel/.test(text))).toHaveLength(2);
  });
});

describe("RTDS", () => {
  const subscription = (topic: string, filters = '{"symbol":"btc/usd"}') => ({
    action: "subscribe",
    subscriptions: [{ topic, type: "update", filters }],
  });

  it("begins with an empty frame, then a history, then updates", async () => {
    const { reader, play } = await rig("rtdsSocket");
    reader.send(subscription("crypto_prices_twap_sixty"));
    await reader.until((text) => text.includes('"type":"subscribe"'));
    await play(8);
    await reader.untilCount(5, (text) => text.includes('"type":"update"'));
    expect(reader.received[0]).toBe("");
    expect(reader.received[1]).toContain('"type":"subscribe"');
    const prices = pricesIn("rtds", reader);
    expect(prices.filter(({ history }) => history).length).toBeGreaterThan(50);
    expect(prices.at(-1)).toMatchObject({ symbol: "btcusd", measure: "twap", windowSeconds: 60, history: false });
  });

  it("says nothing after the history where the filter has a space, and silences a list with an unknown topic", async () => {
    const { reader, emulator, play } = await rig("rtdsSocket");
    reader.send(subscription("crypto_prices_chainlink", '{"symbol": "btc/usd"}'));
    const other = await connect(emulator.endpoints.rtdsSocket ?? "");
    open.push(other);
    const topics = ["crypto_prices_chainlink", "crypto_prices_of_tomorrow"];
    other.send({ action: "subscribe", subscriptions: topics.map((topic) => ({ topic, type: "update" })) });
    await other.until((text) => text.includes('"statusCode":401'));
    await reader.until((text) => text.includes('"type":"subscribe"'));
    await play(8);
    // A third one's update is the proof that there was something to get.
    const third = await connect(emulator.endpoints.rtdsSocket ?? "");
    open.push(third);
    third.send(subscription("crypto_prices_chainlink"));
    await third.until((text) => text.includes('"type":"subscribe"'));
    await play(8);
    await third.until((text) => text.includes('"type":"update"'));
    expect(reader.received.filter((text) => text !== "")).toHaveLength(1);
    expect(other.received.filter((text) => text !== "")).toHaveLength(1);
  });
});
