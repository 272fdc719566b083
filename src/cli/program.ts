import { Command } from "commander";
import { archive } from "./commands/archive.ts";
import { book } from "./commands/book.ts";
import { connections } from "./commands/connections.ts";
import { control } from "./commands/control.ts";
import { demo } from "./commands/demo.ts";
import { doctor } from "./commands/doctor.ts";
import { emulate } from "./commands/emulate.ts";
import { exportRecordings } from "./commands/export.ts";
import { frames } from "./commands/frames.ts";
import { importRecordings } from "./commands/import.ts";
import { record } from "./commands/record.ts";
import { repair } from "./commands/repair.ts";
import { replay } from "./commands/replay.ts";
import { verify } from "./commands/verify.ts";
import { VERSION } from "./version.ts";

/** The whole command line. A new one each time, since commander keeps state. */
export function program(): Command {
  const root = new Command("polypunt")
    .description("record, prove and replay prediction-market order books")
    .version(VERSION)
    .showHelpAfterError("(polypunt --help lists the commands)")
    .exitOverride();
  for (const make of [
    demo,
    record,
    importRecordings,
    exportRecordings,
    frames,
    verify,
    book,
    replay,
    connections,
    archive,
    repair,
    doctor,
    emulate,
    control,
  ]) {
    root.addCommand(withExit(make()));
  }
  return root;
}

function withExit(command: Command): Command {
  command.exitOverride();
  for (const each of command.commands) withExit(each);
  return command;
}
