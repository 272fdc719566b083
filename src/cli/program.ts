import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { book } from "./commands/book.ts";
import { frames } from "./commands/frames.ts";
import { importFrames } from "./commands/import-frames.ts";
import { repair } from "./commands/repair.ts";
import { verify } from "./commands/verify.ts";

export const VERSION = (
  JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8")) as { version: string }
).version;

/** The whole command line. A new one each time, since commander keeps state. */
export function program(): Command {
  const root = new Command("polypunt")
    .description("record, prove and replay prediction-market order books")
    .version(VERSION)
    .showHelpAfterError("(polypunt --help lists the commands)")
    .exitOverride();
  for (const make of [importFrames, frames, verify, book, repair]) root.addCommand(withExit(make()));
  return root;
}

function withExit(command: Command): Command {
  command.exitOverride();
  for (const each of command.commands) withExit(each);
  return command;
}
