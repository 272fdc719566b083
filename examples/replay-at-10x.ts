// Ten seconds of a recording at ten times its pace: frames come when they came, verdicts and gaps among them.
//   node examples/replay-at-10x.ts [DATA-FOLDER]
import { formatTime, open, SECOND, type UnixMicros } from "polypunt";
import { exampleRecording } from "./example-recording.ts";

const [folder = await exampleRecording()] = process.argv.slice(2);
const recording = await open(folder);
const from = (recording.span!.firstReceivedAt + 90 * SECOND) as UnixMicros;
const playback = await recording.playback({ from, to: (from + 10 * SECOND) as UnixMicros, speed: 10 });

const counts = { book: 0, frame: 0, verdict: 0, gap: 0, sought: 0 };
let shownAt = 0;
for await (const item of playback) {
  counts[item.kind]++;
  if (item.at - shownAt < SECOND) continue;
  shownAt = item.at;
  console.log(`${formatTime(item.at)}  ${JSON.stringify(counts)}`);
}
await recording.close();
