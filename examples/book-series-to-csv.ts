// The book once a second as CSV: best prices, mid, depth, traded volume, and whether that moment can be trusted.
//   node examples/book-series-to-csv.ts [DATA-FOLDER TOKEN] > book.csv
import { formatMicros, formatTime, type InstrumentId, open } from "polypunt";
import { exampleRecording, runningInstrument } from "./example-recording.ts";

const [folder = await exampleRecording(), token] = process.argv.slice(2);
const recording = await open(folder);
const instrument = (token as InstrumentId | undefined) ?? (await runningInstrument(recording));

const price = (micros: number | null) => (micros === null ? "" : formatMicros(micros));
console.log("at,best_bid,best_ask,mid,bid_shares_10,ask_shares_10,volume,verdict,in_gap");
for await (const row of recording.books(instrument, { every: "1s" })) {
  const deepest = [row.bids.at(-1), row.asks.at(-1)].map((level) => price(level?.cumulativeSize ?? 0));
  const cells = [formatTime(row.at), price(row.bestBid), price(row.bestAsk), price(row.mid), ...deepest];
  console.log([...cells, price(row.since.volume), row.verdict, row.inGap].join(","));
}
await recording.close();
