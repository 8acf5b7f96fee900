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
    if (controller.signal.aborted) exitAtOnce(interruptedExitCode);
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
  await networksDone(patienceMs);
  exitAtOnce(interruptedExitCode);
}

/** Waits until no network runs any more, or `mostMs` have passed. */
async function networksDone(mostMs = Number.POSITIVE_INFINITY): Promise<void> {
  const start = performance.now();
  while (isInferenceRunning() && performance.now() - start < mostMs) await sleep(10);
}

/**
 * Ends the process now. A network that runs would hold up a plain exit, and then break it: the process dies by SIGINT
 * in that case, which shells report as the code of an interruption.
 */
function exitAtOnce(code: number): void {
  if (!isInferenceRunning() || process.platform === 'win32') process.exit(code);
  for (const name of signalNames) process.removeAllListeners(name);
  process.kill(process.pid, 'SIGINT');
}
