import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startCapture } from "#capture";
import { startEmulator, syntheticSource } from "#emulator";
import { scaledClock, silentLog, systemClock } from "#host";
import { openJournal } from "#journal";
import { MINUTE, parseTime, type UnixMicros } from "#model";
import { parseTarget } from "#venue";
import { renderStatus } from "../../src/cli/status-screen.ts";

// Draws record-screen.svg: the live screen of a real recording of the synthetic market, nine minutes into it.
// node docs/pictures/draw-record-screen.ts

const FROM = parseTime("2026-11-02T13:58:00Z") as UnixMicros;
const FOR = 9 * MINUTE;
const SPEED = 20;

const folder = mkdtempSync(join(tmpdir(), "polypunt-picture-"));
const clock = scaledClock({ venueAt: FROM, wallAt: systemClock().now(), speed: SPEED });
const source = syntheticSource({ seed: 1, startsAt: FROM, series: ["btc-updown-15m"] });
const emulator = await startEmulator({ source, clock });
const directory = join(folder, "journal");
const journal = await openJournal({ directory, clock });
const targets = [parseTarget("series:btc-updown-15m")];
const capture = await startCapture({
  journal,
  directory,
  venue: emulator.config(),
  targets,
  clock,
  log: silentLog(),
  version: "0.1.0",
});
await clock.sleep(FOR);
const lines = ["$ polypunt record --series btc-updown-15m", "", ...renderStatus(capture.status())];
await capture.stop();
await journal.close();
await emulator.close();
rmSync(folder, { recursive: true });

const CHARACTER = 7.23;
const LINE = 17;
const MARGIN = 16;
const width = Math.ceil(Math.max(...lines.map((line) => line.length)) * CHARACTER + 2 * MARGIN);
const height = lines.length * LINE + 2 * MARGIN;
const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
const rows = lines.map(
  (line, index) => `<text x="${MARGIN}" y="${MARGIN + 12 + index * LINE}" xml:space="preserve">${escaped(line)}</text>`,
);
const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="The live screen of polypunt record">
<rect width="100%" height="100%" rx="8" fill="#11161d"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="12" fill="#d7dee8">
${rows.join("\n")}
</g>
</svg>
`;
writeFileSync(join(import.meta.dirname, "record-screen.svg"), svg);
