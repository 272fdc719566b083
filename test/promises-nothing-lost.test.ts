import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { createSyntheticMarket, framesFileSource } from "#emulator";
import { type Journal, openJournalReader, verifyJournal } from "#journal";
import type { Frame, FrameKind, Seq, UnixMicros } from "#model";
import { Decoder } from "#venue";
import { receivedOn, SOCKETS, startRecording, textOf } from "./fixtures/recording.ts";
import { standingClock } from "./fixtures/standing-clock.ts";
import { witnessed } from "./fixtures/witnessed-source.ts";
import { OPENS_AT, WrittenTape } from "./fixtures/written-tape.ts";

const MARKETS = 20;
const FRAMES = 6_000;
const JOURNAL_ROOM = join(import.meta.dirname, "../src/journal/index.ts");

/** Count and SHA-256 of frames in their order, each with its length, so that no two lists give the same. */
function accountOf(frames: Iterable<{ readonly bytes: Uint8Array }>): { count: number; hash: string } {
  const hash = createHash("sha256");
  let count = 0;
  for (const { bytes } of frames) {
    hash.update(`${bytes.length}:`).update(bytes);
    count++;
  }
  return { count, hash: hash.digest("hex") };
}

/** A process that follows the journal, and says so when it has the first frames. */
function startFollower(directory: string): ChildProcess {
  const program = `
    import { openJournalReader } from ${JSON.stringify(JOURNAL_ROOM)};
    const reader = await openJournalReader(${JSON.stringify(directory)});
    for await (const frames of reader.tail({ fromSeq: 0, signal: new AbortController().signal }))
      if (frames.at(-1).seq > 500) console.log(frames.at(-1).seq);
  `;
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

/** Follows the journal as slowly as can be: it takes one block, and the next only when it is let. */
async function startLaggard(directory: string) {
  const reader = await openJournalReader(directory);
  const blocks = reader.tail({ fromSeq: 0 as Seq, signal: new AbortController().signal })[Symbol.asyncIterator]();
  onTestFinished(() => reader.close());
  const frames: Frame[] = [...(await blocks.next()).value!];
  return {
    async catchUp(until: Seq): Promise<readonly Frame[]> {
      while (frames.at(-1)!.seq < until) frames.push(...(await blocks.next()).value!);
      return frames;
    },
  };
}

describe("between the socket and the disk (P1)", () => {
  it("nothing is lost, by count and by hash, whatever becomes of who reads beside", async () => {
    const load = { markets: MARKETS, framesPerSecond: 200 };
    const source = witnessed(createSyntheticMarket({ seed: 11, startsAt: OPENS_AT, ...load }), FRAMES);
    const clock = standingClock(OPENS_AT, 10);
    const record = Array.from({ length: MARKETS }, (_, number) => `slug:synthetic-${number}`);
    const recording = await startRecording({ source, clock, record });
    const laggard = await startLaggard(recording.directory);
    const follower = startFollower(recording.directory);
    await once(follower.stdout!, "data");
    follower.kill("SIGKILL");
    await recording.emulator.finished;
    const last = Buffer.from(source.sent.at(-1)!.bytes);
    await recording.heard(({ bytes }) => last.equals(bytes));
    await recording.stop();

    const frames = await recording.frames();
    const sent = accountOf(source.sent);
    expect(sent.count).toBeGreaterThanOrEqual(FRAMES);
    for (const socket of SOCKETS) {
      const [dump, ...stream] = receivedOn(socket, frames);
      expect(JSON.parse(textOf(dump!))).toHaveLength(2 * MARKETS);
      expect(accountOf(stream)).toEqual(sent);
    }
    expect(accountOf(await laggard.catchUp(frames.at(-1)!.seq))).toEqual(accountOf(frames));
    expect(await verifyJournal(recording.directory)).toMatchObject({ frames: frames.length, damage: [] });
  });
});

describe("a frame of whatever type (P6)", () => {
  it("is kept as it came: trades, ticks, resolutions, what is new to us and what is broken", async () => {
    const tape = new WrittenTape();
    tape.dump(1, [
      ["BUY", "0.5", "100"],
      ["SELL", "0.51", "100"],
    ]);
    tape.trade(2, "0.51");
    tape.change(3, [["SELL", "0.51", "90"]]);
    tape.tick(4, "0.001");
    tape.message(5, { event_type: "best_bid_ask", best_bid: "0.5", best_ask: "0.51", spread: "0.01" });
    tape.message(6, { event_type: "something_new", detail: [1, { deep: "Ω \u2028" }] });
    tape.say(7, '{"event_type":"book", "bids": oops');
    tape.say(8, `{"event_type":"price_change","market":"${tape.market}","timestamp":"soon"}`);
    tape.say(9, "\u0000 not even close ");
    tape.message(10, { event_type: "market_resolved", winning_asset_id: tape.token, winning_outcome: "Up" });
    tape.change(11, [["BUY", "0.5", "0"]]);
    const source = await framesFileSource(tape.write());
    const recording = await startRecording({ source, clock: standingClock(OPENS_AT, 20), record: [tape.slug] });
    await recording.heard((frame) => textOf(frame) === tape.frames.at(-1));
    await recording.stop();
    const frames = await recording.frames();
    for (const socket of SOCKETS) {
      const received = receivedOn(socket, frames);
      expect(received.map(textOf)).toEqual(tape.frames);
      const decoder = new Decoder();
      expect(received.map((frame) => decoder.decodeFrame(frame).map((event) => event.kind))).toEqual([
        ["book"],
        ["trade"],
        ["price_change"],
        ["tick_size_change"],
        ["best_prices"],
        ["unknown"],
        ["fault"],
        ["fault"],
        ["fault"],
        ["market_resolved"],
        ["price_change"],
      ]);
    }
    const report = await recording.prove();
    expect(report).toMatchObject({ faults: 3, unknownTypes: { something_new: 1 } });
    expect(report.states).toEqual({ proven: 3, inferred: 0, contradicted: 0, unprovable: 0 });
  });
});

describe("receivedAt (P11)", () => {
  it("is the moment at the socket, however long the process is busy with the frame afterwards", async () => {
    const tape = new WrittenTape();
    tape.dump(1, [["BUY", "0.5", "100"]]);
    for (let second = 2; second < 12; second++) tape.change(second, [["BUY", "0.5", String(second)]]);
    const clock = standingClock(OPENS_AT, 20);
    interface Handed {
      readonly seq: Seq;
      readonly kind: FrameKind;
      readonly reachedAt: UnixMicros;
      readonly reachedMonotonic: number;
      readonly leftAt: UnixMicros;
    }
    const handed: Handed[] = [];
    // A disk and a process that hold every frame up, before it is in the journal and after.
    const hold = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    const busy = (journal: Journal): Journal =>
      new Proxy(journal, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name, target);
          if (name !== "append") return typeof value === "function" ? value.bind(target) : value;
          return (frame: Parameters<Journal["append"]>[0]): Seq => {
            const [reachedAt, reachedMonotonic] = [clock.now(), clock.monotonic()];
            hold();
            const seq = target.append(frame);
            hold();
            handed.push({ seq, kind: frame.kind, reachedAt, reachedMonotonic, leftAt: clock.now() });
            return seq;
          };
        },
      });
    const source = witnessed(await framesFileSource(tape.write()));
    const recording = await startRecording({ source, clock, record: [tape.slug], wrap: busy });
    await recording.heard((frame) => textOf(frame) === tape.frames.at(-1));
    await recording.stop();
    const frames = await recording.frames();
    const received = SOCKETS.flatMap((socket) => receivedOn(socket, frames));
    expect(received).toHaveLength(2 * tape.frames.length);
    for (const frame of received) {
      const { reachedAt, reachedMonotonic, leftAt } = handed.find(({ seq }) => seq === frame.seq)!;
      expect(leftAt).toBeGreaterThan(reachedAt);
      expect(frame.receivedAt).toBeLessThanOrEqual(reachedAt);
      expect(frame.monotonicAt).toBeLessThanOrEqual(reachedMonotonic);
      // Not before it was sent either: a stamp that is too early would be as wrong.
      const sentAt = Number(/"timestamp":"(\d+)"/.exec(textOf(frame))![1]) * 1_000;
      expect(frame.receivedAt).toBeGreaterThanOrEqual(sentAt);
    }
  });
});
