// The last minute of a recording, then whatever a recorder goes on writing, on one iterator, until Ctrl-C.
//   node examples/follow-live.ts DATA-FOLDER     without a folder: a synthetic recording, and no waiting for more
import { formatMicros, formatTime, MINUTE, open, type UnixMicros } from "polypunt";
import { exampleRecording } from "./example-recording.ts";

const [given] = process.argv.slice(2);
const recording = await open(given ?? (await exampleRecording()));
const { lastReceivedAt } = recording.span!;
const ending = new AbortController();
process.once("SIGINT", () => ending.abort());

const from = (lastReceivedAt - MINUTE) as UnixMicros;
let trades = 0;
for await (const item of await recording.follow({ from, signal: ending.signal })) {
  if (item.kind === "gap") console.log(`${formatTime(item.at)}  gap ${item.phase}: ${item.gap.cause}`);
  if (item.kind !== "frame") continue;
  for (const event of item.events) {
    if (event.kind !== "trade") continue;
    trades++;
    console.log(
      `${formatTime(item.at)}  ${event.takerSide} ${formatMicros(event.size ?? 0)} at ${formatMicros(event.price)}`,
    );
  }
  // The synthetic recording has nobody writing it.
  if (given === undefined && item.at >= lastReceivedAt) ending.abort();
}
console.log(`${trades} trades`);
await recording.close();
