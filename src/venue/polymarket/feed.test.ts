import { spawn } from "node:child_process";
import type { AddressInfo, Socket } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { SECOND } from "#model";
import { cleanUp, cleanups, lastClosed, reach, run, venue } from "./fixtures/feed-rig.ts";

afterEach(cleanUp);

describe("an open feed", () => {
  it("greets, and hands on every message as the bytes that came, text and binary, stamped", async () => {
    const odd = Buffer.from([0x7b, 0xff, 0xfe, 0x7d, 0x0a]);
    const there = await venue((socket) =>
      socket.on("message", () => {
        socket.send('{"a":1, "b":"é"}');
        socket.send(odd, { binary: false });
        socket.send(odd, { binary: true });
      }),
    );
    const it = run(there.url);
    await reach(() => it.text("received").length === 3);
    expect(there.received).toEqual(["hello"]);
    expect(it.frames.map((frame) => frame.kind)).toEqual(["opened", "sent", "received", "received", "received"]);
    expect(it.text("received")[0]).toBe('{"a":1, "b":"é"}');
    expect(it.frames.slice(3).map((frame) => [...frame.bytes])).toEqual([[...odd], [...odd]]);
    expect(JSON.parse(it.text("opened")[0]!)).toEqual({ url: there.url, attempt: 1 });
    for (const frame of it.frames) {
      expect(frame.connection).toBe("market-a-0");
      expect(frame.receivedAt).toBe(it.clock.now());
    }
  });

  it("takes a compressing server, and its large messages, unchanged", async () => {
    const large = JSON.stringify(Array.from({ length: 20_000 }, (_, index) => ({ price: index, size: "12.5" })));
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: { threshold: 0 } });
    await new Promise((resolve) => server.once("listening", resolve));
    cleanups.push(() => {
      for (const socket of server.clients) socket.terminate();
      server.close();
    });
    const agreed: string[] = [];
    server.on("connection", (socket) => {
      agreed.push(socket.extensions);
      socket.send(large);
      socket.send("after");
    });
    const it = run(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await reach(() => it.text("received").length === 2);
    expect(agreed).toEqual(["permessage-deflate"]);
    expect(it.text("received")).toEqual([large, "after"]);
  });

  it("journals what it sends, without credentials and without heartbeats", async () => {
    const there = await venue();
    const it = run(there.url, {
      heartbeat: { text: "PING", everyMicros: 10 * SECOND },
      redact: (text) => text.replace("s3cret", "***"),
    });
    await reach(() => it.feed.state === "open");
    expect(it.feed.send("auth s3cret")).toBe(true);
    await it.clock.advance(20 * SECOND);
    await reach(() => there.received.length === 4);
    expect(there.received).toEqual(["hello", "auth s3cret", "PING", "PING"]);
    expect(it.text("sent")).toEqual(["hello", "auth ***"]);
  });

  it("answers a message where its plan says so, as PolyBolt's acceptance of the credentials", async () => {
    const there = await venue((socket) => socket.send("authed"));
    const it = run(there.url, {
      greeting: () => [],
      reply: (bytes) => (String(bytes) === "authed" ? ["subscribe"] : []),
    });
    await reach(() => there.received.length === 1);
    expect(there.received).toEqual(["subscribe"]);
    expect(it.frames.map((frame) => frame.kind)).toEqual(["opened", "received", "sent"]);
  });

  it("refuses to send more than the socket takes, and journals none of it", async () => {
    const there = await venue((socket) => socket.pause());
    const it = run(there.url);
    await reach(() => it.feed.state === "open");
    const big = "x".repeat(200_000);
    let accepted = 0;
    while (accepted < 200 && it.feed.send(big)) accepted++;
    expect(accepted).toBeLessThan(200);
    expect(it.text("sent").length).toBe(accepted + 1);
  });
});

