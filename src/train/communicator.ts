/** Trainers that learn as one, each from its share of every batch: data parallelism. */

/** One trainer's line to all others. Each of them makes the same calls in the same order. */
export interface Communicator {
  /** Which trainer this is, 0..size-1; rank 0 validates and saves. */
  readonly rank: number;
  /** How many there are. */
  readonly size: number;
  /**
   * Adds up everyone's arrays of one length, element by element, in place (an all-reduce). All get the same bits, and
   * the same ones whenever so many trainers add the same numbers.
   * @throws {Error} if another trainer has failed
   */
  sum(data: Float32Array): Promise<void>;
}

/** Of a trainer that has no others. */
export const alone: Communicator = { rank: 0, size: 1, sum: async () => {} };

/** Whether one of the trainers says yes; all of them must ask. */
export async function anyOf(communicator: Communicator, yes: boolean): Promise<boolean> {
  const count = Float32Array.of(yes ? 1 : 0);
  await communicator.sum(count);
  return count[0]! > 0;
}

/** Numbers by the same names in all trainers, added up in place. */
export async function sumByName(communicator: Communicator, numbers: Map<string, number>): Promise<void> {
  if (communicator.size === 1) return;
  const values = Float32Array.from(numbers.values());
  await communicator.sum(values);
  for (const [i, name] of [...numbers.keys()].entries()) numbers.set(name, values[i]!);
}

/** Fills everyone's arrays with what rank 0 holds. */
export async function takeFromFirst(
  communicator: Communicator,
  arrays: readonly Float32Array[],
): Promise<void> {
  for (const data of arrays) {
    if (communicator.rank > 0) data.fill(0);
    await communicator.sum(data);
  }
}
