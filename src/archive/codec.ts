// Which codec chunks are written and read with: chosen here and nowhere else.
export { encodePlainChunk as encodeChunk, openPlainChunk as openChunk } from "./plain-chunk.ts";
