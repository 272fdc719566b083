import type { PriceMicros, SizeMicros, UnixMicros } from "#model";
import type { ChunkScan } from "../chunk.ts";
import { EventReader } from "./event-reader.ts";
import { MessageTimesReader } from "./frame-columns.ts";
import { KIND } from "./layout.ts";
import type { Opened } from "./opened.ts";

/** Tells each step of the books. Of the times only what is asked for is unpacked. */
export function scanBooks(opened: Opened, scan: ChunkScan, until: UnixMicros | undefined): void {
  const isTold = scan.message !== undefined;
  const events = new EventReader(opened.column, opened.books(), { timed: isTold, detailed: false });
  const times = isTold || until !== undefined ? new MessageTimesReader(opened.column) : null;
  while (!events.isAtEnd) {
    if (times !== null) {
      times.read();
      if (until !== undefined && times.knownAt > until) return;
      if (isTold) events.begin(times.knownAt);
    }
    let isFirst = true;
    do {
      events.read();
      if (isFirst && times !== null) scan.message?.(times.knownAt, events.sentAt as UnixMicros, times.seq);
      isFirst = false;
      tell(events, scan);
    } while (!events.isLast);
  }
}

function tell(events: EventReader, scan: ChunkScan): void {
  const { kind, place } = events;
  if (kind === KIND.trade) {
    const takerSide = events.takerSide === 0 ? null : events.takerSide === 1 ? "buy" : "sell";
    scan.trade?.(place, events.lastTradePrice as PriceMicros, events.tradeSize, takerSide);
  } else if (kind === KIND.tick) {
    scan.tick?.(place, events.tickSize as PriceMicros);
  } else {
    if (kind === KIND.book) {
      if (events.isFirst) scan.clear(place);
      if (events.tickSize !== undefined) scan.tick?.(place, events.tickSize);
    }
    tellLevels(events, scan);
  }
}

function tellLevels(events: EventReader, scan: ChunkScan): void {
  const { count, places, sides, prices, sizes } = events.changes;
  for (let index = 0; index < count; index++) {
    const place = places[index] as number;
    // Before its first whole book a change has nothing to stand on.
    if (!events.bookAt(place).open) continue;
    scan.level(place, sides[index] === 0 ? "bid" : "ask", prices[index] as PriceMicros, sizes[index] as SizeMicros);
  }
}
