import { existsSync } from "node:fs";
import { Command, Option } from "commander";
import { type JournalVerification, verifyJournal } from "#journal";
import { formatTime, type Gap, proofRate, VERDICTS } from "#model";
import { type ProofReport, proveRecording } from "#replay";
import { EXIT } from "../failure.ts";
import { type DataOption, dataOption, jsonOption } from "../options.ts";
import { Progress, print, printJson, table } from "../output.ts";
import { damageLine, journalFolder, openQuietly } from "../recording.ts";

interface VerifyOptions extends DataOption {
  readonly json?: true;
  readonly infer: "full" | "near" | "off";
  readonly strict?: true;
}

type Integrity = JournalVerification;

/** All of the recording is in the archive, which has a verification of its own. */
const NO_JOURNAL: Integrity = {
  frames: 0,
  blocks: 0,
  segments: 0,
  bytes: 0,
  damage: [],
  tornBytes: 0,
  knownLosses: [],
};

export function verify(): Command {
  return new Command("verify")
    .description("check the recording: CRCs and sequence, then every book against the venue's digest, then gaps")
    .addOption(dataOption())
    .addOption(jsonOption())
    .addOption(
      new Option(
        "--infer <how>",
        "search a last trade price that no frame shows: everywhere, near the best prices, or not",
      )
        .choices(["full", "near", "off"])
        .default("full"),
    )
    .option("--strict", "a contradiction or a gap fails the check too, not only damage")
    .action(async (options: VerifyOptions) => {
      // Without one, the error says so before any work.
      const reader = await openQuietly(options.data);
      const progress = new Progress("verifying");
      const folder = journalFolder(options.data);
      const integrity = existsSync(folder) ? await verifyJournal(folder) : NO_JOURNAL;
      const total = reader.span?.frames ?? 0;
      const report = await proveRecording(reader, {
        search: options.infer,
        onProgress: (done) => progress.update(done, total === 0 ? null : done / total),
      });
      progress.end();
      await reader.close();
      if (options.json)
        printJson({
          ...report,
          damage: integrity.damage,
          tornBytes: integrity.tornBytes,
          knownLosses: integrity.knownLosses,
          segments: integrity.segments,
          bytes: integrity.bytes,
        });
      else printReport(integrity, report);
      const doubtful = report.states.contradicted > 0 || report.gaps.length > 0;
      if (integrity.damage.length > 0 || (options.strict && doubtful)) process.exitCode = EXIT.checkFailed;
    });
}

function printReport(integrity: Integrity, report: ProofReport): void {
  const { states, bbo } = report;
  const rate = proofRate(states);
  print(
    `frames        ${count(report.frames)} in ${count(integrity.segments)} segments, ${count(integrity.bytes)} bytes`,
  );
  print(`damage        ${integrity.damage.length === 0 ? "none" : ""}`);
  for (const each of integrity.damage) print(`  ${damageLine(each)}`);
  print(`states        ${VERDICTS.map((verdict) => `${count(states[verdict])} ${verdict}`).join(", ")}`);
  print(`proof rate    ${rate === null ? "nothing to prove" : `${(rate * 100).toFixed(3)} %`}`);
  print(`best prices   ${count(bbo.agreed)} of ${count(bbo.checked)} agree`);
  print(`crossed       ${count(report.crossed)}, locked ${count(report.locked)}`);
  print(`faults        ${count(report.faults)}`);
  for (const fault of report.faultSamples) print(`  frame ${fault.seq}: ${fault.reason}: ${fault.detail}`);
  for (const [type, times] of Object.entries(report.unknownTypes))
    print(`unknown type  ${type}: ${count(times)} messages, kept`);
  print(`gaps          ${count(report.gaps.length)}`);
  for (const gap of report.gaps) print(`  ${gapLine(gap)}`);
  const rows = report.instruments.map((each) => [
    each.slug ?? `${each.instrument.slice(0, 12)}…`,
    each.outcome ?? "",
    ...VERDICTS.map((verdict) => count(each.states[verdict])),
  ]);
  if (rows.length > 0) print(`\n${table([["market", "outcome", ...VERDICTS], ...rows])}`);
}

export function gapLine(gap: Gap): string {
  const until = gap.to === null ? "still open" : `to ${formatTime(gap.to)}`;
  const whom = gap.instruments.length === 0 ? "everything" : `${gap.instruments.length} instrument(s)`;
  return `${gap.cause} from ${formatTime(gap.from)} ${until}, ${whom}: ${gap.evidence}`;
}

function count(value: number): string {
  return value.toLocaleString("en");
}
