import type { ConnectionId, Frame, FrameKind, MonotonicMicros, UnixMicros, UnnumberedFrame } from "#model";
import { FRAME_KINDS, NO_MONOTONIC } from "#model";

/*
 * Frames as text, one JSON object a line:
 *   {"receivedAtMicros":1776323404776089,"connection":"market-a-0","frame":"…"}
 * `kind` and `monotonicMicros` are written where they say more than the default; bytes that are no UTF-8 stand as
 * `frameBase64` instead of `frame`.
 */

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function formatFrameLine(frame: Frame): string {
  const line: Record<string, unknown> = { receivedAtMicros: frame.receivedAt, connection: frame.connection };
  const text = textOf(frame.bytes);
  if (text === undefined) line.frameBase64 = Buffer.from(frame.bytes).toString("base64");
  else line.frame = text;
  if (frame.kind !== "received") line.kind = frame.kind;
  if (frame.monotonicAt !== NO_MONOTONIC) line.monotonicMicros = frame.monotonicAt;
  return JSON.stringify(line);
}

/** A frame, or why the line is none. */
export function parseFrameLine(line: string): UnnumberedFrame | string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return "no JSON";
  }
  if (typeof parsed !== "object" || parsed === null) return "no object";
  const {
    receivedAtMicros,
    connection,
    frame,
    frameBase64,
    kind = "received",
    monotonicMicros = 0,
  } = parsed as Record<string, unknown>;
  if (!isTime(receivedAtMicros)) return "receivedAtMicros is no whole number of microseconds";
  if (typeof connection !== "string" || connection === "") return "connection is no text";
  if (!FRAME_KINDS.includes(kind as FrameKind)) return `kind is none of ${FRAME_KINDS.join(", ")}`;
  if (!isTime(monotonicMicros)) return "monotonicMicros is no whole number of microseconds";
  const bytes =
    typeof frame === "string"
      ? Buffer.from(frame)
      : typeof frameBase64 === "string"
        ? Buffer.from(frameBase64, "base64")
        : undefined;
  if (bytes === undefined) return "frame is no text";
  return {
    connection: connection as ConnectionId,
    kind: kind as FrameKind,
    receivedAt: receivedAtMicros as UnixMicros,
    monotonicAt: monotonicMicros as MonotonicMicros,
    bytes,
  };
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}
