/** Ctrl-C and its kin. */

import { InterruptedError } from './usage-error.ts';

/** What shells report for a command ended by Ctrl-C. */
export const interruptedExitCode = 130;

/**
 * A signal that SIGINT or SIGTERM aborts with an `InterruptedError`, so that work under way can end
 * tidily. The second time the process ends at once. A network call that is running blocks both until it returns.
 */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(interruptedExitCode);
    controller.abort(new InterruptedError());
  };
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, interrupt);
  return controller.signal;
}

/** `promise`, or the signal's reason as soon as it is aborted, whether or not the work itself listens. */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  // Once the signal has won, nobody waits for the work: its failure is no longer of interest.
  promise.catch(() => undefined);
  signal.throwIfAborted();
  let stop: () => void;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
  });
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener('abort', stop));
}
