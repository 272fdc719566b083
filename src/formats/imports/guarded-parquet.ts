import { type FileHandle, open } from "node:fs/promises";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import type {
  AsyncBuffer,
  ColumnMetaData,
  CompressionCodec,
  Compressors,
  FileMetaData,
  PageHeader,
  RowGroup,
  SchemaElement,
} from "hyparquet";
import { parquetMetadataAsync } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { compressors as scriptCompressors } from "hyparquet-compressors";
import { FormatError } from "../format-error.ts";
import { faultOfPage, plainBytesOf } from "./parquet-pages.ts";

/*
 * A Parquet file says of itself how large everything is, and a reader that believes it can be made to take any amount of
 * memory. What is declared is held against the file and against these bounds before anything is unpacked. A row group of
 * the archive we know has a million rows and columns of some ten megabytes.
 */
const MOST_CHUNK_BYTES = 512 * 1024 * 1024;
const MOST_PAGE_BYTES = 256 * 1024 * 1024;
const MOST_FOOTER_BYTES = 256 * 1024 * 1024;
const FOOTER_END_BYTES = 8;

export interface GuardedParquet {
  readonly metadata: FileMetaData;
  readonly file: AsyncBuffer;
  readonly compressors: Compressors;
  /**
   * Looks at every page of a row group's columns.
   * @throws FormatError where one declares more than the group can hold, or than this reader takes.
   */
  check(group: RowGroup): Promise<void>;
  close(): Promise<void>;
}

/** @throws FormatError where it is no Parquet file; Error of the file system. */
export async function openParquet(path: string): Promise<GuardedParquet> {
  const handle = await open(path);
  try {
    const { size } = await handle.stat();
    const file = bufferOf(handle, size, path);
    await checkFooter(file, path);
    const metadata = await parquetMetadataAsync(file).catch((error: Error) => {
      throw new FormatError(`${path} is no readable Parquet file: ${error.message}`);
    });
    return {
      metadata,
      file,
      compressors,
      check: (group) => checkGroup(file, metadata, group, path),
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function bufferOf(handle: FileHandle, size: number, path: string): AsyncBuffer {
  return {
    byteLength: size,
    async slice(start, end = size) {
      const length = end - start;
      if (start < 0 || length < 0 || end > size || length > MOST_CHUNK_BYTES)
        throw new FormatError(
          `${path} declares ${length.toLocaleString("en")} bytes at ${start.toLocaleString("en")}, but has ${size.toLocaleString("en")} (at most ${MOST_CHUNK_BYTES.toLocaleString("en")} are read at once): it is damaged, cut, or hostile`,
        );
      const bytes = new Uint8Array(length);
      const { bytesRead } = await handle.read(bytes, 0, length, start);
      if (bytesRead < length) throw new FormatError(`${path} grew shorter while it was read`);
      return bytes.buffer;
    },
  };
}

async function checkFooter(file: AsyncBuffer, path: string): Promise<void> {
  const end = file.byteLength;
  const tail = end < 2 * FOOTER_END_BYTES ? undefined : new DataView(await file.slice(end - FOOTER_END_BYTES, end));
  // "PAR1", little-endian.
  if (tail?.getUint32(4, true) !== 0x31524150)
    throw new FormatError(`${path} does not end as a Parquet file does: it is cut short, or none`);
  const length = tail.getUint32(0, true);
  if (length > MOST_FOOTER_BYTES || length > end - FOOTER_END_BYTES)
    throw new FormatError(
      `${path} declares a footer of ${length.toLocaleString("en")} bytes: it is damaged or hostile`,
    );
}

async function checkGroup(file: AsyncBuffer, { schema }: FileMetaData, group: RowGroup, path: string): Promise<void> {
  for (const { meta_data: column } of group.columns) {
    if (!column) throw new FormatError(`${path} has a row group without column metadata`);
    const start = Number(column.dictionary_page_offset || column.data_page_offset);
    const bytes = new Uint8Array(await file.slice(start, start + Number(column.total_compressed_size)));
    const element = schema.find(({ name }) => name === column.path_in_schema[0]);
    const fault = element ? faultOfChunk(bytes, column, element, Number(group.num_rows)) : "no schema";
    if (fault)
      throw new FormatError(
        `${path} declares ${fault} in column ${column.path_in_schema.join(".")} of a row group of ${group.num_rows} rows: it is damaged or hostile`,
      );
  }
}

function faultOfChunk(
  bytes: Uint8Array,
  { codec }: ColumnMetaData,
  element: SchemaElement,
  rows: number,
): string | undefined {
  const reader = { view: new DataView(bytes.buffer), offset: 0 };
  while (reader.offset < bytes.length - 1) {
    const page = parquetHeader(reader);
    const { data_page_header: first, data_page_header_v2: second, dictionary_page_header: dictionary } = page;
    // A dictionary is never longer than the column it is for.
    const values = first?.num_values ?? second?.num_values ?? dictionary?.num_values ?? 0;
    const { uncompressed_page_size: size, compressed_page_size: packedSize } = page;
    if (!(values >= 0 && values <= rows)) return `a page of ${values} values`;
    if (!(size >= 0 && size <= MOST_PAGE_BYTES && packedSize >= 0 && packedSize <= bytes.length - reader.offset))
      return `a page of ${size} bytes, packed to ${packedSize}`;
    const packed = bytes.subarray(reader.offset, reader.offset + packedSize);
    reader.offset += packedSize;
    if (!first && !second) continue;
    const fault = faultOfPage(page, unpacked(page, packed, codec), element);
    if (fault) return fault;
  }
  return undefined;
}

function unpacked(page: PageHeader, packed: Uint8Array, codec: CompressionCodec): Uint8Array {
  const unpack = compressors[codec];
  const plain = plainBytesOf(page);
  const isPlain = codec === "UNCOMPRESSED" || page.data_page_header_v2?.is_compressed === false;
  if (isPlain || !unpack || plain >= packed.length) return packed;
  const rest = unpack(packed.subarray(plain), page.uncompressed_page_size - plain);
  return plain === 0 ? rest : Buffer.concat([packed.subarray(0, plain), rest]);
}

/** Native where Node has the codec, and never more out than the page declared. */
const compressors: Compressors = {
  ...scriptCompressors,
  ZSTD: (input, length) => zstdDecompressSync(input, { maxOutputLength: Math.max(1, length) }),
  GZIP: (input, length) => gunzipSync(input, { maxOutputLength: Math.max(1, length) }),
  BROTLI: (input, length) => brotliDecompressSync(input, { maxOutputLength: Math.max(1, length) }),
};
