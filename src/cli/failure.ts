/** What a command ends with. Documented in docs/cli.md. */
export const EXIT = { ok: 0, checkFailed: 1, badInput: 2, cannotWork: 3 } as const;

/** Something the user can put right: one line that says what is wrong and what to do. */
export class UserError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT.badInput) {
    super(message);
    this.exitCode = exitCode;
  }
}
