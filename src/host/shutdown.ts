export interface Shutdown {
  /** Aborts at the first SIGINT or SIGTERM; its reason is the signal's name. */
  readonly signal: AbortSignal;
  /** Stops listening: the process then dies of the next signal as any other does. */
  dispose(): void;
}

const ENDS: Record<string, number> = { SIGINT: 130, SIGTERM: 143 };

/**
 * Turns the first SIGINT or SIGTERM into an abort, so that a recording ends in order. The second ends the process at
 * once with the shell's code for it: whoever presses Ctrl-C twice has waited long enough, and the journal survives it.
 */
export function listenForShutdown(): Shutdown {
  const abort = new AbortController();
  const onSignal = (name: NodeJS.Signals): void => {
    if (abort.signal.aborted) process.exit(ENDS[name] ?? 1);
    abort.abort(name);
  };
  for (const name of Object.keys(ENDS)) process.on(name, onSignal);
  return {
    signal: abort.signal,
    dispose() {
      for (const name of Object.keys(ENDS)) process.off(name, onSignal);
    },
  };
}
