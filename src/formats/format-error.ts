/** A file, a mapping or a selection that cannot be used: one line that says what is wrong and what to do. */
export class FormatError extends Error {
  override readonly name = "FormatError";
}
