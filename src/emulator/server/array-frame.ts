import type { InstrumentId } from "#model";

const OPENING_BRACKET = 0x5b;

/** A message of an array, verbatim, and whom it concerns; empty: anybody. */
interface Element {
  readonly text: string;
  readonly instruments: readonly string[];
}

/**
 * A frame that is a list of messages, as an opening dump of several tokens is. Who subscribed only some of them gets only
 * those: cut out as they stand, so that spacing and digests stay the venue's.
 */
export class ArrayFrame {
  readonly #bytes: Uint8Array;
  readonly #elements: readonly Element[];
  readonly #separator: string;
  readonly #end: string;

  private constructor(bytes: Uint8Array, elements: readonly string[], separator: string, end: string) {
    this.#bytes = bytes;
    this.#elements = elements.map((text) => ({ text, instruments: instrumentsIn(text) }));
    this.#separator = separator;
    this.#end = end;
  }

  /** null for a frame of one message, or one that cannot be cut. */
  static of(bytes: Uint8Array): ArrayFrame | null {
    if (bytes[0] !== OPENING_BRACKET) return null;
    const text = Buffer.from(bytes).toString("utf8");
    const parts = elementsOf(text);
    if (parts === null || parts.elements.length < 2) return null;
    return new ArrayFrame(bytes, parts.elements, parts.separator, text.slice(parts.endsAt));
  }

  /** The frame for who wants these instruments; null where nothing of it concerns them. */
  cut(isWanted: (instrument: InstrumentId) => boolean): Uint8Array | null {
    const kept = this.#elements.filter(
      ({ instruments }) => instruments.length === 0 || instruments.some((id) => isWanted(id as InstrumentId)),
    );
    if (kept.length === this.#elements.length) return this.#bytes;
    if (kept.length === 0) return null;
    return Buffer.from(`[${kept.map(({ text }) => text).join(this.#separator)}${this.#end}`);
  }
}

/** The members of a list of objects, with what stands between the first two; null where it is no such list. */
function elementsOf(text: string): { elements: string[]; separator: string; endsAt: number } | null {
  const elements: string[] = [];
  let [depth, from, lastEnd, inString] = [0, -1, 1, false];
  let separator = ",";
  for (let at = 1; at < text.length; at++) {
    const char = text[at];
    if (inString) {
      if (char === "\\") at++;
      else if (char === '"') inString = false;
      continue;
    }
    if (char === '"') inString = true;
    else if (char === "{" || char === "[") {
      if (depth++ > 0) continue;
      if (elements.length === 1) separator = text.slice(lastEnd, at);
      from = at;
    } else if (char === "}" || char === "]") {
      if (depth === 0) return { elements, separator, endsAt: at };
      if (--depth > 0) continue;
      lastEnd = at + 1;
      elements.push(text.slice(from, lastEnd));
    }
  }
  return null;
}

function instrumentsIn(message: string): string[] {
  return [...message.matchAll(/"asset_id":\s?"(\d+)"/g)].map((match) => match[1]!);
}
