import { spawn } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";

const PROGRAM = `
  import { listenForShutdown } from ${JSON.stringify(join(import.meta.dirname, "shutdown.ts"))};
  const { signal } = listenForShutdown();
  const alive = setInterval(() => {}, 1000);
  signal.addEventListener("abort", () => {
    console.log("asked", signal.reason);
    if (process.argv[1] === "obey") clearInterval(alive);
  });
  console.log("ready");
`;

/** Runs a program that obeys a signal or hangs on, interrupts it (twice where it hangs), and says how it ended. */
function run(manner: "obey" | "hang"): Promise<{ lines: string; code: number | null }> {
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", PROGRAM, manner], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let lines = "";
  child.stdout.on("data", (chunk: Buffer) => {
    lines += chunk.toString();
    if (!lines.includes("asked")) child.kill("SIGINT");
    else if (manner === "hang") child.kill("SIGTERM");
  });
  return new Promise((resolve) => child.on("close", (code) => resolve({ lines, code })));
}

it("turns the first signal into an abort, so that the process ends in its own order", async () => {
  const { lines, code } = await run("obey");
  expect(lines).toBe("ready\nasked SIGINT\n");
  expect(code).toBe(0);
});

it("ends at once at the second signal", async () => {
  const { lines, code } = await run("hang");
  expect(lines).toBe("ready\nasked SIGINT\n");
  expect(code).toBe(143);
});
