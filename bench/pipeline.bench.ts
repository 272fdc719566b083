import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";
import { Prover } from "#book";
import { silentLog, systemClock } from "#host";
import { openJournal } from "#journal";
import type { ConnectionId, Frame } from "#model";
import { SECOND } from "#model";
import { Decoder, Feed, marketSubscribe } from "#venue";
import { alternate, type Bench } from "./measure.ts";

// socket -> journal durable -> book -> proof of every state, against a `ws` client that throws each message away.
// The sender is a process of its own; both sides of the comparison share it and the same two cores.

const FRAMES = 40_000;
const ROUNDS = 5;
const CONNECTION = "market-a-0" as ConnectionId;

async function startServer(): Promise<{ url: string; frames: number; stop(): void }> {
  const child = fork(join(import.meta.dirname, "fixtures/frame-server.ts"), ["8", String(FRAMES)], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  const [line] = (await once(child.stdout!, "data")) as [Buffer];
  const [port, frames] = line.toString().trim().split(" ");
  return { url: `ws://127.0.0.1:${port}`, frames: Number(frames), stop: () => void child.kill() };
}

function discard(url: string, frames: number): Promise<number> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url);
    let received = 0;
    let begun = 0;
    socket.on("open", () => socket.send("go"));
    socket.on("message", () => {
      if (received++ === 0) begun = performance.now();
      if (received < frames) return;
      resolve((frames * 1_000) / (performance.now() - begun));
      socket.terminate();
    });
  });
}

async function recordAndProve(url: string, frames: number): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), "polypunt-bench-"));
  const clock = systemClock();
  const journal = await openJournal({ directory, clock, maxBacklogBytes: 256 * 1_024 * 1_024 });
  const decoder = new Decoder();
  const prover = new Prover();
  const finished = Promise.withResolvers<number>();
  let waiting: Frame[] = [];
  let received = 0;
  let proven = 0;
  let begun = 0;
  const prove = (): void => {
    const batch = waiting;
    waiting = [];
    for (const frame of batch) for (const event of decoder.decodeFrame(frame)) prover.apply(event, frame);
    proven += batch.length;
    if (proven < frames) return;
    prover.flush();
    void journal.flush().then(() => finished.resolve((frames * 1_000) / (performance.now() - begun)));
  };
  const feed = new Feed({
    surface: "market",
    connection: CONNECTION,
    url,
    clock,
    log: silentLog(),
    staleAfterMicros: 30 * SECOND,
    liveness: "any",
    greeting: () => [marketSubscribe([])],
    onFrame(frame) {
      const seq = journal.append(frame);
      if (frame.kind !== "received") return;
      if (received++ === 0) begun = performance.now();
      if (waiting.push({ ...frame, seq }) === 1) setImmediate(prove);
    },
  });
  feed.start();
  const rate = await finished.promise;
  await feed.close();
  await journal.close();
  rmSync(directory, { recursive: true, force: true });
  const { states } = prover.totals();
  if (states.proven !== FRAMES * 2 + 16) throw new Error(`not every state was proven: ${JSON.stringify(states)}`);
  return rate;
}

const bench: Bench = {
  name: "pipeline",
  async run() {
    const server = await startServer();
    try {
      const { measured, baseline, ratio, spread } = await alternate(
        ROUNDS,
        () => recordAndProve(server.url, server.frames),
        () => discard(server.url, server.frames),
      );
      return [
        {
          name: "pipeline",
          promise: "socket -> journal durable -> book -> proof, beside ws receive-and-discard",
          measured,
          unit: "frames/s",
          baseline,
          ratio,
          goal: "ratio >= 0.5",
          holds: ratio >= 0.5,
          spread,
          notes: "two states proven a frame; the sender shares the two cores",
        },
      ];
    } finally {
      server.stop();
    }
  },
};

export default bench;
