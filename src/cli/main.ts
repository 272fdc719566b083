import { CommanderError } from "commander";
import { EXIT, UserError } from "./failure.ts";
import { note } from "./output.ts";
import { program } from "./program.ts";

const BAD_INPUT = [
  "FormatError",
  "TargetError",
  "VenueConfigError",
  "CredentialsError",
  "RecordingMissing",
  "RecordingEmpty",
  "UnknownInstrument",
  "NothingSelected",
  "OutsideRecording",
];

// A reader that closes the pipe early ("| head") has what it wanted.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(EXIT.ok);
  throw error;
});

try {
  await program().parseAsync(process.argv);
} catch (error) {
  process.exitCode = failed(error);
}

function failed(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.badInput;
  if (error instanceof UserError) {
    note(`polypunt: ${error.message}`);
    return error.exitCode;
  }
  if (isBadInput(error)) {
    note(`polypunt: ${error.message}`);
    return EXIT.badInput;
  }
  if (isOfTheWorld(error)) {
    note(`polypunt: ${error.message}`);
    return EXIT.cannotWork;
  }
  // Our own broken promise: everything that helps to find it.
  note(
    `polypunt: this is a bug, please report it: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
  );
  return EXIT.cannotWork;
}

/** What other rooms say of a target, a configuration or credentials as given: one line that says what to do. */
function isBadInput(error: unknown): error is Error {
  return error instanceof Error && BAD_INPUT.includes(error.name);
}

/** A full disk, a locked journal, a refused port: the message says it all, a stack would not help. */
function isOfTheWorld(error: unknown): error is Error {
  return error instanceof Error && ("code" in error || /^(Archive|Journal|Http|Recording)/.test(error.name));
}
