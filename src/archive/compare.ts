import type { Frame, Seq } from "#model";

/**
 * Holds two readings of the same frames against each other, frame by frame and byte by byte.
 * Returns what differs first, in words; undefined where nothing does.
 */
export async function firstDifference(
  archived: AsyncIterable<readonly Frame[]>,
  journal: AsyncIterable<readonly Frame[]>,
): Promise<{ readonly seq: Seq; readonly what: string } | undefined> {
  const theirs = framesOf(journal);
  try {
    for await (const frames of archived) {
      for (const ours of frames) {
        const next = await theirs.next();
        if (next.done) return { seq: ours.seq, what: "the archive has a frame that the journal has not" };
        const what = difference(ours, next.value);
        if (what) return { seq: next.value.seq, what };
      }
    }
    const left = await theirs.next();
    return left.done ? undefined : { seq: left.value.seq, what: "the journal has a frame that the archive has not" };
  } finally {
    await theirs.return();
  }
}

async function* framesOf(batches: AsyncIterable<readonly Frame[]>): AsyncGenerator<Frame, void> {
  for await (const batch of batches) yield* batch;
}

function difference(ours: Frame, theirs: Frame): string | undefined {
  for (const key of ["seq", "connection", "kind", "receivedAt", "monotonicAt"] as const)
    if (ours[key] !== theirs[key]) return `${key} is ${ours[key]} in the archive, ${theirs[key]} in the journal`;
  return Buffer.compare(ours.bytes, theirs.bytes) === 0 ? undefined : "the bytes differ";
}
