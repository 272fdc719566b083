import { createServer, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { SECOND } from "#model";
import { cleanUp, cleanups, lastClosed, reach, run } from "./fixtures/feed-rig.ts";

afterEach(cleanUp);

describe("a feed that is not let in", () => {
  it("honours Retry-After of a 429, and the refusal is a frame", async () => {
    let asked = 0;
    const server: Server = createServer();
    server.on("upgrade", (_request, socket) => {
      asked++;
      socket.on("error", () => undefined);
      socket.end("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    cleanups.push(() => server.close());
    const it = run(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await reach(() => it.feed.state === "waiting");
    expect(lastClosed(it)).toEqual({ code: null, reason: "refused with HTTP 429", by: "venue" });
    await it.clock.advance(7 * SECOND);
    expect(asked).toBe(1);
    await it.clock.advance(SECOND);
    await reach(() => asked === 2);
  });

  it("keeps trying a port that nobody listens on", async () => {
    const tcp = await listen(createTcpServer());
    const url = `ws://127.0.0.1:${(tcp.address() as AddressInfo).port}`;
    await new Promise((resolve) => tcp.close(resolve));
    const it = run(url);
    for (let round = 0; round < 12; round++) {
      await reach(() => it.feed.state === "waiting");
      await it.clock.advance(30 * SECOND);
      expect(it.feed.state).not.toBe("closed");
    }
    await reach(() => it.text("closed").length >= 12);
    expect(lastClosed(it)).toMatchObject({ code: null, by: "network" });
    expect(it.text("opened")).toEqual([]);
  });

  it("gives up on a server that never answers the upgrade, and on one that answers garbage", async () => {
    const garbage = await listen(createTcpServer((socket) => socket.on("error", () => undefined).end("not HTTP\r\n")));
    const first = run(`ws://127.0.0.1:${(garbage.address() as AddressInfo).port}`);
    await reach(() => first.feed.state === "waiting");
    expect(lastClosed(first)).toMatchObject({ code: null, by: "network" });

    let dialled = 0;
    const mute = await listen(
      createTcpServer((socket) => void socket.on("error", () => undefined).once("data", () => dialled++)),
    );
    const second = run(`ws://127.0.0.1:${(mute.address() as AddressInfo).port}`);
    await reach(() => dialled === 1);
    expect(second.feed.state).toBe("connecting");
    await second.clock.advance(10 * SECOND);
    await reach(() => second.feed.state === "waiting");
    expect(lastClosed(second)).toEqual({ code: null, reason: "it did not open in time", by: "us" });
  });

  async function listen(server: TcpServer): Promise<TcpServer> {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    cleanups.push(() => server.close());
    return server;
  }
});
