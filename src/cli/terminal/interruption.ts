/** Ctrl-C and its kin. */

import { setTimeout as sleep } from 'node:timers/promises';
import { isInferenceRunning } from '../../platform/node/engine/worker-runtime.ts';
import { InterruptedError } from './usage-error.ts';

/** What shells report for a command ended by Ctrl-C. */
export const interruptedExitCode = 130;

/**
 * A signal that SIGINT or SIGTERM aborts with an `InterruptedError`, so that work under way can end
 * tidily. The second time the process ends at once.
 */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  const interrupt = (): void => {
    if (controller.signal.aborted) exitInterrupted();
    controller.abort(new InterruptedError());
  };
  for (const name of signalNames) process.on(name, interrupt);
  return controller.signal;
}

const signalNames = ['SIGINT', 'SIGTERM'] as const;
/** A network that ends within this time is waited for, in milliseconds. */
const patienceMs = 50;

/** Ends the process soon, whatever runs. */
export async function endInterrupted(): Promise<void> {
  const start = performance.now();
  while (isInferenceRunning() && performance.now() - start < patienceMs) await sleep(10);
  exitInterrupted();
}

/**
 * Ends the process now. A network holds up a plain exit until it is done: then the process dies by the signal, which
 * shells report as the same code.
 */
function exitInterrupted(): void {
  if (!isInferenceRunning() || process.platform === 'win32') process.exit(interruptedExitCode);
  for (const name of signalNames) process.removeAllListeners(name);
  process.kill(process.pid, 'SIGINT');
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
