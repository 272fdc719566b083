import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { parseTime, SECOND, type UnixMicros } from "#model";
import { systemClock } from "./clock.ts";
import { fetchBytes, HttpError, parseRetryAfter } from "./http.ts";
import { manualClock } from "./manual-clock.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const clock = systemClock();

async function failureOf(fetching: Promise<unknown>): Promise<HttpError> {
  const error = await fetching.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof HttpError)) throw new Error(`no HttpError but ${String(error)}`);
  return error;
}

describe("fetchBytes", () => {
  it("gives the body byte for byte, whatever the status, with Retry-After read", async () => {
    const url = await serve((_, response) => {
      response.writeHead(429, { "retry-after": "3" });
      response.write("slow ");
      setImmediate(() => response.end(new Uint8Array([0, 255, 10])));
    });
    const answer = await fetchBytes(url, { clock });
    expect(answer.status).toBe(429);
    expect([...answer.body]).toEqual([...Buffer.from("slow "), 0, 255, 10]);
    expect(answer.retryAfterMicros).toBe(3 * SECOND);
  });

  it("sends the headers it was given", async () => {
    const url = await serve((request, response) => response.end(request.headers["x-probe"]));
    const answer = await fetchBytes(url, { clock, headers: { "x-probe": "here" } });
    expect(Buffer.from(answer.body).toString()).toBe("here");
  });

  it("names a refused connection and keeps its cause", async () => {
    const url = await serve(() => undefined);
    await new Promise((resolve) => servers.pop()?.close(resolve));
    const error = await failureOf(fetchBytes(url, { clock }));
    expect(error).toMatchObject({ failure: "network", status: null });
    expect(error.message).toContain("ECONNREFUSED");
    expect(error.cause).toBeInstanceOf(Error);
  });

  it("stops reading a body beyond its bound", async () => {
    const url = await serve((_, response) => response.end(new Uint8Array(100_000)));
    const error = await failureOf(fetchBytes(url, { clock, maxBytes: 1_000 }));
    expect(error.failure).toBe("too_large");
  });

  it("gives up on a server that never answers, by the clock it was given", async () => {
    const asked = Promise.withResolvers<void>();
    const url = await serve(() => asked.resolve());
    const virtual = manualClock();
    const failing = failureOf(fetchBytes(url, { clock: virtual, timeoutMicros: 60 * SECOND }));
    await asked.promise;
    await virtual.advance(60 * SECOND);
    expect((await failing).failure).toBe("timeout");
  });

  it("tells giving up on purpose from a timeout", async () => {
    const abort = new AbortController();
    const url = await serve(() => abort.abort());
    expect((await failureOf(fetchBytes(url, { clock, signal: abort.signal }))).failure).toBe("aborted");
  });
});

describe("Retry-After", () => {
  const now = parseTime("2026-11-22T10:00:00Z") as UnixMicros;
  it.each([
    ["120", 120 * SECOND],
    ["0.5", SECOND / 2],
    ["Sun, 22 Nov 2026 10:01:00 GMT", 60 * SECOND],
    ["Sun, 22 Nov 2026 09:00:00 GMT", 0],
    ["soon", null],
    ["-5", null],
    ["", null],
    [null, null],
  ])("%j is read as %j", (text, expected) => {
    expect(parseRetryAfter(text, now)).toBe(expected);
  });
});
