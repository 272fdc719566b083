import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "#host";
import type { EmulatedItem, EmulatorSource } from "../source.ts";

/** Steps taken before the sockets get their turn, where the source is behind the clock. */
const STEPS_A_TURN = 64;

/** Plays a source at the clock's speed until it ends or the signal aborts: no step before its time. */
export async function play(
  source: EmulatorSource,
  clock: Clock,
  deliver: (item: EmulatedItem) => void,
  signal: AbortSignal,
): Promise<void> {
  let steps = 0;
  while (!signal.aborted) {
    const at = source.nextAt();
    if (at === null) {
      if (!(await source.prepare())) return;
      continue;
    }
    const wait = at - clock.now();
    if (wait > 0) {
      steps = 0;
      await clock.sleep(wait, signal);
      continue;
    }
    for (const item of source.step()) deliver(item);
    if (++steps % STEPS_A_TURN === 0) await nextTurn();
  }
}
