import { createZstdDecompress } from "node:zlib";

/**
 * Decompresses zstd, all frames of it. Node's own stream ends without a word after the first frame where the second one
 * begins in the same chunk, and concatenated frames are what appending recorders write: so each frame that ends amid a
 * chunk is followed by a new stream for the rest.
 * @throws Error of zlib where a frame is damaged or cut, after everything that came before it.
 */
export async function* unzstd(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const input = source[Symbol.asyncIterator]();
  let rest: Uint8Array | undefined;
  try {
    for (;;) {
      const first = rest ?? (await nextOf(input));
      if (first === undefined) return;
      const engine = createZstdDecompress();
      const feeding = feed(engine, first, input);
      // The error comes out of the reading of `engine`.
      feeding.catch(() => undefined);
      yield* engine as AsyncIterable<Uint8Array>;
      rest = await feeding;
    }
  } finally {
    await input.return?.();
  }
}

/** Feeds one stream until the input or its frames end; returns what it did not take, undefined at the end of the input. */
async function feed(
  engine: ReturnType<typeof createZstdDecompress>,
  first: Uint8Array,
  input: AsyncIterator<Uint8Array>,
): Promise<Uint8Array | undefined> {
  let fed = 0;
  for (let chunk: Uint8Array | undefined = first; chunk; chunk = await nextOf(input)) {
    fed += chunk.length;
    await write(engine, chunk);
    const left = fed - engine.bytesWritten;
    if (left > 0) return chunk.subarray(chunk.length - left);
  }
  engine.end();
  return undefined;
}

/** Where a frame ends amid the chunk, zlib ends the stream and may never call back. */
function write(engine: ReturnType<typeof createZstdDecompress>, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    engine.once("end", resolve);
    engine.write(chunk, (error) => {
      engine.off("end", resolve);
      if (error) reject(error);
      else resolve();
    });
  });
}

async function nextOf(input: AsyncIterator<Uint8Array>): Promise<Uint8Array | undefined> {
  const { done, value } = await input.next();
  return done ? undefined : value;
}
