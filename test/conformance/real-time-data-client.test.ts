import { type Message, RealTimeDataClient } from "@polymarket/real-time-data-client";
import { expect, it } from "vitest";
import { MINUTE } from "#model";
import { openVenue, until } from "./venue.ts";

// @polymarket/real-time-data-client 1.4.0, unmodified: only its host is another.

it("gets Chainlink prices for three minutes of replay and is not cut off by pings", async () => {
  const venue = await openVenue();
  const messages: Message[] = [];
  let drops = 0;
  const client = new RealTimeDataClient({
    host: venue.emulator.endpoints.rtdsSocket!,
    onConnect: (connected) => {
      const filters = JSON.stringify({ symbol: "btc/usd" });
      connected.subscribe({ subscriptions: [{ topic: "crypto_prices_chainlink", type: "*", filters }] });
    },
    onMessage: (_client, message) => messages.push(message),
    onStatusChange: (status) => {
      if (status === "DISCONNECTED") drops++;
    },
  });
  try {
    client.connect();
    await until(
      () => messages.length,
      (count) => count > 0,
    );
    const from = venue.now();
    venue.emulator.control.setPace(30);
    venue.emulator.control.play();
    await until(venue.now, (now) => now > from + 3 * MINUTE);
    venue.emulator.control.pause();
    await until(
      () => messages.filter(({ type }) => type === "update").length,
      (count) => count >= 170,
    );
    expect(messages.at(-1)).toMatchObject({ topic: "crypto_prices_chainlink", payload: { symbol: "btc/usd" } });
    expect(drops).toBe(0);
  } finally {
    client.disconnect();
    await venue.close();
  }
}, 30_000);
