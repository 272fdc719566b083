import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { WebSocket } from "ws";
import { alternate, type Bench } from "./measure.ts";

// A data folder played as fast as it goes, through merge, decoder, books and subscriptions to one client that throws each
// frame away, against a loop that sends the same ready bytes over `ws`. Each sender is a process of its own.

const MARKETS = 8;
const FRAMES = 40_000;
const ROUNDS = 5;

interface Sender {
  /** What it said of itself, by words. */
  readonly words: readonly string[];
  stop(): void;
}

async function startSender(file: string): Promise<Sender> {
  const child: ChildProcess = fork(join(import.meta.dirname, "fixtures", file), [String(MARKETS), String(FRAMES)], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  const [line] = (await once(child.stdout!, "data")) as [Buffer];
  return { words: line.toString().trim().split(" "), stop: () => void child.kill() };
}

/** Frames a second, from the first of `frames` updates to the last. */
function counted(socket: WebSocket, frames: number): Promise<number> {
  return new Promise((resolve) => {
    let received = 0;
    let begun = 0;
    socket.on("message", () => {
      if (received++ === 0) begun = performance.now();
      if (received < frames) return;
      resolve((frames * 1_000) / (performance.now() - begun));
      socket.terminate();
    });
  });
}

async function bareLoop({ words: [port, frames] }: Sender): Promise<number> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  await once(socket, "open");
  const rate = counted(socket, Number(frames));
  socket.send("go");
  return rate;
}

async function emulated({ words: [url = "", from] }: Sender): Promise<number> {
  const control = url.replace("ws://", "http://").replace("/ws/market", "/control");
  const command = async (name: string, body: object): Promise<void> => {
    const { ok } = await fetch(`${control}/${name}`, { method: "POST", body: JSON.stringify(body) });
    if (!ok) throw new Error(`the emulator refused to ${name}`);
  };
  await command("pause", {});
  await command("seek", { at: from });
  const markets = (await (await fetch(`${control}/markets`)).json()) as { tokens: { token: string }[] }[];
  const socket = new WebSocket(url);
  await once(socket, "open");
  const tokens = markets.flatMap((market) => market.tokens.map(({ token }) => token));
  socket.send(JSON.stringify({ type: "market", assets_ids: tokens }));
  const [dump] = (await once(socket, "message")) as [Buffer];
  if (!dump.toString().startsWith("[{")) throw new Error("no opening books");
  const rate = counted(socket, FRAMES);
  await command("play", {});
  return rate;
}

const bench: Bench = {
  name: "emulator",
  async run() {
    const senders = await Promise.all([startSender("emulator-server.ts"), startSender("frame-server.ts")]);
    try {
      const { measured, baseline, ratio, spread } = await alternate(
        ROUNDS,
        () => emulated(senders[0]),
        () => bareLoop(senders[1]),
      );
      return [
        {
          name: "emulator",
          promise: "a data folder played at unlimited pace to one client, beside a bare ws send loop",
          measured,
          unit: "frames/s",
          baseline,
          ratio,
          goal: "ratio >= 0.5",
          holds: ratio >= 0.5,
          spread,
          notes: "two-entry price_change of about 610 B; sender and client share the two cores",
        },
      ];
    } finally {
      for (const sender of senders) sender.stop();
    }
  },
};

export default bench;
