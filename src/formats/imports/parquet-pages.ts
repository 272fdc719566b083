import type { PageHeader, SchemaElement } from "hyparquet";

/*
 * Definition levels and dictionary indexes lie in a page as runs: a varint, its lowest bit 1 for a run of bit-packed groups
 * of eight, 0 for one value many times. A reader that believes the length of a run can be made to fill any amount of
 * memory, or to count down from below zero. So runs are walked, and held against the page, before they are read.
 * Source: the Parquet format, "RLE/bit-packing hybrid".
 */

const LONGEST_VARINT_BITS = 35;

/** Why a data page of a flat column cannot be read; undefined where nothing speaks against it. `page` is unpacked. */
export function faultOfPage(header: PageHeader, page: Uint8Array, element: SchemaElement): string | undefined {
  const isOptional = element.repetition_type !== "REQUIRED";
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  const { data_page_header: first, data_page_header_v2: second } = header;
  if (first) {
    let at = 0;
    if (isOptional) {
      const length = view.byteLength < 4 ? Number.POSITIVE_INFINITY : view.getUint32(0, true);
      if (length > view.byteLength - 4) return "definition levels that reach beyond the page";
      const fault = faultOfRuns(view, 4, 4 + length, 1, first.num_values);
      if (fault) return fault;
      at = 4 + length;
    }
    return faultOfIndexes(view, at, first.encoding, first.num_values);
  }
  if (!second) return undefined;
  const levels = second.definition_levels_byte_length;
  const repeats = second.repetition_levels_byte_length;
  if (!(levels >= 0 && repeats >= 0 && levels + repeats <= view.byteLength)) return "levels that reach beyond the page";
  if (!(second.num_nulls >= 0 && second.num_nulls <= second.num_values && second.num_rows === second.num_values))
    return `${second.num_nulls} nulls and ${second.num_rows} rows of ${second.num_values} values`;
  const fault = isOptional ? faultOfRuns(view, repeats, repeats + levels, 1, second.num_values) : undefined;
  return fault ?? faultOfIndexes(view, repeats + levels, second.encoding, second.num_values);
}

/** How many bytes at a data page's begin are never packed. */
export function plainBytesOf({ data_page_header_v2: second }: PageHeader): number {
  return second ? second.definition_levels_byte_length + second.repetition_levels_byte_length : 0;
}

function faultOfIndexes(view: DataView, at: number, encoding: string, values: number): string | undefined {
  if (encoding === "RLE") return faultOfRuns(view, at + 4, view.byteLength, 1, values);
  if (!encoding.endsWith("_DICTIONARY") || at >= view.byteLength) return undefined;
  const width = view.getUint8(at);
  if (width > 32) return `dictionary indexes of ${width} bits`;
  return faultOfRuns(view, at + 1, view.byteLength, width, values);
}

function faultOfRuns(view: DataView, from: number, to: number, width: number, values: number): string | undefined {
  let seen = 0;
  for (let at = from; at < to && seen < values; ) {
    let head = 0;
    let bits = 0;
    for (let byte = 0x80; byte & 0x80; bits += 7) {
      if (at >= to || bits >= LONGEST_VARINT_BITS) return "a run whose length does not end";
      byte = view.getUint8(at++);
      head += (byte & 0x7f) * 2 ** bits;
    }
    const isPacked = head % 2 === 1;
    const count = Math.floor(head / 2) * (isPacked ? 8 : 1);
    // The last packed group may be filled up with nothing.
    if (count > values - seen + (isPacked ? 7 : 0)) return `a run of ${count} where ${values - seen} values are left`;
    at += isPacked ? (count / 8) * width : Math.ceil(width / 8);
    seen += count;
  }
  return undefined;
}
