/** Waiting that can be stopped. */

/**
 * `promise`, or the signal's reason as soon as it is aborted, whether or not the work itself listens.
 * @param patienceMs how much longer work that is nearly done is waited for
 */
export async function untilAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
  patienceMs = 0,
): Promise<T> {
  if (!signal) return promise;
  // Once the signal has won, nobody waits for the work: its failure is no longer of interest.
  promise.catch(() => undefined);
  if (patienceMs === 0) signal.throwIfAborted();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stop: () => void;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => {
      if (patienceMs === 0) reject(signal.reason);
      else timer = setTimeout(() => reject(signal.reason), patienceMs);
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  return Promise.race([promise, aborted]).finally(() => {
    signal.removeEventListener('abort', stop);
    clearTimeout(timer);
  });
}
