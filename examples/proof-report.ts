// What a recording is worth: each window with its strike and outcome, how much of it was covered, and how much was proven.
//   node examples/proof-report.ts [DATA-FOLDER]
import { formatTime, open, proofRate, prove } from "polypunt";
import { exampleRecording } from "./example-recording.ts";

const [folder = await exampleRecording(), series = "btc-updown-5m"] = process.argv.slice(2);
const recording = await open(folder);
for await (const { market, window, coverage, states } of recording.windows({ series })) {
  const strike = market.strike?.exact ?? "unknown";
  const rate = proofRate(states);
  const proven = rate === null ? "nothing provable" : `${(rate * 100).toFixed(2)} % proven`;
  console.log(`${formatTime(window.startsAt)}  strike ${strike}  ${(coverage * 100).toFixed(1)} % covered  ${proven}`);
}
const report = await prove(recording, { search: "full" });
console.log(`${report.frames} frames, ${report.merged} once each; ${JSON.stringify(report.states)}`);
for (const gap of report.gaps) console.log(`gap  ${gap.cause}  ${formatTime(gap.from)}  ${gap.evidence}`);
await recording.close();
