// The book of a token at one moment: its best levels, how it was proven, and what was missing then.
//   node examples/book-at.ts [DATA-FOLDER TOKEN TIME]     without arguments: a synthetic recording
import {
  cumulativeDepth,
  formatMicros,
  formatTime,
  type InstrumentId,
  open,
  parseTime,
  type UnixMicros,
} from "polypunt";
import { exampleRecording, runningInstrument } from "./example-recording.ts";

const [folder = await exampleRecording(), token, time] = process.argv.slice(2);
const recording = await open(folder);
const instrument = (token as InstrumentId | undefined) ?? (await runningInstrument(recording));
const at = (time === undefined ? recording.span!.lastReceivedAt : parseTime(time)!) as UnixMicros;

const found = await recording.bookAt(instrument, at);
if (!found) console.log(`no book known yet at ${formatTime(at)}`);
else {
  const { book, verdict, openGaps } = found;
  console.log(`${formatTime(at)}  ${verdict}, last change ${formatTime(book.receivedAt)}`);
  for (const side of ["ask", "bid"] as const) {
    for (const level of cumulativeDepth(book.ladder, side, 3)) {
      const { price, size, cumulativeSize } = level;
      console.log(
        `${side} ${formatMicros(price)}  ${formatMicros(size)} shares, ${formatMicros(cumulativeSize)} to here`,
      );
    }
  }
  for (const gap of openGaps) console.log(`gap: ${gap.cause} since ${formatTime(gap.from)}`);
}
await recording.close();
