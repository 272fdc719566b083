import { describe, expect, it, onTestFinished } from "vitest";
import type { CaptureStatus, MarketStatus } from "#capture";
import { framesFileSource } from "#emulator";
import type { ConnectionClosed, Frame, Gap, GapRecord, UnixMicros } from "#model";
import { SECOND } from "#model";
import { bookAt, marketsOf } from "#replay";
import { type Rig, STARTS_AT, startRig } from "./capture-rig.ts";
import { receivedOn, SOCKETS, sourceOf, startRecording, textOf } from "./fixtures/recording.ts";
import { runCli } from "./fixtures/run-cli.ts";
import { standingClock } from "./fixtures/standing-clock.ts";
import { OPENS_AT, WrittenTape } from "./fixtures/written-tape.ts";

const ROUNDS = 3;
const REFUSALS = 4;

const bodiesOf = <T>(kind: Frame["kind"], frames: readonly Frame[]) =>
  frames.filter((frame) => frame.kind === kind).map((frame) => ({ ...frame, body: JSON.parse(textOf(frame)) as T }));

/** A recorder in a window of the synthetic venue, both its sockets carrying it. */
async function running(startsAt: UnixMicros, speed: number): Promise<Rig> {
  const rig = await startRig({ speed, startsAt });
  onTestFinished(() => rig.close());
  await rig.until("proving on both sockets", ({ totals, connections }) => {
    const open = connections.filter((each) => SOCKETS.includes(each.connection) && each.state === "open");
    return totals.states.proven > 20 && open.length === SOCKETS.length;
  });
  return rig;
}

/** The window that is on. */
function activeOf(rig: Rig): MarketStatus {
  return rig.capture.status().markets.find((market) => market.phase === "active")!;
}

describe("a token that is quiet for minutes (P7)", () => {
  it("stays recorded, on the same sockets, and its quiet is no gap", async () => {
    const tape = new WrittenTape();
    tape.dump(1, [
      ["BUY", "0.5", "100"],
      ["SELL", "0.52", "100"],
    ]);
    tape.change(2, [["BUY", "0.5", "90"]]);
    // Longer than any time after which a socket without a sign of life would be given up.
    tape.change(285, [["BUY", "0.51", "5"]]);
    tape.change(290, [["BUY", "0.5", "0"]]);
    const source = await framesFileSource(tape.write());
    const recording = await startRecording({ source, clock: standingClock(OPENS_AT, 100), record: [tape.slug] });
    await recording.heard((frame) => textOf(frame) === tape.frames.at(-1));
    await recording.stop();
    const frames = await recording.frames();
    for (const socket of SOCKETS) {
      expect(receivedOn(socket, frames).map(textOf)).toEqual(tape.frames);
      expect(frames.filter(({ connection, kind }) => connection === socket && kind === "opened")).toHaveLength(1);
    }
    const report = await recording.prove();
    expect(report.gaps).toEqual([]);
    expect(report.states).toEqual({ proven: 4, inferred: 0, contradicted: 0, unprovable: 0 });
  });
});

describe("sockets that fail again and again (P7)", () => {
  it("are dialled again until the window is over, and its end is recorded", async () => {
    const rig = await running((OPENS_AT + 5 * SECOND) as UnixMicros, 30);
    const { slug, outcomes } = activeOf(rig);
    // Three attempts would be long used up: by connections that break, and by those that are refused.
    for (let round = 1; round <= ROUNDS; round++) {
      rig.emulator.inject({ kind: "http_error", status: 503, requests: REFUSALS, surface: "upgrade" });
      rig.emulator.inject({ kind: "disconnect" });
      const carrying = ({ connections, gaps, openGaps }: CaptureStatus) => {
        const market = connections.filter((each) => SOCKETS.includes(each.connection));
        return market.every((each) => each.state === "open") && gaps.disconnect >= round && openGaps.length === 0;
      };
      await rig.until(`carrying again, round ${round}`, carrying, 45_000);
    }
    const told = ({ markets, finished }: CaptureStatus) =>
      [...markets, ...finished].some((market) => market.slug === slug && market.winner !== null);
    await rig.until("over", told, 45_000);
    await rig.end();
    const frames = await rig.frames();
    for (const socket of SOCKETS) {
      const end = receivedOn(socket, frames).filter((frame) => textOf(frame).includes("market_resolved"));
      expect(end.some((frame) => textOf(frame).includes(outcomes[0]!.instrument))).toBe(true);
    }
    const closed = bodiesOf<ConnectionClosed>("closed", frames).filter(({ connection }) =>
      SOCKETS.includes(connection),
    );
    const refused = closed.filter(({ body }) => body.reason.includes("503"));
    expect(refused.length).toBeGreaterThanOrEqual(ROUNDS * REFUSALS);
    expect(closed.length).toBeGreaterThanOrEqual(ROUNDS * (REFUSALS + SOCKETS.length));
  });
});

describe("a hole in a recording (P8)", () => {
  it("is a gap with its cause in the journal, at any moment within it, in verify, and not a calm book", async () => {
    const rig = await running(STARTS_AT, 20);
    const token = activeOf(rig).outcomes[0]!.instrument;
    rig.emulator.inject({ kind: "http_error", status: 503, requests: 6, surface: "upgrade" });
    rig.emulator.inject({ kind: "disconnect" });
    await rig.until("lost", ({ openGaps }) => openGaps.length > 0);
    await rig.until("well again", ({ gaps, openGaps }) => gaps.disconnect === 1 && openGaps.length === 0);
    const proven = rig.capture.status().totals.states.proven;
    await rig.until("well for a while", ({ totals }) => totals.states.proven > proven + 20);
    await rig.end();

    const frames = await rig.frames();
    const ledger = bodiesOf<GapRecord>("gap", frames);
    expect(ledger.map(({ body }) => body.phase)).toEqual(expect.arrayContaining(["opened", "closed"]));
    const opened = ledger.find(({ body }) => body.phase === "opened")!;
    const last = ledger.findLast(({ body }) => body.phase === "closed")!;
    expect(opened.body.gap).toMatchObject({ cause: "disconnect", to: null });
    expect(opened.body.gap.instruments).toContain(token);
    expect(opened.body.gap.evidence).not.toBe("");

    const source = sourceOf(frames);
    const bookOf = async (at: number) => bookAt(source, await marketsOf(source), token, at as UnixMicros);
    const within = (opened.receivedAt + last.receivedAt) / 2;
    expect(await bookOf(Math.floor(within))).toMatchObject({ openGaps: [{ cause: "disconnect", to: null }] });
    expect((await bookOf(opened.body.gap.from))?.openGaps).toEqual([]);
    expect(await bookOf(frames.at(-1)!.receivedAt)).toMatchObject({ verdict: "proven", openGaps: [] });

    const verified = await runCli("verify", "--data", `${rig.directory}/..`, "--json");
    const { gaps, states } = JSON.parse(verified.stdout) as { gaps: Gap[]; states: Record<string, number> };
    const asLastWritten = new Map(ledger.map(({ body }) => [body.gap.id, body.gap]));
    expect(gaps).toEqual([...asLastWritten.values()]);
    expect(gaps.every(({ from, to }) => to !== null && to > from)).toBe(true);
    expect(states.contradicted).toBe(0);
  });
});
