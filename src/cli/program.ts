import { Command } from "commander";
import { book } from "./commands/book.ts";
import { control } from "./commands/control.ts";
import { demo } from "./commands/demo.ts";
import { doctor } from "./commands/doctor.ts";
import { emulate } from "./commands/emulate.ts";
import { frames } from "./commands/frames.ts";
import { importFrames } from "./commands/import-frames.ts";
import { record } from "./commands/record.ts";
import { repair } from "./commands/repair.ts";
import { verify } from "./commands/verify.ts";
import { VERSION } from "./version.ts";

/** The whole command line. A new one each time, since commander keeps state. */
export function program(): Command {
  const root = new Command("polypunt")
    .description("record, prove and replay prediction-market order books")
    .version(VERSION)
    .showHelpAfterError("(polypunt --help lists the commands)")
    .exitOverride();
  for (const make of [demo, record, importFrames, frames, verify, book, repair, doctor, emulate, control]) {
    root.addCommand(withExit(make()));
  }
  return root;
}

function withExit(command: Command): Command {
  command.exitOverride();
  for (const each of command.commands) withExit(each);
  return command;
}
