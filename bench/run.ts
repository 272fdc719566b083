import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Bench, BenchRow } from "./measure.ts";

// npm run bench [-- NAME… --json]: runs bench/*.bench.ts, all but soaks unless they are named.

const names = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const asJson = process.argv.includes("--json");

const benches: Bench[] = [];
for (const file of readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith(".bench.ts"))
  .sort()) {
  const loaded = (await import(join(import.meta.dirname, file))) as { default: Bench };
  benches.push(loaded.default);
}

const unknown = names.filter((name) => !benches.some((bench) => bench.name === name));
if (unknown.length > 0) {
  console.error(`no such bench: ${unknown.join(", ")}; there are: ${benches.map((bench) => bench.name).join(", ")}`);
  process.exit(2);
}

const rows: BenchRow[] = [];
for (const bench of benches) {
  if (names.length > 0 ? !names.includes(bench.name) : bench.soak === true) continue;
  if (!asJson) console.log(`${bench.name} …`);
  const measured = await bench.run();
  rows.push(...measured);
  if (!asJson) for (const row of measured) console.log(line(row));
}
if (asJson) console.log(JSON.stringify(rows));
process.exit(rows.every((row) => row.holds) ? 0 : 1);

function line(row: BenchRow): string {
  const spread = row.spread ? ` [${row.spread.measured.map(figure).join(" .. ")}]` : "";
  const beside =
    row.baseline === null ? "" : `; baseline ${figure(row.baseline)}, ratio ${figure(row.ratio ?? Number.NaN)}`;
  const verdict = row.holds ? "holds" : "DOES NOT HOLD";
  return `  ${row.promise}\n    ${figure(row.measured)} ${row.unit}${spread}${beside}; goal ${row.goal}: ${verdict}${row.notes ? ` (${row.notes})` : ""}`;
}

function figure(value: number): string {
  return Math.abs(value) >= 1_000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3)));
}
