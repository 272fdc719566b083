import type { Seq } from "#model";
import { VERDICTS } from "#model";
import type { Chunk, ChunkVerdict } from "../chunk.ts";
import { readFrames } from "./frame-columns.ts";
import { type Opened, openColumns } from "./opened.ts";
import { framesOf, openPlain } from "./plain-chunk.ts";
import { type ReadMessage, readMessages } from "./read-messages.ts";
import { readState } from "./read-state.ts";
import { scanBooks } from "./scan-books.ts";
import { FORM, Sections } from "./sections.ts";

/**
 * Opens what encodeChunk made. Checks version and checksum and reads the head; the rest when it is asked for. `scan` tells
 * a whole book of an instrument that has one as the changes to it, without `clear`.
 * @throws RangeError where the bytes are damaged or of another version; so do all calls on the chunk.
 */
export function openChunk(bytes: Uint8Array): Chunk {
  const sections = new Sections(bytes);
  if (sections.form === FORM.plain) return openPlain(sections);
  const opened = sound(() => openColumns(sections));
  let read: ReadMessage[] | undefined;
  const messages = (): ReadMessage[] => {
    read ??= sound(() => readMessages(opened));
    return read;
  };
  return {
    market: opened.opening.market,
    instruments: opened.instruments,
    opening: opened.opening,
    frames: () => sound(() => framesOf(readFrames(opened.column, messages(), opened.connections), messages())),
    messages: () => messages().map(({ seq, knownAt, bytes: wire, events }) => ({ seq, knownAt, bytes: wire, events })),
    verdicts: () => sound(() => readVerdicts(opened)),
    scan: (scan, until) => scanBooks(opened, scan, until),
    stateAt: (at) => sound(() => readState(opened, at)),
  };
}

/**
 * Bytes whose checksum fits can still be no chunk that we wrote: a text in them no JSON, a spelling that fits no event.
 * `scan` meets numbers only, and runs the caller's code: it is not wrapped.
 */
function sound<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof RangeError) throw cause;
    throw new RangeError("damaged chunk: what it says makes no sense", { cause });
  }
}

function readVerdicts(opened: Opened): ChunkVerdict[] {
  const column = opened.column("verdicts");
  const verdicts: ChunkVerdict[] = [];
  let seq = 0;
  while (!column.isAtEnd) {
    const word = column.unsigned();
    seq += column.signed();
    const verdict = VERDICTS[word % VERDICTS.length];
    const instrument = opened.instruments[Math.floor(word / VERDICTS.length)];
    if (verdict === undefined || instrument === undefined) throw new RangeError("damaged chunk: a verdict on nothing");
    verdicts.push({ instrument, seq: seq as Seq, verdict });
  }
  return verdicts;
}
