/** Lets whatever else waits have its turn: signals, messages, what is drawn. Between steps of long work on one thread. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
