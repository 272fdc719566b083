import type { Frame, InstrumentId, UnixMicros, VenueEvent } from "#model";
import type {
  Chunk,
  ChunkFrame,
  ChunkInput,
  ChunkMessage,
  ChunkScan,
  EncodedChunk,
  MarketCheckpoint,
} from "../chunk.ts";
import { ColumnWriter } from "./column.ts";
import { PlainBooks } from "./plain-books.ts";
import { FORM, joinColumns, type Sections } from "./sections.ts";

/*
 * A chunk in plain form: one column, the input as JSON with bytes in base64. Used where columns could not give back the
 * input exactly. It is packed by zstd, but a hundred times slower to scan: correctness has a price only where it is needed.
 */

interface PlainText extends Omit<ChunkInput, "messages"> {
  readonly messages: readonly (Omit<ChunkMessage, "bytes"> & { readonly bytes: string | null })[];
}

export function encodePlain(input: ChunkInput): EncodedChunk {
  const messages = input.messages.map((message) => ({
    ...message,
    bytes: message.bytes === null ? null : Buffer.from(message.bytes).toString("base64"),
  }));
  const column = new ColumnWriter();
  column.append(Buffer.from(JSON.stringify({ ...input, messages } satisfies PlainText)));
  const books = new PlainBooks(input.opening);
  const received = receivedAtOf(input.messages, input.frames);
  input.messages.forEach((message, index) => {
    books.apply(message, received[index] as UnixMicros);
  });
  const levels = input.messages.flatMap(({ events }) => events.map(levelChangesOf));
  return {
    bytes: joinColumns(FORM.plain, [column]),
    closing: books.checkpoint(instrumentsOf(input)),
    rawMessages: input.messages.filter(({ bytes }) => bytes !== null).length,
    rawDigests: levels.reduce((sum, count) => sum + count, 0),
    messages: input.messages.length,
    levelChanges: levels.reduce((sum, count) => sum + count, 0),
  };
}

export function openPlain(sections: Sections): Chunk {
  let read: ChunkInput | undefined;
  const input = (): ChunkInput => {
    read ??= parsePlain(sections);
    return read;
  };
  const { opening } = input();
  return {
    market: opening.market,
    instruments: instrumentsOf(input()),
    opening,
    frames: () => framesOf(input().frames, input().messages),
    messages: () => input().messages,
    verdicts: () => input().verdicts,
    scan: (scan, until) => scanPlain(input(), scan, until),
    stateAt: (at) => plainStateAt(input(), at),
  };
}

/** The frames of messages whose bytes are here. */
export function framesOf(frames: readonly ChunkFrame[], messages: readonly ChunkMessage[]): Frame[] {
  const made: Frame[] = [];
  for (const { seq, connection, receivedAt, monotonicAt, message } of frames) {
    const bytes = messages[message]?.bytes;
    if (bytes) made.push({ seq, connection, kind: "received", receivedAt, monotonicAt, bytes });
  }
  return made;
}

/** When the frame that showed each message first was received; where it is not here, when the message was known. */
export function receivedAtOf(messages: readonly ChunkMessage[], frames: readonly ChunkFrame[]): UnixMicros[] {
  const times = messages.map(({ knownAt }) => knownAt);
  for (const { message, seq, receivedAt } of frames) if (messages[message]?.seq === seq) times[message] = receivedAt;
  return times;
}

/** Those with a book first, then in the order in which events name them. */
export function instrumentsOf({ opening, messages }: ChunkInput): InstrumentId[] {
  const named = new Set(opening.instruments.map(({ instrument }) => instrument));
  for (const { events } of messages)
    for (const event of events) {
      if (event.kind === "price_change") for (const { instrument } of event.changes) named.add(instrument);
      else if ("instrument" in event) named.add(event.instrument);
    }
  return [...named];
}

function parsePlain(sections: Sections): ChunkInput {
  try {
    const text = JSON.parse(Buffer.from(sections.column(0).rest()).toString()) as PlainText;
    const { lastTradePrice, ...opening } = text.opening;
    const messages = text.messages.map((message) => ({
      ...message,
      bytes: message.bytes === null ? null : Uint8Array.from(Buffer.from(message.bytes, "base64")),
      events: message.events.map(withUnsaid),
    }));
    return { ...text, opening: { ...opening, lastTradePrice }, messages };
  } catch (cause) {
    throw new RangeError("damaged chunk: its text is no JSON of a chunk", { cause });
  }
}

/** JSON drops what is undefined. */
function withUnsaid(event: VenueEvent): VenueEvent {
  if (event.kind !== "price_change") return event;
  const changes = event.changes.map(({ bestBid, bestAsk, ...change }) => ({ ...change, bestBid, bestAsk }));
  return { ...event, changes };
}

function levelChangesOf(event: VenueEvent): number {
  return event.kind === "price_change"
    ? event.changes.length
    : event.kind === "book"
      ? event.bids.length + event.asks.length
      : 0;
}

function scanPlain(input: ChunkInput, scan: ChunkScan, until: UnixMicros | undefined): void {
  const places = new Map(instrumentsOf(input).map((instrument, place) => [instrument, place]));
  const open = new Set(input.opening.instruments.map(({ instrument }) => instrument));
  const placeOf = (instrument: InstrumentId): number => places.get(instrument) as number;
  let sentAt = 0 as UnixMicros;
  for (const { knownAt, seq, events } of input.messages) {
    if (until !== undefined && knownAt > until) return;
    const [first] = events;
    if (first && "sentAt" in first) sentAt = first.sentAt;
    scan.message?.(knownAt, sentAt, seq);
    for (const event of events) {
      if (event.kind === "price_change") {
        for (const { instrument, side, price, size } of event.changes)
          if (open.has(instrument)) scan.level(placeOf(instrument), side, price, size);
      } else if (event.kind === "book") {
        const place = placeOf(event.instrument);
        open.add(event.instrument);
        scan.clear(place);
        if (event.tickSize !== undefined) scan.tick?.(place, event.tickSize);
        for (const { price, size } of event.bids) scan.level(place, "bid", price, size);
        for (const { price, size } of event.asks) scan.level(place, "ask", price, size);
      } else if (event.kind === "trade") {
        scan.trade?.(placeOf(event.instrument), event.price, event.size, event.takerSide);
      } else if (event.kind === "tick_size_change") scan.tick?.(placeOf(event.instrument), event.tickSize);
    }
  }
}

function plainStateAt(input: ChunkInput, at: UnixMicros): MarketCheckpoint {
  const books = new PlainBooks(input.opening);
  const received = receivedAtOf(input.messages, input.frames);
  for (const [index, message] of input.messages.entries()) {
    if (message.knownAt > at) break;
    books.apply(message, received[index] as UnixMicros);
  }
  return books.checkpoint(instrumentsOf(input));
}
