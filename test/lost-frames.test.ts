import { describe, expect, it } from "vitest";
import { Prover } from "#book";
import type { ConnectionId, Frame, Seq, VenueEvent, Verdict } from "#model";
import { Decoder } from "#venue";
import { DELTA_TAPE, haveTapes, readTape } from "./fixtures/tapes.ts";

// Every trial takes one price_change away from a recorded window. The oracle keeps two naive books, the true one and the
// one that missed it: the prover must contradict exactly the states at which they differ, no more and no fewer.

const TRIALS = 200;

interface Step {
  readonly frame: Frame;
  readonly events: readonly VenueEvent[];
}

type NaiveBook = Map<string, number>;

describe.skipIf(!haveTapes)("a lost frame (skipped where ../shared/data is missing)", () => {
  it(`is found as a contradiction and a gap wherever it left the book wrong, ${TRIALS} times`, () => {
    const steps = smallestWindow();
    const changes = steps.flatMap(({ events }, index) => (events[0]?.kind === "price_change" ? [index] : []));
    const pick = shuffled(changes.slice(0, -1), 20_260_416).slice(0, TRIALS);
    let found = 0;
    for (const lost of pick) {
      const wrong = statesLeftWrong(steps, lost);
      const { verdicts, prover } = proveWithout(steps, lost, wrong);
      for (const [seq, verdict] of verdicts) {
        expect({ lost, seq, verdict }).toEqual({ lost, seq, verdict: wrong.has(seq) ? "contradicted" : "proven" });
      }
      const gaps = prover.gaps();
      if (wrong.size === 0) expect(gaps).toEqual([]);
      else {
        found++;
        expect(gaps[0]?.cause).toBe("contradiction");
        expect(gaps[0]?.fromSeq).toBe(lastGoodBefore(steps, lost, wrong));
        expect(gaps.every((gap) => gap.to !== null)).toBe(verdicts.at(-1)?.[1] === "proven");
      }
    }
    // Most lost changes leave the book wrong for a while; a test that met none of them would prove nothing.
    expect(found).toBeGreaterThan(TRIALS / 4);
  }, 240_000);
});

function smallestWindow(): Step[] {
  const frames = readTape(DELTA_TAPE);
  const sizes = new Map<ConnectionId, number>();
  for (const { connection } of frames) sizes.set(connection, (sizes.get(connection) ?? 0) + 1);
  const smallest = [...sizes].sort((a, b) => a[1] - b[1])[0]?.[0];
  const decoder = new Decoder();
  return frames
    .filter((frame) => frame.connection === smallest)
    .map((frame) => ({ frame, events: decoder.decode("market", frame.bytes) }));
}

/** Positions of the states at which a book that missed the frame differs from the true one, until they agree again. */
function statesLeftWrong(steps: readonly Step[], lost: number): Set<Seq> {
  const books = new Map<string, { real: NaiveBook; ours: NaiveBook }>();
  const wrong = new Set<Seq>();
  for (const [index, { frame, events }] of steps.entries()) {
    for (const event of events) {
      if (event.kind === "book") {
        const levels = [
          ...event.bids.map((each) => ["bid", each] as const),
          ...event.asks.map((each) => ["ask", each] as const),
        ];
        const book = () => new Map(levels.map(([side, each]) => [`${side}${each.price}`, each.size as number]));
        books.set(event.instrument, { real: book(), ours: book() });
      }
      if (event.kind !== "price_change") continue;
      const pair = books.get(event.changes[0]?.instrument ?? "");
      if (!pair) continue;
      for (const book of index === lost ? [pair.real] : [pair.real, pair.ours]) {
        for (const { side, price, size } of event.changes) {
          if (size === 0) book.delete(`${side}${price}`);
          else book.set(`${side}${price}`, size);
        }
      }
      if (index !== lost && !same(pair.real, pair.ours)) wrong.add(frame.seq);
    }
  }
  return wrong;
}

function same(a: NaiveBook, b: NaiveBook): boolean {
  if (a.size !== b.size) return false;
  for (const [key, size] of a) if (b.get(key) !== size) return false;
  return true;
}

/** Stops some states after the books agree again: what follows is the same as without the loss. */
function proveWithout(steps: readonly Step[], lost: number, wrong: ReadonlySet<Seq>) {
  const verdicts: [Seq, Verdict][] = [];
  const prover = new Prover({ onVerdict: ({ seq, verdict }) => verdicts.push([seq, verdict]) });
  const lastWrong = Math.max(steps[lost]?.frame.seq ?? 0, ...wrong);
  let after = 0;
  for (const [index, { frame, events }] of steps.entries()) {
    if (index === lost) continue;
    for (const event of events) prover.apply(event, frame);
    if (frame.seq > lastWrong && ++after > 20) break;
  }
  prover.flush();
  return { verdicts, prover };
}

function lastGoodBefore(steps: readonly Step[], lost: number, wrong: ReadonlySet<Seq>): Seq | undefined {
  const firstWrong = Math.min(...wrong);
  const instrument = firstInstrument(steps[lost]);
  return steps
    .filter((step, index) => index !== lost && step.frame.seq < firstWrong && firstInstrument(step) === instrument)
    .at(-1)?.frame.seq;
}

function firstInstrument(step: Step | undefined): string | undefined {
  const event = step?.events.find((each) => each.kind === "price_change" || each.kind === "book");
  if (event?.kind === "price_change") return event.changes[0]?.instrument;
  return event?.kind === "book" ? event.instrument : undefined;
}

/** Fisher-Yates with a small linear congruential generator: the same trials each time. */
function shuffled<T>(items: readonly T[], seed: number): T[] {
  const out = [...items];
  let state = seed;
  for (let index = out.length - 1; index > 0; index--) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const other = state % (index + 1);
    [out[index], out[other]] = [out[other] as T, out[index] as T];
  }
  return out;
}