describe("a feed whose connection ends", () => {
  it("dials again, greets anew, and counts how often it opened", async () => {
    const there = await venue();
    const it = run(there.url);
    await reach(() => there.received.length === 1);
    there.sockets[0]?.close(1012, "restart");
    await reach(() => it.feed.state === "waiting");
    expect(lastClosed(it)).toEqual({ code: 1012, reason: "restart", by: "venue" });
    await it.clock.advance(SECOND / 2);
    await reach(() => there.received.length === 2);
    expect(JSON.parse(it.text("opened")[1]!)).toMatchObject({ attempt: 2 });
    expect(it.states).toEqual(["connecting", "open", "waiting", "connecting", "open"]);
  });

  it("calls a torn connection the network's", async () => {
    const there = await venue();
    const it = run(there.url);
    await reach(() => it.feed.state === "open");
    there.sockets[0]?.terminate();
    await reach(() => it.feed.state === "waiting");
    expect(lastClosed(it)).toMatchObject({ code: 1006, by: "network" });
  });

  it("survives bytes that are no WebSocket frame, and a message beyond all bounds", async () => {
    const rude: ((socket: WebSocket) => void)[] = [
      (socket) => (socket as unknown as { _socket: Socket })._socket.write(Buffer.from("ffffffffffff", "hex")),
      (socket) => socket.send(Buffer.alloc(17 * 1_024 * 1_024)),
    ];
    const there = await venue((socket) => rude[there.sockets.length - 1]?.(socket.on("error", () => undefined)));
    const it = run(there.url);
    for (const reason of [/^Invalid WebSocket frame/, /^Max payload size exceeded/]) {
      await reach(() => it.feed.state === "waiting");
      expect(lastClosed(it)).toMatchObject({ reason: expect.stringMatching(reason) });
      const opened = it.text("opened").length;
      while (it.feed.state === "waiting") await it.clock.advance(SECOND / 4);
      await reach(() => it.text("opened").length === opened + 1);
    }
    await reach(() => it.feed.state === "open");
  });

  it.each([
    [4001, 60, "error"],
    [4003, 0, "info"],
    [4008, 300, "error"],
    [1011, 0.25, "info"],
  ])("waits as close code %i asks: at least %d s, and says so as %s", async (code, seconds, level) => {
    const there = await venue((socket) => socket.close(code, "why"));
    const it = run(there.url);
    await reach(() => it.feed.state === "waiting");
    expect(it.notes.at(-1)).toMatch(new RegExp(`^${level}: closed with ${code} \\(why\\)`));
    if (seconds > 0) await it.clock.advance(seconds * SECOND - 1);
    expect(there.sockets.length).toBe(1);
    await it.clock.advance(2 * Math.max(seconds, 10) * SECOND);
    await reach(() => there.sockets.length > 1);
  });

  it("backs off further while connections bring nothing, and starts over after a useful one", async () => {
    let generous = false;
    const there = await venue((socket) => {
      if (generous) socket.send('{"some":"data"}');
      else socket.close(1011);
    });
    const caps: number[] = [];
    const it = run(there.url, { random: { next: () => 1 } });
    for (let round = 0; round < 5; round++) {
      await reach(() => it.feed.state === "waiting");
      const begun = it.clock.now();
      while (it.feed.state === "waiting") await it.clock.advance(SECOND / 4);
      caps.push((it.clock.now() - begun) / SECOND);
      if (round === 3) generous = true;
      await reach(() => it.feed.state !== "connecting" || generous);
    }
    expect(caps.slice(0, 4)).toEqual([0.5, 1, 2, 4]);
    await reach(() => it.feed.state === "open" && it.text("received").length === 1);
    await it.clock.advance(6 * SECOND);
    it.feed.reconnect("test");
    await reach(() => it.feed.state === "waiting");
    await it.clock.advance(SECOND / 2);
    expect(it.feed.state).not.toBe("waiting");
  });
});

