// Redundant sockets beside each other: who was first, who was late by how much, and who missed what.
//   node examples/connection-latency.ts [DATA-FOLDER]
import { MILLISECOND, open } from "polypunt";
import { exampleRecording } from "./example-recording.ts";

const [folder = await exampleRecording()] = process.argv.slice(2);
const recording = await open(folder);
for (const { connection, frames, firstShare, missed, delayMicros } of await recording.connections()) {
  const first = firstShare === null ? "no replica" : `first in ${(firstShare * 100).toFixed(1)} %`;
  const late = delayMicros === null ? "" : `, else late by ${(delayMicros.p50 / MILLISECOND).toFixed(1)} ms (p50)`;
  console.log(`${connection}: ${frames} frames, ${first}${late}, ${missed} missed`);
}
await recording.close();
