import { type FileHandle, open } from "node:fs/promises";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import type { AsyncBuffer, Compressors, FileMetaData, RowGroup } from "hyparquet";
import { parquetMetadataAsync } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { compressors as scriptCompressors } from "hyparquet-compressors";
import { FormatError } from "../format-error.ts";

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
   * Looks at every page header of a row group's columns.
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
      check: (group) => checkGroup(file, group, path),
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

async function checkGroup(file: AsyncBuffer, group: RowGroup, path: string): Promise<void> {
  for (const { meta_data: column } of group.columns) {
    if (!column) throw new FormatError(`${path} has a row group without column metadata`);
    const start = Number(column.dictionary_page_offset || column.data_page_offset);
    const bytes = await file.slice(start, start + Number(column.total_compressed_size));
    const reader = { view: new DataView(bytes), offset: 0 };
    const name = column.path_in_schema.join(".");
    while (reader.offset < bytes.byteLength - 1) {
      const page = parquetHeader(reader);
      const values =
        page.data_page_header?.num_values ??
        page.data_page_header_v2?.num_values ??
        page.dictionary_page_header?.num_values ??
        0;
      // A dictionary is never longer than the column it is for.
      const isSane =
        values >= 0 &&
        values <= Number(group.num_rows) &&
        page.uncompressed_page_size <= MOST_PAGE_BYTES &&
        page.compressed_page_size >= 0 &&
        page.compressed_page_size <= bytes.byteLength - reader.offset;
      if (!isSane)
        throw new FormatError(
          `${path} declares a page of ${values.toLocaleString("en")} values, ${page.uncompressed_page_size.toLocaleString("en")} bytes in column ${name}, more than its row group of ${group.num_rows} rows can hold or this reader takes`,
        );
      reader.offset += page.compressed_page_size;
    }
  }
}

/** Native where Node has the codec, and never more out than the page declared. */
const compressors: Compressors = {
  ...scriptCompressors,
  ZSTD: (input, length) => zstdDecompressSync(input, { maxOutputLength: Math.max(1, length) }),
  GZIP: (input, length) => gunzipSync(input, { maxOutputLength: Math.max(1, length) }),
  BROTLI: (input, length) => brotliDecompressSync(input, { maxOutputLength: Math.max(1, length) }),
};