describe("a feed that hears nothing", () => {
  it("gives a silent connection up after its time, not before", async () => {
    const there = await venue();
    const it = run(there.url);
    await reach(() => it.feed.state === "open");
    await it.clock.advance(30 * SECOND - 1);
    expect(it.feed.state).toBe("open");
    await it.clock.advance(1);
    await reach(() => it.states.includes("stale") && it.feed.state === "waiting");
    expect(lastClosed(it)).toMatchObject({ reason: "no sign of life for 30 s", by: "us" });
  });

  it("takes PONG for life where anything counts, and not where only data does", async () => {
    const answer = (socket: WebSocket) =>
      socket.on("message", (data) => String(data) === "PING" && socket.send("PONG"));
    const there = await venue(answer);
    const heartbeat = { text: "PING", everyMicros: 10 * SECOND };
    const any = run(there.url, { heartbeat });
    const data = run(there.url, { heartbeat, liveness: "data" });
    await reach(() => any.feed.state === "open" && data.feed.state === "open");
    for (let beat = 1; beat <= 4; beat++) {
      await any.clock.advance(10 * SECOND);
      await reach(() => any.text("received").length === beat);
      await data.clock.advance(10 * SECOND);
      if (beat < 3) await reach(() => data.text("received").length === beat);
    }
    expect(any.feed.state).toBe("open");
    await reach(() => data.states.includes("stale"));
  });

  it("takes the server's protocol pings for life", async () => {
    const there = await venue();
    const it = run(there.url);
    await reach(() => there.sockets.length === 1 && it.feed.state === "open");
    const ponged = vi.fn();
    there.sockets[0]?.on("pong", ponged);
    for (let beat = 1; beat <= 3; beat++) {
      await it.clock.advance(25 * SECOND);
      there.sockets[0]?.ping();
      await reach(() => ponged.mock.calls.length === beat);
    }
    expect(it.feed.state).toBe("open");
  });
});

describe("closing a feed", () => {
  it("says goodbye, hands on what still came, and leaves no timer", async () => {
    const there = await venue((socket) => socket.on("close", () => undefined));
    const it = run(there.url, { heartbeat: { text: "PING", everyMicros: SECOND } });
    await reach(() => there.received.length === 1);
    there.sockets[0]?.send("last words");
    await it.feed.close();
    expect(it.text("received")).toEqual(["last words"]);
    expect(lastClosed(it)).toEqual({ code: 1000, reason: "closed by us", by: "us" });
    expect(it.feed.state).toBe("closed");
    expect(it.clock.pending).toBe(0);
    expect(it.feed.send("more")).toBe(false);
  });

  it("ends in any state, also when the server does not answer the goodbye", async () => {
    const deaf = await venue((socket) => socket.pause());
    const it = run(deaf.url);
    await reach(() => it.feed.state === "open");
    const closing = it.feed.close();
    await it.clock.advance(2 * SECOND);
    await closing;
    const waiting = run("ws://127.0.0.1:1");
    await reach(() => waiting.feed.state === "waiting");
    await waiting.feed.close();
    expect(waiting.clock.pending).toBe(0);
    const connecting = run(deaf.url);
    await connecting.feed.close();
    expect(connecting.feed.state).toBe("closed");
  });
});

it("a callback that throws ends the process, for it is our bug", async () => {
  const there = await venue((socket) => socket.send("{} and more"));
  const program = `
    import { Feed } from ${JSON.stringify(join(import.meta.dirname, "feed.ts"))};
    import { systemClock, silentLog } from "#host";
    new Feed({ surface: "market", connection: "market-a-0", url: ${JSON.stringify(there.url)}, clock: systemClock(),
      log: silentLog(), greeting: () => [], staleAfterMicros: 30e6, liveness: "any",
      onFrame(frame) { if (frame.kind === "received") throw new Error("a bug of ours"); } }).start();
  `;
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", program], {
    cwd: join(import.meta.dirname, "../../.."),
    stdio: ["ignore", "ignore", "pipe"],
  });
  let errors = "";
  child.stderr.on("data", (chunk) => {
    errors += String(chunk);
  });
  const code = await new Promise((resolve) => child.on("close", resolve));
  expect(code).not.toBe(0);
  expect(errors).toContain("a bug of ours");
});
