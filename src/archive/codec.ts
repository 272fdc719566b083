// Which codec chunks are written and read with: chosen here and nowhere else.
export { encodeChunk } from "./columns/encode-chunk.ts";
export { openChunk } from "./columns/open-chunk.ts";
