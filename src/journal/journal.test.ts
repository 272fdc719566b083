import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "#host";
import { openJournal, openJournalReader, verifyJournal } from "#journal";
import type { ConnectionId, Frame, MonotonicMicros, UnixMicros, UnnumberedFrame } from "#model";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "polypunt-journal-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const clock = systemClock();
function frame(text: string, receivedAt = 1_000_000, connection = "market-a-0"): UnnumberedFrame {
  return {
    connection: connection as ConnectionId,
    kind: "received",
    receivedAt: receivedAt as UnixMicros,
    monotonicAt: 5 as MonotonicMicros,
    bytes: new TextEncoder().encode(text),
  };
}
async function readAll(): Promise<Frame[]> {
  const reader = await openJournalReader(directory);
  const frames: Frame[] = [];
  for await (const some of reader.read()) frames.push(...some);
  await reader.close();
  return frames;
}

describe("a journal", () => {
  it("gives back what was appended, in order, also to the next writer's readers", async () => {
    const journal = await openJournal({ directory, clock });
    for (let index = 0; index < 1000; index++) journal.append(frame(`frame ${index}`, 1_000 + index));
    await journal.flush();
    expect(journal.durable).toBe(999);
    await journal.close();
    const again = await openJournal({ directory, clock });
    expect(again.next).toBe(1000);
    expect(again.recovery).toEqual({ truncatedBytes: 0, lastFrameAt: 1_999, damage: [] });
    expect(again.append(frame("one more"))).toBe(1000);
    await again.close();
    const frames = await readAll();
    expect(frames.map(({ seq }) => seq)).toEqual(Array.from({ length: 1001 }, (_, index) => index));
    expect(new TextDecoder().decode(frames[17]!.bytes)).toBe("frame 17");
    expect(await verifyJournal(directory)).toMatchObject({ frames: 1001, segments: 2, damage: [], tornBytes: 0 });
  });
});
