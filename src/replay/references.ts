import type { FrameSource, InstrumentId, ReferencePrice, ReferenceSource, Seq, UnixMicros } from "#model";
import { timeline } from "#timeline";
import type { TimeSpan } from "./recording.ts";

export interface ReferenceOptions extends TimeSpan {
  /** "btcusd"; default: any. */
  readonly symbol?: string;
  readonly source?: ReferenceSource;
  readonly measure?: ReferencePrice["measure"];
  /** Also points of the past that a service sends when one subscribes. Default false. */
  readonly history?: boolean;
}

/** An observation of an underlying price as it came. */
export interface RecordedReference {
  /** When it was received; its own time is `price.observedAt`. */
  readonly at: UnixMicros;
  readonly seq: Seq;
  readonly price: ReferencePrice;
}

const NOBODY: ReadonlySet<InstrumentId> = new Set();

/** Reference prices in the order of receipt; of redundant sockets each once. */
export async function* referencesOf(
  source: FrameSource,
  { from, to, symbol, source: service, measure, history = false }: ReferenceOptions,
): AsyncGenerator<RecordedReference, void> {
  const range = {
    instruments: NOBODY,
    ...(from === undefined ? {} : { fromTime: from }),
    ...(to === undefined ? {} : { toTime: to }),
  };
  for await (const steps of timeline(source, range)) {
    for (const { frame, knownAt, events } of steps) {
      for (const price of events) {
        if (price.kind !== "reference_price" || (price.history && !history)) continue;
        if (symbol !== undefined && price.symbol !== symbol) continue;
        if (service !== undefined && price.source !== service) continue;
        if (measure !== undefined && price.measure !== measure) continue;
        yield { at: knownAt, seq: frame.seq, price };
      }
    }
  }
}
