import { type MonotonicMicros, SECOND, type UnixMicros } from "#model";
import { atLeastReal, type Clock } from "./clock.ts";

/**
 * Why there is no usable answer:
 * - network: refused, reset, no such host, TLS
 * - timeout: no complete answer in time
 * - too_large: the body went beyond the bound
 * - status: answered, but with an error status
 * - aborted: we gave it up ourselves
 */
export type HttpFailure = "network" | "timeout" | "too_large" | "status" | "aborted";

export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly failure: HttpFailure;
  readonly url: string;
  /** null where there was no answer. */
  readonly status: number | null;

  constructor(failure: HttpFailure, url: string, detail: string, status: number | null = null, cause?: unknown) {
    super(`GET ${url}: ${detail}`, cause === undefined ? undefined : { cause });
    this.failure = failure;
    this.url = url;
    this.status = status;
  }
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: Uint8Array;
  /** When the last byte was there. */
  readonly receivedAt: UnixMicros;
  readonly monotonicAt: MonotonicMicros;
  /** What Retry-After asks for; null where it was not sent or cannot be read. */
  readonly retryAfterMicros: number | null;
}

export interface FetchOptions {
  readonly clock: Clock;
  /** For the whole answer, in micros of the clock, but at least two real seconds. Default 10 s. */
  readonly timeoutMicros?: number;
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
}

const DEFAULT_TIMEOUT = 10 * SECOND;
const SHORTEST_TIMEOUT_MILLIS = 2_000;
const DEFAULT_MAX_BYTES = 32 * 1_024 * 1_024;

/**
 * Fetches a body by GET, whatever its status.
 * @throws HttpError, never one of kind "status": that judgement is the caller's.
 */
export async function fetchBytes(url: string, options: FetchOptions): Promise<HttpAnswer> {
  const { clock, maxBytes = DEFAULT_MAX_BYTES } = options;
  const timeout = atLeastReal(clock, options.timeoutMicros ?? DEFAULT_TIMEOUT, SHORTEST_TIMEOUT_MILLIS);
  const expiry = new AbortController();
  const cancelExpiry = clock.after(timeout, () => expiry.abort());
  const signal = options.signal ? AbortSignal.any([options.signal, expiry.signal]) : expiry.signal;
  try {
    const response = await fetch(url, { signal, headers: { ...options.headers } });
    const body = await readBody(response, url, maxBytes);
    const receivedAt = clock.now();
    return {
      status: response.status,
      body,
      receivedAt,
      monotonicAt: clock.monotonic(),
      retryAfterMicros: parseRetryAfter(response.headers.get("retry-after"), receivedAt),
    };
  } catch (error) {
    if (error instanceof HttpError) throw error;
    if (options.signal?.aborted) throw new HttpError("aborted", url, "given up", null, error);
    if (expiry.signal.aborted) throw new HttpError("timeout", url, `no answer in ${timeout / SECOND} s`, null, error);
    throw new HttpError("network", url, reasonOf(error), null, error);
  } finally {
    cancelExpiry();
  }
}

async function readBody(response: Response, url: string, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop early cancels the stream, which frees the connection.
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > maxBytes) {
      throw new HttpError("too_large", url, `the body is beyond ${maxBytes} bytes`, response.status);
    }
    chunks.push(chunk);
  }
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, size);
}

/** fetch says only "fetch failed"; what happened is in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? reasonOf(error.cause) : error.message || error.name;
}

/** Reads a Retry-After header (seconds, or an HTTP date) as micros from `now`; null where it says nothing usable. */
export function parseRetryAfter(text: string | null | undefined, now: UnixMicros): number | null {
  if (!text) return null;
  if (/^\s*\d{1,9}(\.\d+)?\s*$/.test(text)) return Math.round(Number(text) * SECOND);
  // An HTTP date begins with its weekday; Date.parse alone would read "-5" as a month.
  const at = /^\s*[a-z]{3}/i.test(text) ? Date.parse(text) * 1_000 : Number.NaN;
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}
