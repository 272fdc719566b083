import type { UnixMicros } from "./time.ts";

/** Body of an "opened" frame. */
export interface ConnectionOpened {
  readonly url: string;
  /** How many times this connection was opened in this session, from 1. */
  readonly attempt: number;
}

/** Body of a "closed" frame. `by` says who ended it. */
export interface ConnectionClosed {
  readonly code: number | null;
  readonly reason: string;
  readonly by: "venue" | "us" | "network";
}

/** Body of a "session" frame: a recording process began or ended in order. No end before the next start: it was killed. */
export interface SessionRecord {
  readonly phase: "started" | "stopped";
  readonly version: string;
  readonly pid: number;
  readonly host: string;
  /** What was asked for, as the command line said it. */
  readonly targets: readonly string[];
  /** started: the moment of the last frame that the journal held, null in a new journal. */
  readonly previousFrameAt: UnixMicros | null;
}

/** Head of an "answered" frame; its bytes are this as one JSON line, a newline, and the body as received. */
export interface ExchangeHead {
  readonly method: string;
  readonly url: string;
  readonly status: number;
}

const NEWLINE = 10;

export function encodeExchange(head: ExchangeHead, body: Uint8Array): Uint8Array {
  const line = new TextEncoder().encode(`${JSON.stringify(head)}\n`);
  const bytes = new Uint8Array(line.length + body.length);
  bytes.set(line);
  bytes.set(body, line.length);
  return bytes;
}

/** Splits an "answered" frame; undefined where the bytes are not laid out as one. */
export function decodeExchange(bytes: Uint8Array): { head: ExchangeHead; body: Uint8Array } | undefined {
  const end = bytes.indexOf(NEWLINE);
  if (end < 0) return undefined;
  try {
    const head: unknown = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
    if (!isExchangeHead(head)) return undefined;
    return { head, body: bytes.subarray(end + 1) };
  } catch {
    return undefined;
  }
}

function isExchangeHead(value: unknown): value is ExchangeHead {
  if (typeof value !== "object" || value === null) return false;
  return "method" in value && "url" in value && "status" in value && typeof value.status === "number";
}
