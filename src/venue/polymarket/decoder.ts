import type { Fault, Frame, UnixMicros, VenueEvent } from "#model";
import { FastScanner } from "./fast-scanner.ts";
import { faultOf, isMembers, Unreadable } from "./json.ts";
import { decodeBook, decodeMarketMessage } from "./market-messages.ts";
import { decodeBinance, decodePolyBolt, decodeRtds } from "./reference-prices.ts";
import { type Surface, surfaceOf } from "./surface.ts";

const utf8 = new TextDecoder();
const NOTHING: readonly VenueEvent[] = [];

/** Bytes to events. Pure but for the interning of ids, so equal ids are the same string. */
export class Decoder {
  readonly #fast = new FastScanner();

  /** Events of a frame as received; other kinds of frames hold no message of the venue's. */
  decodeFrame(frame: Frame): readonly VenueEvent[] {
    return frame.kind === "received"
      ? this.decode(surfaceOf(frame.connection), frame.bytes, frame.receivedAt)
      : NOTHING;
  }

  /**
   * Never throws: what cannot be read is a Fault, and the rest of an array is still decoded. `receivedAt` dates the one
   * message that has no time of its own, Binance's bookTicker.
   */
  decode(surface: Surface, bytes: Uint8Array, receivedAt?: UnixMicros): readonly VenueEvent[] {
    if (surface === "market") {
      const event = this.#fast.scan(bytes);
      if (event) return [event];
    }
    return decodeSlowly(surface, bytes, receivedAt);
  }
}

/** The JSON.parse path: every message, in any order of keys and any spacing. */
export function decodeSlowly(surface: Surface, bytes: Uint8Array, receivedAt?: UnixMicros): readonly VenueEvent[] {
  const text = utf8.decode(bytes);
  const heartbeat = text.trim();
  if (heartbeat === "" || /^p[io]ng$/i.test(heartbeat)) return [{ kind: "notice", text: heartbeat }];
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return [{ kind: "fault", reason: "not_json", detail: text.slice(0, 80) }];
  }
  if (Array.isArray(parsed)) {
    if (parsed.length === 0) return [{ kind: "notice", text: "[]" }];
    return parsed.flatMap((message) => decodeOne(surface, message, receivedAt));
  }
  return decodeOne(surface, parsed, receivedAt);
}

function decodeOne(surface: Surface, message: unknown, receivedAt: UnixMicros | undefined): readonly VenueEvent[] {
  try {
    switch (surface) {
      case "market":
        return [decodeMarketMessage(message)];
      case "polybolt":
        return decodePolyBolt(message);
      case "rtds":
        return decodeRtds(message);
      case "binance":
        return decodeBinance(message, receivedAt);
    }
  } catch (error) {
    return [faultOf(error)];
  }
}

/** A REST `/book` body: a witness beside the stream, never applied to a book. */
export function decodeBookAnswer(bytes: Uint8Array): ReturnType<typeof decodeBook> | Fault {
  try {
    const body: unknown = JSON.parse(utf8.decode(bytes));
    if (!isMembers(body)) throw new Unreadable("bad_shape", "the answer is no object");
    return decodeBook(body);
  } catch (error) {
    if (error instanceof SyntaxError) return { kind: "fault", reason: "not_json", detail: error.message };
    return faultOf(error);
  }
}
