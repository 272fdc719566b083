import type { VenueEvent } from "#model";
import { COMMON_SPELLINGS, Speller, type Spelling, spellingOf } from "#venue";
import type { ColumnReader } from "./column.ts";
import type { ColumnOf } from "./event-reader.ts";
import type { Columns } from "./event-writer.ts";

/*
 * `spelling`, a varint a message: 0 its bytes are kept elsewhere, 1 they stand in `raw` (length, bytes), 2 + n they are
 * spelled by the n-th spelling: first come the venue's common ones, then those in `styles`, JSON texts, one a line.
 */

const ELSEWHERE = 0;
const RAW = 1;
const FIRST = 2;
const COMMON = COMMON_SPELLINGS.map((spelling) => ({ speller: new Speller(spelling), text: "" }));
/** A recording has a handful; a message that would need another one more stays raw. */
const MOST_SPELLINGS = 64;

export class SpellingWriter {
  readonly #columns: Columns;
  readonly #spellings: { readonly speller: Speller; readonly text: string }[] = [...COMMON];
  /** The last that fitted, by kind of the first event. */
  readonly #last = new Map<string, number>();
  rawMessages = 0;

  constructor(columns: Columns) {
    this.#columns = columns;
  }

  write(bytes: Uint8Array | null, events: readonly VenueEvent[]): void {
    if (bytes === null) return this.#columns.spelling.unsigned(ELSEWHERE);
    const kind = events[0]?.kind ?? "";
    const fitting = this.#fitting(bytes, events, kind);
    if (fitting === undefined) {
      this.rawMessages++;
      this.#columns.spelling.unsigned(RAW);
      this.#columns.raw.unsigned(bytes.length);
      this.#columns.raw.append(bytes);
    } else {
      this.#last.set(kind, fitting);
      this.#columns.spelling.unsigned(FIRST + fitting);
    }
  }

  finish(): void {
    this.#columns.styles.append(
      Buffer.from(
        this.#spellings
          .slice(COMMON.length)
          .map(({ text }) => text)
          .join("\n"),
      ),
    );
  }

  #fitting(bytes: Uint8Array, events: readonly VenueEvent[], kind: string): number | undefined {
    if (events.length === 0) return undefined;
    const last = this.#last.get(kind);
    if (last !== undefined && this.#fits(last, bytes, events)) return last;
    for (let index = 0; index < this.#spellings.length; index++) {
      if (index !== last && this.#fits(index, bytes, events)) return index;
    }
    const spelling = this.#spellings.length < MOST_SPELLINGS ? spellingOf(bytes, events) : undefined;
    if (spelling === undefined) return undefined;
    const speller = new Speller(spelling);
    if (!isEqual(speller.spell(events), bytes)) return undefined;
    return this.#spellings.push({ speller, text: JSON.stringify(spelling) }) - 1;
  }

  #fits(index: number, bytes: Uint8Array, events: readonly VenueEvent[]): boolean {
    return isEqual(this.#spellings[index]?.speller.spell(events), bytes);
  }
}

export class SpellingReader {
  readonly #spelling: ColumnReader;
  readonly #raw: ColumnReader;
  readonly #spellers: readonly Speller[];

  constructor(column: ColumnOf, styles: Uint8Array) {
    this.#spelling = column("spelling");
    this.#raw = column("raw");
    this.#spellers = readSpellings(styles);
  }

  read(events: readonly VenueEvent[]): Uint8Array | null {
    const how = this.#spelling.unsigned();
    if (how === ELSEWHERE) return null;
    if (how === RAW) return Uint8Array.from(this.#raw.take(this.#raw.unsigned()));
    const bytes = this.#spellers[how - FIRST]?.spell(events);
    if (bytes === undefined) throw new RangeError("damaged chunk: a message spelled in an unknown way");
    return bytes;
  }
}

function readSpellings(styles: Uint8Array): Speller[] {
  const common = COMMON.map(({ speller }) => speller);
  if (styles.length === 0) return common;
  try {
    const lines = Buffer.from(styles).toString().split("\n");
    return [...common, ...lines.map((line) => new Speller(JSON.parse(line) as Spelling))];
  } catch (cause) {
    throw new RangeError("damaged chunk: its spellings are no JSON", { cause });
  }
}

function isEqual(one: Uint8Array | undefined, other: Uint8Array): boolean {
  return one !== undefined && Buffer.compare(one, other) === 0;
}
