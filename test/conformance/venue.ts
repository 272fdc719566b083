import { createWalletClient, http } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { polygon } from "viem/chains";
import {
  createSyntheticMarket,
  type Emulator,
  type SyntheticMarket,
  startEmulator,
  type TradingOptions,
} from "#emulator";
import { systemClock } from "#host";
import type { InstrumentId, Market, UnixMicros } from "#model";
import { HOUR, SECOND } from "#model";
import { createPlayhead } from "#replay";
import { STARTS_AT } from "../capture-rig.ts";

export interface ConformanceVenue {
  readonly source: SyntheticMarket;
  readonly emulator: Emulator;
  /** The window that runs now. */
  market(): Market;
  /** The first outcome's token of that window. */
  token(): InstrumentId;
  now(): UnixMicros;
  /** Lets so many seconds pass at once, on a venue that stands still. */
  step(seconds: number): Promise<unknown>;
  close(): Promise<void>;
}

/** A venue of five-minute windows that stands still until told to play, a minute into a window. */
export async function openVenue(trading: TradingOptions = {}): Promise<ConformanceVenue> {
  const source = createSyntheticMarket({
    seed: 21,
    startsAt: STARTS_AT,
    series: ["btc-updown-5m"],
    aheadMicros: HOUR / 4,
    holes: false,
    activity: 1,
  });
  const clock = createPlayhead({ clock: systemClock(), at: STARTS_AT, playing: false });
  const emulator = await startEmulator({ source, clock, trading });
  await emulator.control.step(30 * SECOND);
  const now = () => emulator.control.state().at;
  const market = () =>
    [...source.markets()].find(({ window }) => window && window.startsAt <= now() && now() < window.endsAt)!;
  return {
    source,
    emulator,
    market,
    token: () => market().outcomes[0]!.instrument,
    now,
    step: (seconds) => emulator.control.step(seconds * SECOND),
    close: () => emulator.close(),
  };
}

export const KEY = `0x${"11".repeat(32)}` as const;
export const OTHER_KEY = `0x${"22".repeat(32)}` as const;

/** A wallet that signs and speaks to no chain. */
export function wallet(key: `0x${string}`) {
  return createWalletClient({
    account: privateKeyToAccount(key),
    chain: polygon,
    transport: http("http://127.0.0.1:9"),
  });
}

/** Asks again and again, until the answer satisfies. @throws after 15 s */
export async function until<T>(ask: () => Promise<T> | T, satisfies: (answer: T) => boolean): Promise<T> {
  for (let tries = 0; tries < 300; tries++) {
    const answer = await ask();
    if (satisfies(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`asked in vain; the last answer: ${JSON.stringify(await ask()).slice(0, 300)}`);
}
