/** Bytes of an archive that are not what was written, or that this version cannot read. */
export class ArchiveDamaged extends Error {
  override readonly name = "ArchiveDamaged";
  readonly file: string;
  readonly offset: number;

  constructor(file: string, offset: number, reason: string, options?: ErrorOptions) {
    super(`archive damaged: ${file} at byte ${offset}: ${reason}`, options);
    this.file = file;
    this.offset = offset;
  }
}

/** Written by a newer version of Poly Punt. */
export class ArchiveTooNew extends Error {
  override readonly name = "ArchiveTooNew";
}

/** Another process packs into this archive. */
export class ArchiveLocked extends Error {
  override readonly name = "ArchiveLocked";
}

/** The journal beside the archive does not hold what the archive was made from. */
export class ArchiveMismatch extends Error {
  override readonly name = "ArchiveMismatch";
}

/** There is no archive in this directory. */
export class ArchiveMissing extends Error {
  override readonly name = "ArchiveMissing";
}
