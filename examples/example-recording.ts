import type { InstrumentId, Recording } from "polypunt";
import { syntheticFrames, writeRecording } from "./synthetic-recording.ts";

/** The folder of a small recording with nothing but a seed behind it: some minutes of a 5-minute BTC market on two sockets. */
export async function exampleRecording(): Promise<string> {
  return writeRecording(await syntheticFrames());
}

/** The first outcome of the window that a recording ends in. */
export async function runningInstrument(recording: Recording): Promise<InstrumentId> {
  const end = recording.span!.lastReceivedAt;
  const markets = await recording.markets();
  const running = markets.find(({ window }) => window !== null && window.startsAt <= end && end < window.endsAt);
  return (running ?? markets[0])!.outcomes[0]!.instrument;
}
